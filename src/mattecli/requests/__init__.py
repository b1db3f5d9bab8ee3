"""Requests of commands, checked before anything heavy is loaded. No torch."""
