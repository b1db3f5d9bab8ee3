"""EXR files of OpenEXR's own library, DPX and JPEG XL files of FFmpeg."""

from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import OpenImageIO
import pytest

from mattecli.errors import InputError
from mattecli.io.images import picture_size, read_levels, read_photo
from mattecli.io.pictures.decoders import openimageio
from mattecli.io.pictures.decoders.decoded import Pick
from tests.clips import ffmpeg

LIGHT = (np.random.default_rng(4).random((12, 16, 3)) * 4).astype(np.float16)
ALPHA = np.linspace(0, 1, 16, dtype=np.float16) * np.ones((12, 1), np.float16)
RAMP = np.linspace(0, 65535, 24 * 32 * 3).reshape(24, 32, 3).astype(np.uint16)
ACES_CG = (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)


def _exr(path: Path, channels: dict[str, np.ndarray], **header: object) -> Path:
    OpenEXR.File(dict(header), channels).write(str(path))
    return path


def test_half_floats_are_read_exactly_with_premultiplied_alpha(tmp_path: Path) -> None:
    light = read_photo(_exr(tmp_path / "a.exr", {"RGBA": np.dstack([LIGHT * ALPHA[..., None], ALPHA])})).light
    assert light is not None and light.alpha is not None
    np.testing.assert_array_equal(light.colours, (LIGHT * ALPHA[..., None]).astype(np.float32))
    np.testing.assert_array_equal(light.alpha, ALPHA.astype(np.float32))


def test_pixels_for_models_are_clipped_srgb_values(tmp_path: Path) -> None:
    grey = np.full((12, 16, 3), 0.18, np.float16)
    grey[0] = 7
    photo = read_photo(_exr(tmp_path / "a.exr", {"RGB": grey}, chromaticities=ACES_CG))
    assert photo.light is not None and photo.light.chromaticities == pytest.approx(ACES_CG)
    # Grey is grey in any chromaticities: sRGB has 0.4613 for 0.18 of light.
    assert np.abs(photo.pixels[1:] / 65535 - 0.4613).max() < 1e-3 and (photo.pixels[0] == 65535).all()
    red = np.zeros((12, 16, 3), np.float16)
    red[..., 0] = 0.5
    seen = read_photo(_exr(tmp_path / "b.exr", {"RGB": red}, chromaticities=ACES_CG)).pixels[0, 0] / 65535
    # AP1's red of 0.5 is 0.853 of Rec. 709's, and nothing of its green and blue.
    np.testing.assert_allclose(seen, (0.932, 0, 0), atol=2e-3)


def test_the_main_or_the_requested_part_and_layer_is_read(tmp_path: Path) -> None:
    colours = {f"beauty.{name}": np.ascontiguousarray(LIGHT[..., place]) for place, name in enumerate("RGB")}
    flipped = {f"diffuse.{name}": np.ascontiguousarray(LIGHT[::-1, :, place]) for place, name in enumerate("RGB")}
    depth = OpenEXR.Part({}, {"Z": np.ones((12, 16), np.float32)}, "depth")
    OpenEXR.File([depth, OpenEXR.Part({}, {**flipped, **colours}, "render")]).write(str(tmp_path / "a.exr"))
    photo = read_photo(tmp_path / "a.exr")
    assert photo.light is not None
    np.testing.assert_array_equal(photo.light.colours, LIGHT)
    assert photo.notes == ("it has the layers beauty, diffuse, of which beauty is taken; choose another with `layer`",)
    other = read_photo(tmp_path / "a.exr", pick=Pick(layer="diffuse"))
    assert other.light is not None and other.notes == ()
    np.testing.assert_array_equal(other.light.colours, LIGHT[::-1])
    with pytest.raises(InputError, match="has no layer specular with colours; choose one of beauty, diffuse"):
        read_photo(tmp_path / "a.exr", pick=Pick(layer="specular"))


def test_data_are_placed_within_the_display_window(tmp_path: Path) -> None:
    window = {"dataWindow": (np.array([-2, 3], np.int32), np.array([13, 14], np.int32))}
    display = {"displayWindow": (np.array([0, 0], np.int32), np.array([19, 19], np.int32))}
    photo = read_photo(_exr(tmp_path / "a.exr", {"RGB": LIGHT}, **window, **display))
    assert photo.size == picture_size(tmp_path / "a.exr") == (20, 20) and photo.light is not None
    wanted = np.zeros((20, 20, 3), np.float32)
    wanted[3:15, :14] = LIGHT[:, 2:]
    np.testing.assert_array_equal(photo.light.colours, wanted)
    assert photo.notes == ("its data reach beyond its display window, and what lies outside is cut off",)


