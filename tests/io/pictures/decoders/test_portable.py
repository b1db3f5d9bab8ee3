"""PNM and PAM: FFmpeg's files of 16 bits, others written by hand as their manual pages have it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mattecli.errors import InputError
from mattecli.io.images import read_levels, read_photo
from tests.clips import ffmpeg

RAMP = np.linspace(0, 65535, 24 * 32 * 3).reshape(24, 32, 3).astype(np.uint16)


def test_sixteen_bit_files_are_read_exactly(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "ramp.png"), RAMP[..., ::-1])
    ffmpeg("-i", str(tmp_path / "ramp.png"), "-pix_fmt", "rgb48be", str(tmp_path / "a.ppm"))
    ffmpeg("-i", str(tmp_path / "ramp.png"), "-pix_fmt", "rgba64be", str(tmp_path / "a.pam"))
    for name in ("a.ppm", "a.pam"):
        photo = read_photo(tmp_path / name)
        np.testing.assert_array_equal(photo.pixels, RAMP)
        assert photo.alpha is None


@pytest.mark.parametrize("name", ["a.ppm", "a.pgm", "a.pbm"])
def test_eight_bits_and_bitmaps_are_read(tmp_path: Path, name: str) -> None:
    mode = {"a.ppm": "RGB", "a.pgm": "L", "a.pbm": "1"}[name]
    picture = Image.fromarray((RAMP >> 8).astype(np.uint8)).convert(mode)
    picture.save(tmp_path / name, "PPM")
    np.testing.assert_array_equal(read_photo(tmp_path / name).pixels, np.asarray(picture.convert("RGB")))


def test_levels_are_scaled_by_the_maximum_value(tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(b"P5\n# of ten bits\n2 1\n1023\n" + np.array([1023, 512], ">u2").tobytes())
    (tmp_path / "b.pgm").write_bytes(b"P2\n2 1 # as text\n1023\n1023 512")
    (tmp_path / "c.pam").write_bytes(b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 2\nMAXVAL 15\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n\x0f\x00\x08\x0f")
    for name in ("a.pgm", "b.pgm"):
        np.testing.assert_array_equal(read_levels(tmp_path / name), [[65535, round(512 * 65535 / 1023)]])
    photo = read_photo(tmp_path / "c.pam")
    assert (photo.pixels[..., 0].tolist(), photo.alpha.tolist()) == ([[255, 136]], [[0, 255]])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"P7\nWIDTH 2\nHEIGHT 1\nMAXVAL 15\nENDHDR\n", "damaged header"),
        (b"P6\n4 4\n65535\n\0\0", "cut off"),
        (b"P6\n90000 90000\n65535\n\0\0", "8100 megapixels"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.ppm").write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_photo(tmp_path / "a.ppm")
