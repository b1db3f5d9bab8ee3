"""Greys in a profile of their own look as they did."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from mattecli.io.images import read_levels, read_photo

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


def _grey_profile(gamma: float) -> bytes:
    """A profile of greys (ICC.1, class mntr) with one number for its curve."""
    curve = b"curv\0\0\0\0\0\0\0\x01" + round(gamma * 256).to_bytes(2, "big") + b"\0\0"
    white = b"XYZ \0\0\0\0" + b"".join(round(value * 65536).to_bytes(4, "big") for value in (0.9642, 1.0, 0.8249))
    start = 128 + 4 + 2 * 12
    table = (2).to_bytes(4, "big")
    for name, offset, data in ((b"wtpt", start, white), (b"kTRC", start + len(white), curve)):
        table += name + offset.to_bytes(4, "big") + len(data).to_bytes(4, "big")
    size = start + len(white) + len(curve)
    header = size.to_bytes(4, "big") + b"\0\0\0\0\x02\x40\0\0mntrGRAYXYZ " + bytes(12) + b"acsp" + bytes(28)
    header += b"".join(round(value * 65536).to_bytes(4, "big") for value in (0.9642, 1.0, 0.8249))
    return header.ljust(128, b"\0") + table + white + curve


def _meant(levels: np.ndarray, gamma: float) -> np.ndarray:
    light = (levels / np.iinfo(levels.dtype).max) ** gamma
    encoded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return encoded * np.iinfo(levels.dtype).max


@pytest.mark.parametrize("mode", ["L", "LA"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2])
def test_grey_levels_are_converted_to_srgb(tmp_path: Path, gamma: float, suffix: str, mode: str) -> None:
    if (suffix, mode) == (".jpg", "LA"):
        pytest.skip("JPEG has no transparency")
    file = tmp_path / f"grey{suffix}"
    options = {"quality": 100} if suffix == ".jpg" else {}
    Image.fromarray(RAMP).convert(mode).save(file, icc_profile=_grey_profile(gamma), **options)
    photo = read_photo(file)
    assert photo.icc is None
    assert np.abs(photo.pixels[..., 1] - _meant(RAMP, gamma))[1:].max() <= (2.5 if suffix == ".jpg" else 1.5)


def test_sixteen_bit_greys_keep_their_gradation(tmp_path: Path) -> None:
    ramp = np.linspace(4096, 65535, 4096, dtype=np.uint16).reshape(64, 64)
    tifffile.imwrite(tmp_path / "a.tif", ramp, photometric="minisblack", iccprofile=_grey_profile(1.8))
    found = read_photo(tmp_path / "a.tif").pixels[..., 0]
    assert np.abs(found - _meant(ramp, 1.8)).max() < 257 and len(np.unique(found)) > 3500


def test_a_guide_keeps_its_values_whatever_its_profile(tmp_path: Path) -> None:
    Image.fromarray(RAMP).save(tmp_path / "trimap.png", icc_profile=_grey_profile(1.8))
    np.testing.assert_array_equal(read_levels(tmp_path / "trimap.png"), RAMP)


def test_a_damaged_grey_profile_is_reported(tmp_path: Path) -> None:
    Image.fromarray(RAMP).save(tmp_path / "a.png", icc_profile=_grey_profile(1.8)[:140])
    photo = read_photo(tmp_path / "a.png")
    np.testing.assert_array_equal(photo.pixels[..., 0], RAMP)
    assert "profile is damaged" in photo.notes[0]
