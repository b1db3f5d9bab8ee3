"""A size is judged by what a header claims, before pixels are made."""

import resource
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from mattecli.errors import InputError
from mattecli.io.images import read_photo
from mattecli.io.pictures.sizes import LONGEST_FILE, check_size, reading_within


def _webp(kind: bytes, content: bytes) -> bytes:
    chunk = kind + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def _png(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\0\4IDAT" + bytes(8)


CLAIMS = {
    "lossless.webp": _webp(b"VP8L", b"\x2f" + struct.pack("<I", 16382 | 16382 << 14) + bytes(4)),
    "extended.webp": _webp(b"VP8X", b"\0\0\0\0" + b"\xff\xff\xff" * 2),
    "lossy.webp": _webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 16383, 16383)),
    "square.png": _png(1 << 16, 1 << 16),
    "wide.png": _png(200_000_000, 1),
    "tall.png": _png(1, 70_000),
    "little.gif": b"GIF89a"
    + struct.pack("<HHBBB", 14000, 12700, 0x80, 0, 0)
    + bytes(6)
    + b","
    + struct.pack("<HHHHB", 0, 0, 14000, 12700, 0),
    "little.png": _png(14000, 12700),
    "wide.bmp": b"BM" + bytes(12) + struct.pack("<IiiHHIIiiII", 40, 2_000_000, 100, 1, 24, 0, 0, 0, 0, 0, 0),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_small_file_that_claims_gigabytes_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(CLAIMS[name])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="claims"):
        read_photo(tmp_path / name)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000, "kilobytes"


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.jpg", "a.tif", "a.bmp"])
def test_the_memory_for_reading_is_checked_against_the_limit(tmp_path: Path, name: str) -> None:
    Image.new("RGB", (500, 400), "red").save(tmp_path / name)
    assert read_photo(tmp_path / name, most=6_000_000).size == (400, 500)
    with pytest.raises(InputError, match="`max_memory`"):
        read_photo(tmp_path / name, most=5_000_000)


def test_reading_within_limits_the_memory_of_the_thread(tmp_path: Path) -> None:
    Image.new("RGB", (1000, 500)).save(tmp_path / "a.png")
    with reading_within(13_999_999), pytest.raises(InputError, match="take 14 MB to read"):
        read_photo(tmp_path / "a.png")
    with reading_within(14_000_000), reading_within(None):
        assert read_photo(tmp_path / "a.png").size == (500, 1000)
    assert read_photo(tmp_path / "a.png").size == (500, 1000)


def test_an_endless_pipe_and_a_file_longer_than_any_picture_are_refused(tmp_path: Path) -> None:
    with (tmp_path / "long.tif").open("wb") as stream:
        stream.truncate(LONGEST_FILE + 1)  # a hole, which takes no room on the disk
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=r"long\.tif has more than 4000 MB"):
        read_photo(tmp_path / "long.tif")
    with reading_within(8_000_000), pytest.raises(InputError, match="/dev/zero has more than 8 MB"):
        read_photo("/dev/zero")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000, "kilobytes"


def test_a_short_file_of_one_colour_is_read_and_a_clip_is_judged_alike(tmp_path: Path) -> None:
    Image.new("RGB", (1500, 1000), "red").save(tmp_path / "red.webp", lossless=True)
    assert (tmp_path / "red.webp").stat().st_size < 150 and read_photo(tmp_path / "red.webp").size == (1000, 1500)
    check_size("clip.mp4", (4000, 5000), length=100)
    check_size("clip.mp4", (15000, 15000), length=100_000)
    check_size("clip.mp4", (15000, 15000))
    with pytest.raises(InputError, match="claims 15000x15000 pixels, far more than its 4000 bytes can hold"):
        check_size("clip.mp4", (15000, 15000), length=4000)