def test_a_matte_is_read_as_its_values(tmp_path: Path) -> None:
    for name, channel in (("a.exr", "Y"), ("b.exr", "A")):
        levels = read_levels(_exr(tmp_path / name, {channel: ALPHA}))
        np.testing.assert_array_equal(levels, np.rint(ALPHA.astype(np.float32) * 65535))


def test_files_are_recognised_by_content_and_odd_names_are_read(tmp_path: Path) -> None:
    for name in ("a?b=1.exr", "a.jpg"):
        assert read_photo(_exr(tmp_path / "real.exr", {"RGB": LIGHT}).rename(tmp_path / name)).light is not None


@pytest.mark.parametrize("content", [b"\x76\x2f\x31\x01 and no header", None])
def test_a_broken_exr_is_refused(tmp_path: Path, content: bytes | None) -> None:
    whole = _exr(tmp_path / "a.exr", {"RGB": np.random.default_rng(5).random((64, 64, 3)).astype(np.float32)}).read_bytes()
    (tmp_path / "a.exr").write_bytes(content or whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"a\.exr.* damaged or cut off"):
        read_photo(tmp_path / "a.exr")


@pytest.mark.parametrize("bits", [10, 12])
def test_a_dpx_keeps_its_bit_depth(tmp_path: Path, bits: int) -> None:
    cv2.imwrite(str(tmp_path / "ramp.png"), RAMP[..., ::-1])
    ffmpeg("-i", str(tmp_path / "ramp.png"), "-pix_fmt", f"gbrp{bits}le", str(tmp_path / "a.dpx"))
    photo = read_photo(tmp_path / "a.dpx")
    assert photo.light is None and np.abs(photo.pixels.astype(int) - RAMP).max() <= 65535 / (2**bits - 1)


def test_ten_bit_rows_that_end_within_a_word_are_refused(tmp_path: Path) -> None:
    spec = OpenImageIO.ImageSpec(8, 2, 4, "uint16")
    spec.attribute("oiio:BitsPerSample", 10)
    out = OpenImageIO.ImageOutput.create(str(tmp_path / "a.dpx"))
    assert out.open(str(tmp_path / "a.dpx"), spec) and out.write_image(np.full((2, 8, 4), 40000, np.uint16)) and out.close()
    with pytest.raises(InputError, match="rows that end within a word, which is not read; save it as RGB or in 16 bits"):
        read_photo(tmp_path / "a.dpx")


def test_a_film_dpx_is_converted_to_linear_light(tmp_path: Path) -> None:
    spec = OpenImageIO.ImageSpec(3, 1, 3, "uint16")
    spec.attribute("oiio:BitsPerSample", 10)
    spec.attribute("dpx:Transfer", "Printing density")
    spec.attribute("oiio:ColorSpace", "KodakLog")
    out = OpenImageIO.ImageOutput.create(str(tmp_path / "a.dpx"))
    assert out.open(str(tmp_path / "a.dpx"), spec)
    out.write_image(np.repeat(np.array([95, 685, 1023], np.uint16)[None, :, None] << 6, 3, axis=2))
    out.close()
    photo = read_photo(tmp_path / "a.dpx")
    assert photo.light is not None and "logarithmic" in photo.notes[0]
    np.testing.assert_allclose(photo.light.colours[0, :, 0], (0, 1, 13.53), atol=0.02)


def test_a_jpeg_xl_keeps_sixteen_bits_and_its_profile(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "ramp.png"), RAMP[..., ::-1])
    ffmpeg("-i", str(tmp_path / "ramp.png"), "-c:v", "libjxl", "-distance", "0", str(tmp_path / "a.jxl"))
    photo = read_photo(tmp_path / "a.jxl")
    np.testing.assert_array_equal(photo.pixels, RAMP)
    assert photo.icc is not None and photo.icc[16:20] == b"RGB "


def test_without_the_library_the_error_names_the_extra_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openimageio, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"a\.exr is EXR, which needs OpenImageIO; pip install 'mattecli\[formats\]'"):
        read_photo(_exr(tmp_path / "a.exr", {"RGB": LIGHT}))
