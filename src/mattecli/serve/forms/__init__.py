"""What requests hold: fields, uploads, and what they ask for."""
