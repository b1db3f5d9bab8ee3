"""Inside a video file: opening it, its times, its damage."""
