"""Linear systems solved in scriptable torch."""
