"""Pages for a browser, each of them one file."""
