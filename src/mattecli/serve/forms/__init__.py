"""Forms of requests: fields, uploads, and their parsing."""
