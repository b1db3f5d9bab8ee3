"""YCbCr levels are those of the standards, whichever depth they are made from."""

import av
import numpy as np
import pytest

from mattecli.io.clip_types import Colour
from mattecli.io.yuv import colour_written, fill, without_unseen

# Colour bars of 75 % in the 8-bit limited range of BT.709 and BT.601: white, yellow, cyan, green, magenta, red, blue.
BARS = np.array([[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 1, 0], [1, 0, 1], [1, 0, 0], [0, 0, 1]]) * 0.75
BARS_709 = [(180, 128, 128), (168, 44, 136), (145, 147, 44), (133, 63, 52), (63, 193, 204), (51, 109, 212), (28, 212, 120)]
BARS_601 = [(180, 128, 128), (162, 44, 142), (131, 156, 44), (112, 72, 58), (84, 184, 198), (65, 100, 212), (35, 212, 114)]


def planes(pixels: np.ndarray, pixel_format: str, colour: Colour) -> list[np.ndarray]:
    """What fill writes into a frame that FFmpeg laid out, without the ends of the rows."""
    height, width = pixels.shape[:2]
    frame = av.VideoFrame(width, height, pixel_format)
    dtype = np.uint8 if frame.format.components[0].bits == 8 else np.uint16
    rooms = [np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1) for plane in frame.planes]
    fill(rooms, pixels, pixel_format, colour)
    return [room[:, : plane.width] for room, plane in zip(rooms, frame.planes, strict=True)]


def _bars(top: int, dtype: type[np.unsignedinteger]) -> np.ndarray:
    return np.repeat(np.rint(BARS * top).astype(dtype)[None], 2, axis=0)


@pytest.mark.parametrize(("matrix", "levels"), [(1, BARS_709), (6, BARS_601)])
@pytest.mark.parametrize(("top", "dtype"), [(255, np.uint8), (65535, np.uint16)])
def test_colour_bars_have_the_levels_of_the_standard(matrix: int, levels: list[tuple[int, ...]], top: int, dtype: type) -> None:
    made = planes(_bars(top, dtype), "yuv444p", Colour(matrix))
    assert np.abs(np.stack(made, axis=-1)[0].astype(int) - levels).max() <= 1
    assert all(plane.dtype == np.uint8 for plane in made)


@pytest.mark.parametrize(("top", "dtype"), [(255, np.uint8), (65535, np.uint16)])
def test_white_and_black_are_exact_at_every_depth(top: int, dtype: type) -> None:
    picture = np.array([[[0] * 4, [top] * 4]], dtype)
    for pixel_format, full_range, black, white in [
        ("yuva444p10le", False, 64, 940),
        ("yuva444p10le", True, 0, 1023),
        ("yuva420p", False, 16, 235),
    ]:
        luma, cb, cr, alpha = planes(picture, pixel_format, Colour(1, full_range=full_range))
        middle, full = (128, 255) if pixel_format == "yuva420p" else (512, 1023)
        assert luma.tolist() == [[black, white]] and set(cb.flat) == set(cr.flat) == {middle}
        assert alpha.tolist() == [[0, full]], "alpha always takes the full range"


def test_chroma_is_sited_on_every_other_column_and_between_rows() -> None:
    blue = np.zeros((5, 9, 3), np.uint16)
    blue[..., 2] = 4000 * np.arange(9) + 3000 * np.arange(5)[:, None]
    whole, thinned = (planes(blue, pixel_format, Colour(1))[1].astype(float) for pixel_format in ("yuv444p10le", "yuv420p10le"))
    assert thinned.shape == (3, 5)
    expected = (whole[0:4:2, 2:7:2] + whole[1:5:2, 2:7:2]) / 2
    np.testing.assert_allclose(thinned[:2, 1:4], expected, atol=1)


def test_untagged_files_get_their_matrix_by_size_and_rgb_becomes_bt709() -> None:
    assert colour_written(Colour(), (480, 640), "yuv420p") == Colour(6, 6, 6, False)
    assert colour_written(Colour(), (1080, 1920), "yuv420p") == Colour(1, 1, 1, False)
    assert colour_written(Colour(0, 1, 13, True), (48, 64), "yuv420p") == Colour(1, 1, 1, False)
    hdr = Colour(9, 9, 16, True)
    assert colour_written(hdr, (48, 64), "yuv420p10le") == hdr
    assert colour_written(hdr, (48, 64), "yuv422p10le", limited=True).full_range is False
    assert colour_written(hdr, (48, 64), "gbrp16le") == Colour(0, 9, 16, True)


@pytest.mark.parametrize("size", [(70, 90), (16, 16), (1, 33)])
@pytest.mark.parametrize("block", [8, 16])
def test_colours_under_alpha_0_become_black_except_near_visible_pixels(size: tuple[int, int], block: int) -> None:
    colours, alpha = np.random.default_rng(0).integers(1, 256, (*size, 3), np.uint8), np.zeros(size, np.uint8)
    alpha[0, size[1] - 1] = 1  # one pixel, all but clear
    kept = without_unseen(colours, alpha, block=block)
    np.testing.assert_array_equal(kept[:block, -block:], colours[:block, -block:])
    changed = (kept != colours).any(axis=2)
    assert (kept[changed] == 0).all()
    assert changed[:, : -3 * block].all() and changed[3 * block :].all()


@pytest.mark.parametrize(("pixel_format", "unseen"), [("yuva444p10le", 64), ("yuva420p", 16), ("gbrap16le", 200 * 257)])
def test_only_lossy_codecs_drop_colours_under_alpha_0(pixel_format: str, unseen: int) -> None:
    picture = np.full((70, 90, 4), 200, np.uint8)
    picture[:, 16:, 3] = 0
    first, *_, alpha = planes(picture, pixel_format, Colour(1))
    assert (first[:, 48:] == unseen).all() and (first[:, :24] >= 150).all()
    assert (alpha[:, :16] > 0).all() and (alpha[:, 16:] == 0).all()


@pytest.mark.parametrize("pixel_format", ["yuv444p10le", "yuv420p10le", "yuv422p10le"])
def test_full_range_blue_stays_within_ten_bits(pixel_format: str) -> None:
    blue = np.zeros((4, 6, 3), np.uint8)
    blue[..., 2] = 255
    assert all(plane.max() <= 1023 for plane in planes(blue, pixel_format, Colour(1, full_range=True)))
