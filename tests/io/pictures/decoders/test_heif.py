"""HEIC as phones write it: colours, depth, profile, camera data; libheif's own encoder makes the files."""

from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from mattecli.errors import InputError
from mattecli.io.images import read_photo
from mattecli.io.pictures.decoders.decoded import File, Pick
from mattecli.io.pictures.decoders.heif import heif_size
from tests.profiles import display_p3

RAMP = np.linspace(0, 65535, 24 * 32 * 3).reshape(24, 32, 3).astype(np.uint16)
LOSSLESS = {"quality": -1, "chroma": 444, "matrix_coefficients": 0}


def _heic(path: Path, levels: np.ndarray, **options: object) -> Path:
    mode = {(np.uint8, 3): "RGB", (np.uint8, 4): "RGBA", (np.uint16, 3): "RGB;16"}[levels.dtype.type, levels.shape[2]]
    height, width = levels.shape[:2]
    pillow_heif.from_bytes(mode, (width, height), levels.tobytes()).save(path, **options)
    return path


def test_ten_bit_heic_keeps_its_precision(tmp_path: Path) -> None:
    photo = read_photo(_heic(tmp_path / "a.heic", RAMP, **LOSSLESS))
    ten = RAMP >> 6
    assert photo.pixels.dtype == np.uint16
    np.testing.assert_array_equal(photo.pixels, np.rint(ten * (65535 / 1023)))
    assert len(np.unique(photo.pixels)) > 900


def test_eight_bit_heic_keeps_alpha_and_profile(tmp_path: Path) -> None:
    levels = np.dstack([RAMP >> 8, RAMP[..., :1] >> 8]).astype(np.uint8)
    photo = read_photo(_heic(tmp_path / "photo.jpg", levels, icc_profile=display_p3(), **LOSSLESS))  # whatever its name ends in
    np.testing.assert_array_equal(photo.pixels, levels[..., :3])
    np.testing.assert_array_equal(photo.alpha, levels[..., 3])
    assert photo.icc == display_p3() and photo.lossy


def test_camera_data_is_kept_and_the_orientation_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0110], exif[0x0132], exif[0x0112] = "Pixelphone 3", "2026:11:30 01:02:03", 6
    photo = read_photo(_heic(tmp_path / "a.heic", (RAMP >> 8).astype(np.uint8), exif=exif.tobytes()))
    kept = Image.Exif()
    kept.load(photo.exif or b"")
    assert (kept[0x0110], kept[0x0132], kept.get(0x0112)) == ("Pixelphone 3", "2026:11:30 01:02:03", None)
    seen = pillow_heif.open_heif(tmp_path / "a.heic")
    assert photo.size == (seen.size[1], seen.size[0])


def test_further_pictures_of_a_file_are_pages(tmp_path: Path) -> None:
    file = pillow_heif.HeifFile()
    for level in (10, 200):
        file.add_frombytes("RGB", (32, 24), np.full((24, 32, 3), level, np.uint8).tobytes())
    file.save(tmp_path / "a.heic", **LOSSLESS)
    assert read_photo(tmp_path / "a.heic").notes == ("it has 2 pictures, of which the first is taken; choose another with `page`",)
    assert read_photo(tmp_path / "a.heic", pick=Pick(page=2)).pixels[0, 0, 0] == 200
    with pytest.raises(InputError, match="holds 2 pictures, and there is no page 3"):
        read_photo(tmp_path / "a.heic", pick=Pick(page=3))


def test_size_limits_are_checked_before_decoding(tmp_path: Path) -> None:
    path = _heic(tmp_path / "a.heic", (RAMP >> 8).astype(np.uint8))
    assert heif_size(File("a", path.read_bytes())) == (24, 32)
    with pytest.raises(InputError, match=r"claims 32x24 pixels, which take .* to read, more than"):
        read_photo(path, most=100)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match="is damaged or cut off"):
        read_photo(path)
