"""The duration of the last frame of animated WebP and PNG, which FFmpeg sets to that of the others.

WebP: RFC 9649, section 2.7.1.2 (ANMF). PNG: W3C's PNG specification, third edition, section 11.3.6.2 (fcTL).
"""

import os
import struct
import zlib
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

_LONGEST = 2**24 - 1  # milliseconds, a field of 24 bits
_DURATION = 12  # bytes into the content of ANMF
_DELAY = 20  # bytes into the content of fcTL, which has 26


def end_webp(file: BinaryIO, length: Fraction) -> None:
    """Let the animation in a file that is open for reading and writing last `length` seconds in all.

    libwebp makes one frame of several that look alike, so the last one may stand for more than one.
    """
    places = [place for kind, place, _ in _webp_chunks(file) if kind == b"ANMF"]
    durations = [int.from_bytes(_read(file, place + _DURATION, 3), "little") for place in places]
    if places:
        last = min(_LONGEST, max(1, round(length * 1000) - sum(durations[:-1])))
        file.seek(places[-1] + _DURATION)
        file.write(last.to_bytes(3, "little"))


def end_png(file: BinaryIO, last: Fraction) -> None:
    """Let the last frame of the animation in such a file last so many seconds."""
    places = [place for kind, place, _ in _png_chunks(file) if kind == b"fcTL"]
    if places:
        delay = min(last, Fraction(65535)).limit_denominator(1000)
        content = bytearray(_read(file, places[-1], 26))
        struct.pack_into(">HH", content, _DELAY, *_sixteen_bit(delay))
        file.seek(places[-1])
        file.write(content + struct.pack(">I", zlib.crc32(b"fcTL" + content)))


def _sixteen_bit(seconds: Fraction) -> tuple[int, int]:
    """Numerator and denominator, both below 65536."""
    if seconds.numerator < 65536:
        return seconds.numerator, seconds.denominator
    return round(seconds), 1


def _webp_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Name, place and size of the content of each chunk."""
    end, place = file.seek(0, os.SEEK_END), 12
    while place + 8 <= end:
        name, size = struct.unpack("<4sI", _read(file, place, 8))
        yield name, place + 8, size
        place += 8 + size + size % 2


def _png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    end, place = file.seek(0, os.SEEK_END), 8
    while place + 8 <= end:
        size, name = struct.unpack(">I4s", _read(file, place, 8))
        yield name, place + 8, size
        place += 12 + size


def _read(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)
