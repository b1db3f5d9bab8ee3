"""How one picture of a scene lies on another: camera motion and exposure."""
