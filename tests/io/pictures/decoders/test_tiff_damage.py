"""Strips of a TIFF whose checksum does not fit what they hold are told, and libtiff does not speak for itself."""

import io

import numpy as np
import pytest
from PIL import Image

from mattecli.errors import InputError
from mattecli.io.images import read_photo_bytes


def _tiff(compression: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 200, (64, 80, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "TIFF", compression=compression)
    return stream.getvalue()


def _hurt(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(16) + data[middle + 16 :]


def test_a_strip_skipped_by_libtiff_is_reported() -> None:
    data = _tiff("tiff_adobe_deflate")
    assert read_photo_bytes(data).notes == ()
    (note,) = read_photo_bytes(_hurt(data)).notes
    assert "its pixels are damaged (strip 1 of 1 fails its checksum)" in note


def test_a_truncated_tiff_is_damaged_and_not_of_unknown_format() -> None:
    with pytest.raises(InputError, match="damaged or cut off"):
        read_photo_bytes(_tiff("tiff_lzw")[:-40])


def test_libtiff_writes_nothing_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError):
        read_photo_bytes(_hurt(_tiff("tiff_lzw")))
    assert capfd.readouterr().err == ""
