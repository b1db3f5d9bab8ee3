"""TIFF files of floats, made by tifffile and OpenCV."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import ImageCms

from mattecli.errors import InputError
from mattecli.io.images import read_levels, read_photo
from mattecli.io.pictures.decoders.tiff_floats import PROFILED
from mattecli.io.pictures.transfer import from_light

LIGHT = (np.random.default_rng(3).random((9, 12, 3)) * 3).astype(np.float32)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
def test_float_tiffs_are_linear_light_of_any_brightness(tmp_path: Path, dtype: type) -> None:
    tifffile.imwrite(tmp_path / "a.tif", LIGHT.astype(dtype), photometric="rgb", compression="adobe_deflate")
    photo = read_photo(tmp_path / "a.tif")
    assert photo.light is not None and photo.light.colours.max() > 2
    np.testing.assert_array_equal(photo.light.colours, LIGHT.astype(dtype).astype(np.float32))
    np.testing.assert_allclose(photo.pixels / 65535, from_light(LIGHT.astype(dtype).astype(np.float32).clip(0, 1)), atol=1e-5)


def test_straight_and_premultiplied_float_alpha_are_read(tmp_path: Path) -> None:
    alpha = np.full((9, 12, 1), 0.25, np.float32)
    tifffile.imwrite(tmp_path / "a.tif", np.dstack([LIGHT, alpha]), photometric="rgb", extrasamples=["unassalpha"])
    tifffile.imwrite(tmp_path / "b.tif", np.dstack([LIGHT * alpha, alpha]), photometric="rgb", extrasamples=["assocalpha"])
    for name in ("a.tif", "b.tif"):
        light = read_photo(tmp_path / name).light
        assert light is not None
        np.testing.assert_array_equal(light.colours, LIGHT / 4)


def test_orientation_is_applied_to_float_pictures(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", LIGHT, photometric="rgb", extratags=[(274, 3, 1, 6, True)])
    photo = read_photo(tmp_path / "a.tif")
    assert photo.light is not None and photo.size == (12, 9)
    np.testing.assert_array_equal(photo.light.colours, np.rot90(LIGHT, -1))


def test_compressed_float_tiffs_of_opencv_are_read(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.tif"), LIGHT[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    light = read_photo(tmp_path / "a.tif").light
    assert light is not None
    np.testing.assert_array_equal(light.colours, LIGHT)


def test_a_float_matte_is_read_as_its_values(tmp_path: Path) -> None:
    matte = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    tifffile.imwrite(tmp_path / "a.tif", matte, photometric="minisblack")
    np.testing.assert_array_equal(read_levels(tmp_path / "a.tif"), np.rint(matte * 65535))


def test_a_profile_decides_the_encoding_of_floats(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", LIGHT / 3, photometric="rgb", iccprofile=SRGB)
    photo = read_photo(tmp_path / "a.tif")
    assert photo.light is None and photo.icc == SRGB and PROFILED in photo.notes
    np.testing.assert_allclose(photo.pixels / 65535, LIGHT / 3, atol=1e-5)


def test_nan_and_infinity_are_replaced_and_reported(tmp_path: Path) -> None:
    broken = LIGHT.copy()
    broken[0, 0, 0], broken[1, 1, 1] = np.nan, np.inf
    tifffile.imwrite(tmp_path / "a.tif", broken, photometric="rgb")
    photo = read_photo(tmp_path / "a.tif")
    assert photo.light is not None and np.isfinite(photo.light.colours).all()
    assert photo.notes == ("2 of its values are no finite numbers and were replaced",)


def test_the_memory_of_float_pictures_is_counted(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", LIGHT, photometric="rgb")
    with pytest.raises(InputError, match="more than the 0 MB left"):
        read_photo(tmp_path / "a.tif", most=9 * 12 * 111)
    assert read_photo(tmp_path / "a.tif", most=9 * 12 * 112).light is not None
