"""What a clip is to the rest of the program: sizes, times and colours of its frames. Knows no codec."""

from dataclasses import dataclass
from fractions import Fraction

from mattecli.io.images import Pixels

UNSPECIFIED = 2


@dataclass(frozen=True)
class Colour:
    """How a file's YCbCr comes from R'G'B', in the code points of ITU-T H.273; 2 is unspecified. full_range: None is unspecified."""

    matrix: int = UNSPECIFIED
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    full_range: bool | None = None


@dataclass(frozen=True)
class Clip:
    """What is known of a clip before it is decoded.

    size: (height, width) of its frames as people see them, rotation applied. time_base: seconds a tick. rate: frames a second on
    average. start: the first frame's time stamp, in ticks. frames: how many there will be, None when the file does not say.
    bits: per channel, as stored (8, 10, 12, 16). aspect: width of a pixel over its height. lossy: whether compression left its noise in
    the frames. audio: how many sound streams.
    """

    source: str
    size: tuple[int, int]
    time_base: Fraction
    rate: Fraction
    start: int = 0
    frames: int | None = None
    bits: int = 8
    colour: Colour = Colour()
    aspect: Fraction = Fraction(1)
    lossy: bool = True
    audio: int = 0

    @property
    def top(self) -> int:
        """The value of full intensity in the frames' pixels: 255 for 8 bits, else 65535."""
        return 255 if self.bits == 8 else 65535


@dataclass(frozen=True)
class Frame:
    """One frame: RGB [H, W, 3], uint8 for an 8-bit clip, else uint16 over its full range; pts and duration in the clip's ticks.

    index counts the frames delivered, from 0.
    """

    pixels: Pixels
    pts: int
    duration: int
    index: int
