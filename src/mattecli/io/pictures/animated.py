"""Animated WebP as clips, which FFmpeg does not decode: Pillow's frames, each with its time in milliseconds."""

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np
from PIL import Image

from mattecli.errors import InputError
from mattecli.io.clip_types import Clip, Colour, Frame, Span
from mattecli.io.files import reading
from mattecli.io.pictures.metadata import BAFFLED
from mattecli.io.pictures.sizes import check_size, webp_size

_HEAD = 32
_MILLISECOND = Fraction(1, 1000)
_USUAL_DURATION = 100  # milliseconds, for a frame of 0, as in browsers
_SRGB = Colour(matrix=0, primaries=1, transfer=13, full_range=True)


def is_animated_webp(source: str) -> bool:
    """Whether a file is a WebP whose header says that it is animated (RFC 9649, section 2.7)."""
    if not os.path.isfile(source):  # unlike Path's, False for names longer than the system allows
        return False
    with reading(source), Path(source).open("rb") as file:
        head = file.read(_HEAD)
    return head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) > 20 and bool(head[20] & 2)


class AnimatedReader:
    """Reads an animated WebP; a Reader. Frames are 8-bit RGB with the transparency of their canvas."""

    notes: tuple[str, ...] = ()

    def __init__(self, source: str, *, span: Span) -> None:
        self.damage: str | None = None
        self._span = span
        with reading(source), Path(source).open("rb") as file:
            size = webp_size(file.read(_HEAD))
        check_size(source, size or (0, 0), length=os.path.getsize(source))
        try:
            self._picture = Image.open(source, formats=("WEBP",))
            self._durations = self._listed()
        except (OSError, *BAFFLED) as error:
            raise InputError(f"{source} is damaged or cut off; get a whole copy") from error
        length, count = sum(self._durations), len(self._durations)
        rate = Fraction(1000 * count, length)
        frames = span.count(count, rate)
        shape = (self._picture.height, self._picture.width)
        self.clip = Clip(source, shape, _MILLISECOND, rate / span.every, frames=frames, colour=_SRGB, alpha=True)

    def __enter__(self) -> "AnimatedReader":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._picture.close()

    def __iter__(self) -> Iterator[Frame]:
        begins = np.cumsum([0, *self._durations]).tolist()
        timed = ((begin * _MILLISECOND, number) for number, begin in enumerate(begins[:-1]))
        for index, number in enumerate(self._span.pick(timed)):
            try:
                self._picture.seek(number)
                levels = np.asarray(self._picture.convert("RGBA"))
            except (OSError, *BAFFLED):
                self.damage = f"is damaged or cut off at about {begins[number] / 1000:.2f} s"
                return
            colours, alpha = np.ascontiguousarray(levels[..., :3]), np.ascontiguousarray(levels[..., 3])
            yield Frame(colours, begins[number], self._durations[number] * self._span.every, index, alpha)

    def _listed(self) -> list[int]:
        """Each frame's duration in milliseconds; found by decoding all pictures in turn without keeping them."""
        durations = []
        for number in range(getattr(self._picture, "n_frames", 1)):
            self._picture.seek(number)
            self._picture.load()
            durations.append(int(self._picture.info.get("duration", 0)) or _USUAL_DURATION)
        self._picture.seek(0)
        return durations
