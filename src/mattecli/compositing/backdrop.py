"""Backdrops of composites: a colour, a picture or a clip, opened once for a whole run. No torch."""

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Protocol

import numpy as np

from mattecli.compositing.fit import fit, plain
from mattecli.errors import InputError, UsageError
from mattecli.io.clip_types import Colour, Frame, Reader, display_size
from mattecli.io.icc import converted, is_sound
from mattecli.io.images import read_photo
from mattecli.io.pictures.formats import is_picture
from mattecli.io.pictures.photo import Photo, Pixels
from mattecli.io.sequences import is_sequence
from mattecli.matting.levels import Plane, from_levels
from mattecli.requests.fits import check_fit
from mattecli.requests.quantities import Length, parse_colour, parse_length

# Times are floating-point seconds: a frame is due when its time is this near.
ROUNDING = 1e-6
SHARP = Length(0)


class Backdrop(Protocol):
    """A backdrop for pictures of any size, at any time."""

    def at(self, size: tuple[int, int], seconds: float = 0.0, *, icc: bytes | None = None) -> Plane:
        """The backdrop at a (height, width), `seconds` after the start: float32 [H, W, 3] in 0..1, not to be written to.

        icc: the profile that the values are encoded in, that of the picture before it; None for sRGB.
        """
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the user about its use so far."""
        ...

    def close(self) -> None:
        """Close its file."""
        ...


@dataclass(frozen=True)
class Placing:
    """How a picture is brought to a frame's size: cover | contain | stretch, and the Gaussian's standard deviation that blurs it."""

    mode: str = "cover"
    blur: Length = SHARP

    def __call__(self, picture: Plane, size: tuple[int, int], *, light: bool = False) -> Plane:
        return fit(picture, *size, mode=self.mode, sigma=self.blur.pixels(size), light=light)


def parse_blur(text: str) -> Length:
    """A blur as parse_length reads it; UsageError for anything else."""
    return parse_length(text, wrong=f"`blur` {text} is no amount of blur; give")


@dataclass(frozen=True)
class PlainBackdrop:
    """One colour."""

    colour: tuple[float, float, float]
    notes: tuple[str, ...] = ()

    def at(self, size: tuple[int, int], seconds: float = 0.0, *, icc: bytes | None = None) -> Plane:
        return _filled(size, self.colour if icc is None else _meant(self.colour, icc))

    def close(self) -> None:
        """Nothing is open."""


@lru_cache(maxsize=1)
def _filled(size: tuple[int, int], colour: tuple[float, float, float]) -> Plane:
    """A backdrop of one colour, cached for the next picture of that size."""
    return plain(*size, colour)


def _meant(colour: tuple[float, float, float], icc: bytes) -> tuple[float, float, float]:
    """An sRGB colour in the values of a profile."""
    level = np.rint(np.array(colour) * 255).astype(np.uint8)[None, None]
    red, green, blue = (float(part) / 255 for part in converted(level, None, icc)[0, 0])
    return red, green, blue


class PictureBackdrop:
    """A picture, fitted to each frame; it is kept as it was fitted last, for the pictures of one size that follow each other.

    Transparent pixels are black, like the bars beside a picture that does not fill the frame.
    """

    def __init__(self, photo: Photo, placing: Placing, *, named: str = "the backdrop") -> None:
        self._alpha, self._placing, self._light = photo.alpha, placing, photo.light
        self._levels = lru_cache(maxsize=4)(partial(converted, photo.pixels, photo.icc))
        self._fitted: tuple[tuple[int, int], bytes | None, Plane] | None = None
        damaged = f"the colour profile of {named} is damaged, so its colours are taken as they are"
        read = tuple(f"{named}: {note}" for note in photo.notes)
        self.notes: tuple[str, ...] = read if is_sound(photo.icc) else (*read, damaged)

    def __repr__(self) -> str:
        """Names the picture and its placing, by which two runs are compared."""
        return f"PictureBackdrop({zlib.crc32(self._colours(None).tobytes()):08x}, {self._placing})"

    def at(self, size: tuple[int, int], seconds: float = 0.0, *, icc: bytes | None = None) -> Plane:
        fitted = self._fitted  # another thread may replace it by a picture of another size
        if fitted is None or fitted[:2] != (size, icc):
            self._fitted = fitted = (size, icc, self._placing(self._colours(icc), size))
        return fitted[2]

    def light_at(self, size: tuple[int, int], chromaticities: tuple[float, ...] | None) -> Plane | None:
        """The light of a picture of floats at a (height, width), by some chromaticities; None for a picture of integers."""
        if self._light is None:
            return None
        return self._placing(self._light.within(chromaticities).colours, size, light=True)

    def close(self) -> None:
        """Nothing is open."""

    def _colours(self, icc: bytes | None) -> Plane:
        return _shown(from_levels(self._levels(icc)), self._alpha)


def _shown(colours: Plane, alpha: Pixels | None) -> Plane:
    """Colours [H, W, 3], black where they are transparent."""
    return colours if alpha is None else colours * from_levels(alpha)[:, :, None]


class ClipBackdrop:
    """A clip, read forward in time and looped; one frame is held.

    A request for an earlier time restarts it.
    """

    def __init__(self, source: str, placing: Placing) -> None:
        self._source, self._placing = source, placing
        self._length: float | None = None  # seconds, known when the end was seen
        self._looped = False
        self._fitted: tuple[object, Plane] | None = None
        self._begin()

    def __repr__(self) -> str:
        return f"ClipBackdrop({self._source!r}, {self._placing})"

    @property
    def notes(self) -> tuple[str, ...]:
        damage = (f"{self._source} {self._reader.damage}",) if self._reader.damage else ()
        looped = (f"{self._source} lasts {self._length:.2f} s, less than the clip, and begins again at its end",) if self._looped else ()
        return (*self._reader.notes, *damage, *looped)

    @property
    def colour(self) -> Colour:
        """The colour tags of its file; an HDR clip is shown tone-mapped."""
        return self._reader.clip.colour

    def at(self, size: tuple[int, int], seconds: float = 0.0, *, icc: bytes | None = None) -> Plane:
        frame = self._frame_at(max(seconds, 0.0) + ROUNDING)
        return self._placed(frame, converted(frame.pixels, self._reader.clip.icc, icc), size, (size, icc, frame.index))

    def levels_at(self, size: tuple[int, int], seconds: float = 0.0) -> Plane:
        """The frame as `at` returns it, in the encoded values of its file."""
        frame = self._frame_at(max(seconds, 0.0) + ROUNDING)
        return self._placed(frame, frame.levels, size, (size, "levels", frame.index))

    def _placed(self, frame: Frame, pixels: Pixels, size: tuple[int, int], key: object) -> Plane:
        if self._fitted is None or self._fitted[0] != key:
            clip = self._reader.clip
            colours = _shown(from_levels(pixels), frame.transparency)
            if clip.aspect != 1:
                colours = fit(colours, *display_size(clip.size, clip.aspect), mode="stretch")
            self._fitted = (key, self._placing(colours, size))
        return self._fitted[1]

    def close(self) -> None:
        self._reader.close()

    def _begin(self) -> None:
        from mattecli.io.video_read import COPY, open_clip  # here, so that colours and pictures need no PyAV

        self._reader: Reader = open_clip(self._source, tone_map=COPY)
        self._frames: Iterator[Frame] = iter(self._reader)
        first = next(self._frames, None)
        if first is None:
            raise InputError(f"{self._source} holds no frames; give another backdrop")
        self._frame: Frame = first
        self._next: Frame | None = next(self._frames, None)

    def _frame_at(self, seconds: float) -> Frame:
        """The frame shown at that time: the last one that has started."""
        moment = self._within(seconds)
        if moment < self._time(self._frame):
            self._restart()
        while self._next is not None and self._time(self._next) <= moment:
            self._frame, self._next = self._next, next(self._frames, None)
        if self._next is None and self._length is None:
            self._length = self._time(self._frame) + float(self._frame.duration * self._reader.clip.time_base)
            if seconds >= self._length > 0:
                return self._frame_at(seconds)
        return self._frame

    def _within(self, seconds: float) -> float:
        """The time in the clip for a time of the run."""
        if not self._length or seconds < self._length:
            return seconds
        self._looped = True
        return seconds % self._length

    def _time(self, frame: Frame) -> float:
        return float((frame.pts - self._reader.clip.start) * self._reader.clip.time_base)

    def _restart(self) -> None:
        self._reader.close()
        self._begin()


def open_backdrop(over: str, *, mode: str = "cover", blur: Length = SHARP) -> Backdrop:
    """The backdrop of a name: a colour, a picture, or a clip (a file, or a folder or pattern of pictures).

    A word that is a colour is that colour, even where a folder has its name; ./white is the folder. mode and blur are how pictures
    and clips are brought to a frame's size. Raises MatteError for what is none of these, or larger than reading_within allows.
    """
    check_fit(mode)
    placing = Placing(mode, blur)
    if is_picture(over):
        return PictureBackdrop(read_photo(over), placing, named=over)
    colour = _colour_named(over)
    return ClipBackdrop(over, placing) if colour is None else PlainBackdrop(colour)


def check_backdrop(over: str, *, mode: str, blur: str) -> None:
    """Raise the errors of open_backdrop that concern the arguments alone; nothing is opened."""
    check_fit(mode)
    parse_blur(blur)
    if not is_picture(over):
        _colour_named(over)


def _colour_named(over: str) -> tuple[float, float, float] | None:
    """The colour of a word; None for a file or a sequence; MatteError for anything else."""
    try:
        return parse_colour(over)
    except UsageError as error:
        if os.path.exists(over) or is_sequence(over):
            return None
        if Path(over).suffix or len(Path(over).parts) > 1:
            raise InputError(f"there is no file {over} to lay the cut-out over; check the path") from error
        raise


def plain_backdrop(colour: str) -> Backdrop:
    return PlainBackdrop(parse_colour(colour))


def notes_behind(backdrop: Backdrop | None, icc: bytes | None) -> tuple[str, ...]:
    """Notes for the user about a backdrop, if there is one, behind a photo with the profile `icc`."""
    if backdrop is None:
        return ()
    damaged = "the colour profile of the photo is damaged, so the backdrop's colours are taken as they are"
    return backdrop.notes if is_sound(icc) else (*backdrop.notes, damaged)
