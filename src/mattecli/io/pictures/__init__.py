"""Still pictures, below io/images.py: what a file is, what it says of itself, how it is decoded and encoded."""
