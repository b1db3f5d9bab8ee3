"""A backdrop for an HDR clip: SDR pictures at the level of SDR white (ITU-R BT.2408), clips of the same system as they are."""

from dataclasses import replace

from mattecli.compositing.backdrop import Backdrop, ClipBackdrop
from mattecli.compositing.output import OutputOptions
from mattecli.compositing.srgb import SRGB, Encoding
from mattecli.core.memo import LastByIdentity
from mattecli.io.clip_types import Colour
from mattecli.io.video.hdr import Hdr, hdr_of
from mattecli.matting.levels import Plane


class HdrBackdrop:
    """A backdrop converted to the encoded values of an HDR system."""

    def __init__(self, backdrop: Backdrop, hdr: Hdr) -> None:
        self._backdrop, self._hdr = backdrop, hdr
        self._is_alike = isinstance(backdrop, ClipBackdrop) and backdrop.colour.transfer == hdr.colour.transfer
        self._converted = LastByIdentity()

    def __repr__(self) -> str:
        return f"HdrBackdrop({self._backdrop!r}, {self._hdr.colour.hdr})"

    @property
    def notes(self) -> tuple[str, ...]:
        return self._backdrop.notes

    def at(self, size: tuple[int, int], seconds: float = 0.0, *, icc: bytes | None = None) -> Plane:
        """The backdrop as Backdrop.at has it, encoded."""
        if self._is_alike and isinstance(self._backdrop, ClipBackdrop):
            return self._backdrop.levels_at(size, seconds)
        picture = self._backdrop.at(size, seconds, icc=icc)
        converted: Plane = self._converted("behind", picture, lambda: self._hdr.from_srgb(picture))
        return converted

    def close(self) -> None:
        self._backdrop.close()


def for_colour(output: OutputOptions, colour: Colour) -> OutputOptions:
    """The options for a clip of these colours: for an HDR clip, backdrop and blending use its system."""
    backdrop, encoding = hdr_backdrop(output.backdrop, colour)
    return replace(output, backdrop=backdrop, encoding=encoding)


def hdr_backdrop(backdrop: Backdrop | None, colour: Colour) -> tuple[Backdrop | None, Encoding]:
    """The backdrop for a clip of these colours, and their encoding."""
    hdr = hdr_of(colour)
    if hdr is None:
        return backdrop, SRGB
    return None if backdrop is None else HdrBackdrop(backdrop, hdr), hdr
