"""The measurements of `matte bench`."""
