"""Worker processes of this machine, which make the items of a batch."""
