"""Registration of two pictures of one scene: camera motion and exposure."""
