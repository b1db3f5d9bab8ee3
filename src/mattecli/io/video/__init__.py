"""Video files: opening, time stamps, damage, encoding."""
