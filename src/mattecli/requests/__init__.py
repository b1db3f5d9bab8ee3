"""What a command asks for, checked before anything heavy is loaded. No torch."""
