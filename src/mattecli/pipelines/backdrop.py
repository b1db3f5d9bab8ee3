"""What a cut-out is laid over: a colour or a picture, opened once for a whole run. No torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from mattecli.io.images import read_photo
from mattecli.matting.compose import Plane, fit, parse_colour, plain


class Backdrop(Protocol):
    """Something that can stand behind a picture of any size at any moment."""

    def at(self, size: tuple[int, int], seconds: float = 0.0) -> Plane:
        """The backdrop at a (height, width), `seconds` after the start: float32 [H, W, 3], encoded sRGB in 0..1."""
        ...


@dataclass(frozen=True)
class PlainBackdrop:
    """One colour."""

    colour: tuple[float, float, float]

    def at(self, size: tuple[int, int], seconds: float = 0.0) -> Plane:
        return plain(*size, self.colour)


@dataclass(frozen=True)
class PictureBackdrop:
    """A picture, fitted to each frame."""

    picture: Plane

    def at(self, size: tuple[int, int], seconds: float = 0.0) -> Plane:
        return fit(self.picture, *size)


def open_backdrop(over: str) -> Backdrop:
    """The backdrop a person named: a picture file, else a colour. Raises MatteError for what is neither."""
    if Path(over).is_file():
        photo = read_photo(over)
        return PictureBackdrop((photo.pixels / photo.top).astype(np.float32))
    return plain_backdrop(over)


def plain_backdrop(colour: str) -> Backdrop:
    return PlainBackdrop(parse_colour(colour))
