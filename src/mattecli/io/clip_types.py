"""Types of clips, independent of codecs: sizes, times and colours of frames, readers and writers."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from types import TracebackType
from typing import Protocol, TypeVar

import numpy as np

from mattecli.errors import UsageError
from mattecli.io.pictures.photo import Pixels
from mattecli.io.video.tags import Tags

UNSPECIFIED = 2
HDR = {16: "PQ", 18: "HLG"}
"""Transfer characteristics of H.273."""

T = TypeVar("T")
Point = tuple[float, float]


@dataclass(frozen=True)
class Mastering:
    """The display that an HDR clip was graded on (SMPTE ST 2086), and its content's light (CTA-861.3); None where it is not stated.

    primaries: the chromaticities (x, y) of red, green, blue and white. luminance: the display's darkest and brightest, in cd/m2.
    content: the brightest pixel and the brightest frame on average, in cd/m2.
    """

    primaries: tuple[Point, Point, Point, Point] | None = None
    luminance: tuple[float, float] | None = None
    content: tuple[int, int] | None = None


@dataclass(frozen=True)
class Colour:
    """How a file's YCbCr is derived from R'G'B', in the code points of ITU-T H.273; 2 is unspecified. full_range: None is unspecified."""

    matrix: int = UNSPECIFIED
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    full_range: bool | None = None

    @property
    def hdr(self) -> str | None:
        """The HDR system, "PQ" or "HLG"; None for SDR."""
        return HDR.get(self.transfer)


@dataclass(frozen=True)
class Clip:
    """Properties of a clip that are known before it is decoded.

    size: (height, width) of its frames with rotation applied. time_base: seconds a tick. rate: frames a second on average. start: the time
    stamp of the source's first frame, in ticks, whatever part of it is read. frames: their number (estimated from the rate for a part of a
    clip), None when the file does not state it. estimated: their number by the file's duration. bits: per channel, as stored (8, 10, 12,
    16). aspect: width of a pixel over its height. lossy: whether the compression is lossy. audio: the number of sound streams. alpha:
    whether its frames have an alpha channel, possibly an opaque one. tags: metadata. numbers: those in the names of the delivered
    pictures, for a sequence of numbered ones. icc: the profile of the colours, None where `colour` applies. mastering: of an HDR clip,
    None where it states nothing.
    """

    source: str
    size: tuple[int, int]
    time_base: Fraction
    rate: Fraction
    start: int = 0
    frames: int | None = None
    estimated: int | None = None
    bits: int = 8
    colour: Colour = Colour()
    aspect: Fraction = Fraction(1)
    lossy: bool = True
    audio: int = 0
    alpha: bool = False
    tags: Tags = field(default_factory=Tags)
    numbers: Sequence[int] | None = None
    icc: bytes | None = None
    mastering: Mastering | None = None

    @property
    def expected(self) -> int | None:
        """The number of frames, stated or estimated; None where it is unknown."""
        return self.frames or self.estimated or None

    @property
    def top(self) -> int:
        """The value of full intensity in the frames' pixels: 255 for 8 bits, else 65535."""
        return 255 if self.bits == 8 else 65535


def display_size(size: tuple[int, int], aspect: Fraction) -> tuple[int, int]:
    """(height, width) in square pixels, not fewer in number, of a frame whose pixels are `aspect` times as wide as high."""
    height, width = size
    return (height, max(1, round(width * aspect))) if aspect >= 1 else (max(1, round(height / aspect)), width)


@dataclass(frozen=True)
class Frame:
    """One frame: RGB [H, W, 3], uint8 for an 8-bit clip, else uint16 over its full range; pts and duration in the clip's ticks.

    index counts the frames delivered, from 0. alpha: the frame's transparency [H, W] in the dtype of its pixels, where the clip has one.
    stored: of an HDR clip the levels of the file, where `pixels` are an SDR copy of them; else None.
    """

    pixels: Pixels
    pts: int
    duration: int
    index: int
    alpha: Pixels | None = None
    stored: Pixels | None = None

    @property
    def levels(self) -> Pixels:
        """The levels of the file, which a result keeps."""
        return self.pixels if self.stored is None else self.stored

    @property
    def transparency(self) -> Pixels | None:
        """Its alpha, None where that is opaque."""
        return None if self.alpha is None or self.alpha.min() == np.iinfo(self.alpha.dtype).max else self.alpha


@dataclass(frozen=True)
class Span:
    """The requested frames of a clip: every `every`-th of those with start <= time < end.

    start, end: seconds from the clip's first frame, None for no limit. Raises UsageError for a span that holds no time.
    """

    start: Fraction | None = None
    end: Fraction | None = None
    every: int = 1

    def __post_init__(self) -> None:
        if self.start is not None and self.start < 0:
            raise UsageError(f"a clip cannot start at {float(self.start):g} s; give a time from its first frame, 0 or later")
        if self.end is not None and self.end <= (self.start or 0):
            raise UsageError(f"the part from {float(self.start or 0):g} s to {float(self.end):g} s is empty; end it later than it starts")
        if self.every < 1:
            raise UsageError(f"each {self.every}th frame cannot be taken; give 1 for every frame, 2 for each second one, and so on")

    def pick(self, timed: Iterable[tuple[Fraction, T]]) -> Iterator[T]:
        """The requested ones of items (seconds from the first frame, anything), in order; reads no more of them than needed."""
        number = 0
        for seconds, thing in timed:
            if self.end is not None and seconds >= self.end:
                return
            if seconds >= (self.start or 0):
                if number % self.every == 0:
                    yield thing
                number += 1

    def count(self, frames: int, rate: Fraction) -> int:
        """The number of requested frames among `frames`, exact at a constant `rate` a second."""
        first = math.ceil((self.start or 0) * rate)
        last = frames if self.end is None else min(frames, math.ceil(self.end * rate))
        return math.ceil(max(0, last - first) / self.every)


class Reader(Protocol):
    """Yields the frames of a clip once, in presentation order, with increasing time stamps; used in a with-block, or closed explicitly.

    clip: properties of what is delivered; with `every`, those of the thinned clip. damage: None, or the damage of the source so far, as
    the end of a sentence about it ("is cut off ..."); decodable frames are delivered. notes: further notes for the user, complete after the
    last frame.
    """

    clip: Clip

    @property
    def notes(self) -> tuple[str, ...]: ...

    @property
    def damage(self) -> str | None: ...

    def __enter__(self) -> "Reader": ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None:
        """Close the file; frames that were not read yet are lost."""
        ...


class Writer(Protocol):
    """Writes the frames of a result in order, inside a with-block; leaving the block by an exception leaves no half-written file.

    frames: the number written. notes: notes for the user, complete when the block is left.
    """

    frames: int

    @property
    def notes(self) -> tuple[str, ...]: ...

    def __enter__(self) -> "Writer": ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def write(self, pixels: Pixels, *, pts: int, duration: int) -> None:
        """Write [H, W] grey, [H, W, 3] RGB or straight-alpha [H, W, 4] RGBA; pts and duration in the clip's ticks."""
        ...
