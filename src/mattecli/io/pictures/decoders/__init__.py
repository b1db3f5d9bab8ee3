"""One module a family of formats: the bytes of a file to its pixels."""
