"""Where a subject that was drawn in one frame is in the others."""
