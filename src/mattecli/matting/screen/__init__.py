"""Screens behind a subject: found and rebuilt as a plate, keyed, and their spill taken out of colours."""
