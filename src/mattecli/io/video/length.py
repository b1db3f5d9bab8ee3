"""A file's length according to its header, in bytes and in time."""

import os
import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from typing import BinaryIO

from av.video.stream import VideoStream

_EBML, _SEGMENT = b"\x1aE\xdf\xa3", b"\x18S\x80g"
_FARTHEST = 1 << 40  # bytes; files end sooner, and file systems do not seek much farther
_MOST_ELEMENTS = 500_000  # three days of fragments of a second
_RIFFS = (b"RIFF", b"RIFX")
_DURATION = re.compile(r"(\d{1,4}):([0-5]?\d):([0-5]?\d)(\.\d{1,12})?")


def is_cut_off(source: str) -> bool:
    """Whether the file has fewer bytes than its outermost elements (Matroska, AVI, MP4) state; False where they state nothing."""
    with open(source, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        return any(end > size for end in islice(_ends(file), _MOST_ELEMENTS))


def declared_end(stream: VideoStream) -> Fraction | None:
    """The tick at which the last frame ends according to the header (in Matroska, to a tag written by FFmpeg and mkvmerge).

    None where it is not stated or invalid. Tools that cut and copy leave the tag unchanged.
    """
    if stream.duration is not None and stream.start_time is not None:
        return Fraction(stream.start_time + stream.duration)
    said = _DURATION.fullmatch(stream.metadata.get("DURATION", ""))
    if said is None:
        return None
    seconds = int(said[1]) * 3600 + int(said[2]) * 60 + int(said[3]) + Fraction(said[4] or 0)
    return seconds / Fraction(stream.time_base or 1)


def _ends(file: BinaryIO) -> Iterator[int]:
    """The offset at which each outermost element should end."""
    beginning = file.read(12)
    file.seek(0)
    if beginning.startswith(_EBML):
        return _matroska_ends(file)
    if beginning.startswith(_RIFFS):
        return _riff_ends(file)
    return _box_ends(file)


def _matroska_ends(file: BinaryIO) -> Iterator[int]:
    """RFC 8794, section 4: an element is its identifier, its size, and its content."""
    while name := file.read(4):
        size = _ebml_size(file)
        if size is None or name not in (_EBML, _SEGMENT):
            return
        yield file.seek(min(size, _FARTHEST), os.SEEK_CUR)


def _ebml_size(file: BinaryIO) -> int | None:
    """A size in one to eight bytes, None for an unknown one."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    length = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(length - 1), "big") ^ 1 << 7 * length
    return None if value == (1 << 7 * length) - 1 else value


def _riff_ends(file: BinaryIO) -> Iterator[int]:
    """AVI files over a gigabyte have several outermost chunks (OpenDML 1.02)."""
    while (header := file.read(8))[:4] in _RIFFS and len(header) == 8:
        size = int.from_bytes(header[4:], "little" if header[:4] == _RIFFS[0] else "big")
        yield file.seek(size + size % 2, os.SEEK_CUR) - size % 2


def _box_ends(file: BinaryIO) -> Iterator[int]:
    """ISO/IEC 14496-12, section 4.2: a box is its size in four bytes (1: in eight that follow; 0: to the end), its type, the rest."""
    while len(header := file.read(8)) == 8 and header[4:].isalnum():
        size = int.from_bytes(header[:4], "big")
        taken = 8
        if size == 1:
            size, taken = int.from_bytes(file.read(8), "big"), 16
        if size < taken:
            return
        yield file.seek(min(size - taken, _FARTHEST), os.SEEK_CUR)
