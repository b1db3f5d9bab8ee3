"""matte: cut people and things out of photographs and video, with their hair on."""

__version__ = "0.1.0"
