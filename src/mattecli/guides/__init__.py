"""Guides: from what the user gives with a picture or a clip to what a model takes."""
