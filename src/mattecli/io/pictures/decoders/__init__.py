"""Decoders, one module per family of formats: from the bytes of a file to its pixels."""
