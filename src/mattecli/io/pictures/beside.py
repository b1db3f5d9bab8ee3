"""What a picture file carries beside its pixels."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Beside:
    """icc: the colours' profile. dpi: pixels an inch, across and down. exif: camera, date and the like, as Exif data. Each None for none.

    premultiplied: whether the colours of integers are multiplied by their alpha, which TIFF files say of themselves (others cannot).
    """

    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    exif: bytes | None = None
    premultiplied: bool = False


NOTHING = Beside()
