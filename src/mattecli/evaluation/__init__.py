"""Mattes measured against true ones."""
