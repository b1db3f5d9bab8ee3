"""Still pictures, below io/images.py: formats, metadata, decoding and encoding."""
