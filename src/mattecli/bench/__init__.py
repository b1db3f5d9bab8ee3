"""What `matte bench` runs."""
