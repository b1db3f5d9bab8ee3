"""Limits on a picture's size, checked from its header before its pixels are decoded."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from mattecli.errors import InputError

MAX_MEGAPIXELS = 250
LONGEST_SIDE = 65535
"""Pixels; OpenCV's resizing and filtering use 16-bit coordinates."""
BYTES_A_PIXEL = 28
"""Bytes per 8-bit pixel while reading, twice as many for 16 bits and four times for floats: what the formats take at most, measured."""
LONGEST_FILE = MAX_MEGAPIXELS * 16_000_000
"""Bytes: the largest picture, of four floats a pixel, without compression."""
SHORT_FILE = 1_000_000
"""Bytes that are read whatever memory is left."""
BYTES_OF_ANY = 700_000_000
"""Bytes that a file of any length may take to read: some formats code even areas in no bits, so a file of 34 bytes may be a picture."""
BYTES_A_BYTE = 280_000
"""Bytes that a longer file may take for each of its own: 10,000 pixels, while deflate codes at most 8,256, of one bit each."""

_allowed: ContextVar[int | None] = ContextVar("allowed", default=None)


@contextlib.contextmanager
def reading_within(most: int | None) -> Iterator[None]:
    """Limit the bytes that each photo, guide, backdrop or clip may take which this thread opens in the block; None keeps the limit."""
    token = _allowed.set(_allowed.get() if most is None else most)
    try:
        yield
    finally:
        _allowed.reset(token)


def check_size(name: str, size: tuple[int, int], *, most: int | None = None, bits: int = 8, length: int | None = None) -> None:
    """Raise InputError for a picture, clip or frame of (height, width), called `name`, that is larger than this program opens.

    most: the limit in bytes, None for that of reading_within, or none. bits: per channel. length: of the whole file, in bytes, where it
    is known; a short file that claims a large picture holds none, or one of even colour.
    """
    most = _allowed.get() if most is None else most
    height, width = size
    if width < 1 or height < 1:
        raise InputError(f"{name} claims {width}x{height} pixels; get a whole copy")
    if width * height > MAX_MEGAPIXELS * 1e6:
        raise InputError(
            f"{name} claims {width}x{height} pixels ({width * height / 1e6:.0f} megapixels), more than the {MAX_MEGAPIXELS} "
            "this program opens; scale it down first"
        )
    if max(width, height) > LONGEST_SIDE:
        raise InputError(f"{name} claims {width}x{height} pixels, more than the {LONGEST_SIDE} a side this program opens; cut it in parts")
    needed = width * height * BYTES_A_PIXEL * bits // 8
    if length is not None and needed > max(BYTES_OF_ANY, length * BYTES_A_BYTE):
        raise InputError(f"{name} claims {width}x{height} pixels, far more than its {length} bytes can hold; get a whole copy")
    if most is not None and needed > most:
        raise InputError(
            f"{name} claims {width}x{height} pixels, which take {needed / 1e6:.0f} MB to read, more than the {most / 1e6:.0f} MB left; "
            "scale it down first, or raise `max_memory` where that is the limit"
        )


def check_length(name: str, length: int) -> None:
    """Raise InputError for a file, or what has come of a pipe, of more bytes than any picture has, or than reading_within allows.

    A file of SHORT_FILE bytes is read in any case: its header tells how large the picture is, and check_size refuses it with better words.
    """
    allowed = _allowed.get()
    most = LONGEST_FILE if allowed is None else min(LONGEST_FILE, max(allowed, SHORT_FILE))
    if length > most:
        raise InputError(f"{name} has more than {most / 1e6:.0f} MB, so it is not read; give a picture, or scale it down first")


def claimed_size(data: bytes) -> tuple[int, int] | None:
    """The (height, width) that a PNG or WebP file claims; None for other files, and where none is claimed."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR":
        return int.from_bytes(data[20:24], "big"), int.from_bytes(data[16:20], "big")
    return webp_size(data) if data[:4] == b"RIFF" else None


def webp_size(data: bytes) -> tuple[int, int] | None:
    """The (height, width) that a WebP file claims (RFC 9649), None where it claims none. Pillow allocates the canvas on opening."""
    data = data[:30].ljust(30, b"\0")
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[27:30], "little"), 1 + int.from_bytes(data[24:27], "little")
    if kind == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF)
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        return int.from_bytes(data[28:30], "little") & 0x3FFF, int.from_bytes(data[26:28], "little") & 0x3FFF
    return None
