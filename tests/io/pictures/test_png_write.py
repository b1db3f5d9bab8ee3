"""PNG files as other readers see them."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from mattecli.io.pictures import png_write
from mattecli.io.pictures.beside import NOTHING, Beside
from mattecli.io.pictures.png_write import Pixels, encode_png
from tests.profiles import SRGB, display_p3


def _encoded(pixels: Pixels, beside: Beside = NOTHING) -> bytes:
    stream = io.BytesIO()
    encode_png(pixels, stream, beside)
    return stream.getvalue()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("band", [1, 200, 1 << 20])
def test_every_pixel_survives_a_round_trip(dtype: type, channels: int, band: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png_write, "BAND_BYTES", band)
    pixels = np.random.default_rng(channels).integers(0, np.iinfo(dtype).max + 1, (23, 17, channels), dtype)
    pixels[5:] = pixels[4]
    read = cv2.imdecode(np.frombuffer(_encoded(pixels[..., 0] if channels == 1 else pixels), np.uint8), cv2.IMREAD_UNCHANGED)
    assert read.dtype == dtype
    np.testing.assert_array_equal(read.reshape(pixels.shape), pixels[..., [2, 1, 0, 3][:channels] if channels > 1 else [0]])


def test_profile_resolution_and_date_are_written() -> None:
    exif = Image.Exif()
    exif[0x0132] = "2026:01:02 03:04:05"
    with Image.open(io.BytesIO(_encoded(np.zeros((4, 4, 3), np.uint8), Beside(display_p3(), (300, 72), exif.tobytes())))) as picture:
        picture.load()
        assert picture.info["icc_profile"] == display_p3() and picture.getexif()[0x0132] == exif[0x0132]
        assert picture.info["dpi"] == pytest.approx((300, 72), abs=0.02)


@pytest.mark.parametrize("profile", [SRGB[:200], SRGB[:100], SRGB[:16] + b"GRAY" + SRGB[20:], SRGB[:36] + b"----" + SRGB[40:]])
def test_a_profile_that_readers_reject_is_left_out(profile: bytes) -> None:
    assert b"iCCP" in _encoded(np.zeros((4, 4, 4), np.uint8), Beside(SRGB))
    assert b"iCCP" not in _encoded(np.zeros((4, 4), np.uint8), Beside(SRGB)), "greys have no colours"
    assert b"iCCP" not in _encoded(np.zeros((4, 4, 4), np.uint8), Beside(profile))
