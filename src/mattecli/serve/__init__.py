"""The HTTP service: a matte for a photo over HTTP, and a page with a brush."""
