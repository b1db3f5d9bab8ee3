"""Laying over, colours and backdrops."""

import tracemalloc

import numpy as np
import pytest

from mattecli.compositing.layers import fit, lay_levels_over, lay_over, plain, with_alpha
from mattecli.errors import MatteError
from mattecli.matting.levels import from_levels, to_levels
from mattecli.requests.quantities import parse_colour


def test_the_plain_blend_mixes_encoded_values_and_the_linear_blend_mixes_light() -> None:
    white, black, half = plain(1, 1, (1, 1, 1)), plain(1, 1, (0, 0, 0)), np.full((1, 1), 0.5, np.float32)
    assert lay_over(white, half, black, linear=False)[0, 0, 0] == pytest.approx(0.5)
    # Half the light of white is 188 of 255 in sRGB.
    assert lay_over(white, half, black)[0, 0, 0] * 255 == pytest.approx(188, abs=0.6)


@pytest.mark.parametrize("linear", [True, False])
def test_solid_pixels_keep_their_colour_and_clear_ones_show_the_backdrop(linear: bool) -> None:
    random = np.random.default_rng(0)
    foreground, backdrop = random.random((2, 600, 5, 3), np.float32)
    alpha = np.zeros((600, 5), np.float32)
    alpha[300:] = 1
    laid = lay_over(foreground, alpha, backdrop, linear=linear)
    assert laid.dtype == np.float32
    np.testing.assert_allclose(laid[:300], backdrop[:300], atol=1e-5)
    np.testing.assert_allclose(laid[300:], foreground[300:], atol=1e-5)


def test_a_backdrop_of_another_size_is_refused_with_both_sizes() -> None:
    with pytest.raises(MatteError, match=r"4 x 3.*6 x 5"):
        lay_over(plain(3, 4, (0, 0, 0)), np.zeros((3, 4), np.float32), plain(5, 6, (0, 0, 0)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("orange", (255, 165, 0)), ("Grey", (128, 128, 128)), ("#f0a", (255, 0, 170)), ("#102030", (16, 32, 48)), ("1, 2,255", (1, 2, 255))],
)
def test_a_colour_is_a_name_or_hexadecimal_or_three_numbers(text: str, expected: tuple[int, int, int]) -> None:
    assert parse_colour(text) == pytest.approx([part / 255 for part in expected])


@pytest.mark.parametrize("text", ["", "blurple", "#12", "1,2", "1,2,256", "-1,2,3", "1,2,x", "#11223344"])
def test_what_is_no_colour_is_refused_with_the_accepted_forms(text: str) -> None:
    with pytest.raises(MatteError, match="#rgb, #rrggbb, or r,g,b"):
        parse_colour(text)


def test_cover_fills_the_frame_from_the_middle_contain_shows_all_and_stretch_bends() -> None:
    wide = np.zeros((10, 40, 3), np.float32)
    wide[:, 10:30] = 1
    assert fit(wide, 20, 20).min() > 0.4
    contained = fit(wide, 20, 20, mode="contain")
    assert contained[:7].max() == 0 and contained[13:].max() == 0 and contained[10, 10, 0] > 0.99
    stretched = fit(wide, 20, 20, mode="stretch")
    assert stretched[:, 0].max() < 0.01 and stretched[:, 10].min() > 0.99
    with pytest.raises(MatteError, match="cover, contain, stretch"):
        fit(wide, 20, 20, mode="tile")


def test_shrinking_averages_so_that_fine_patterns_turn_grey_and_enlarging_stays_in_range() -> None:
    fine = np.zeros((64, 64, 3), np.float32)
    fine[::2] = 1
    np.testing.assert_allclose(fit(fine, 8, 8), 0.5, atol=1e-5)
    enlarged = fit(fine, 200, 100, mode="stretch")
    assert enlarged.min() == 0 and enlarged.max() == 1


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 50), (37, 2), (11, 640)])
@pytest.mark.parametrize("mode", ["cover", "contain", "stretch"])
def test_every_size_is_met_exactly(height: int, width: int, mode: str) -> None:
    assert fit(plain(7, 5, (1, 1, 1)), height, width, mode=mode).shape == (height, width, 3)


def test_only_soft_pixels_are_mixed_and_the_others_are_copies_to_the_bit() -> None:
    random = np.random.default_rng(1)
    foreground, backdrop = random.random((2, 300, 7, 3), np.float32)
    alpha = random.choice(np.array([0, 0.5, 1], np.float32), (300, 7))
    laid = lay_over(foreground, alpha, backdrop)
    np.testing.assert_array_equal(laid[alpha == 1], foreground[alpha == 1])
    np.testing.assert_array_equal(laid[alpha == 0], backdrop[alpha == 0])
    between = (laid - foreground) * (laid - backdrop)
    assert (between[alpha == 0.5] <= 1e-6).all()


@pytest.mark.parametrize("sigma", [3.0, 20.0])
def test_a_blurred_backdrop_keeps_its_light_and_spreads_a_lamp_by_the_given_deviation(sigma: float) -> None:
    lamp = np.zeros((201, 201, 3), np.float32)
    lamp[100, 100] = 1
    blurred = fit(lamp, 201, 201, sigma=sigma)
    light = np.where(blurred <= 0.04045, blurred / 12.92, ((blurred + 0.055) / 1.055) ** 2.4)[..., 0].astype(np.float64)
    assert light.sum() == pytest.approx(1, rel=0.03)
    across = (np.arange(201) - 100) ** 2
    assert np.sqrt((light.sum(0) * across).sum() / light.sum()) == pytest.approx(sigma, rel=0.05)


def test_a_backdrop_as_thin_as_a_pixel_fills_a_large_frame() -> None:
    gradient = np.linspace(0, 1, 1080, dtype=np.float32)[:, None, None].repeat(3, axis=2)
    shown = fit(gradient, 1080, 1920)
    assert shown.shape == (1080, 1920, 3)
    assert 0.499 < shown.min() <= shown.max() < 0.501, "a strip of its middle, the height of half a pixel"
    assert fit(gradient.swapaxes(0, 1), 1080, 400, sigma=3).shape == (1080, 400, 3)


def test_a_panorama_behind_a_tall_frame_takes_no_more_memory_than_what_is_seen_of_it() -> None:
    panorama = plain(100, 4000, (0.5, 0.5, 0.5))
    tracemalloc.start()
    fit(panorama, 1000, 250)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6, "the whole of it at that size has 40 million pixels"


@pytest.mark.parametrize(("size", "frame"), [((60, 80), (108, 192)), ((60, 80), (190, 108)), ((40, 30), (20, 27)), ((200, 90), (60, 80))])
@pytest.mark.parametrize("sigma", [0.0, 2.0, 5.5])
def test_what_is_seen_of_a_covering_backdrop_is_as_if_all_of_it_had_been_made(
    size: tuple[int, int], frame: tuple[int, int], sigma: float
) -> None:
    backdrop = np.random.default_rng(2).random((*size, 3), np.float32)
    scale = max(frame[0] / size[0], frame[1] / size[1])
    whole = fit(backdrop, round(size[0] * scale), round(size[1] * scale), mode="stretch", sigma=sigma)
    top, left = ((all_of - part) // 2 for all_of, part in zip(whole.shape[:2], frame, strict=True))
    np.testing.assert_allclose(fit(backdrop, *frame, sigma=sigma), whole[top : top + frame[0], left : left + frame[1]], atol=2e-5)


def test_contained_and_blurred_the_bars_stay_black() -> None:
    contained = fit(plain(10, 40, (1, 1, 1)), 40, 40, mode="contain", sigma=4)
    assert contained[:15].max() == 0 and contained[16:24].min() > 0.999


def test_levels_survive_the_way_to_floats_and_back() -> None:
    for dtype, top in ((np.uint8, 255), (np.uint16, 65535)):
        levels = np.arange(0, top + 1, dtype=dtype)
        np.testing.assert_array_equal(to_levels(from_levels(levels), top), levels)


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
@pytest.mark.parametrize("linear", [True, False])
def test_laying_over_in_integers_is_laying_over_and_solid_parts_are_the_photos_to_the_bit(dtype: type, top: int, linear: bool) -> None:
    random = np.random.default_rng(3)
    photo, (soft, backdrop) = random.integers(0, top + 1, (300, 7, 3)).astype(dtype), random.random((2, 300, 7, 3), np.float32)
    alpha = random.choice(np.array([0, 0.3, 0.9999, 1], np.float32), (300, 7))
    solid = alpha > 0.9
    levels, planes = to_levels(backdrop, top), np.ascontiguousarray(soft.transpose(2, 0, 1))
    laid = lay_levels_over(photo, solid, planes, alpha, backdrop, levels, linear=linear)
    expected = to_levels(lay_over(np.where(solid[..., None], from_levels(photo), soft), alpha, backdrop, linear=linear), top)
    assert laid.dtype == dtype
    np.testing.assert_array_equal(laid, expected)
    np.testing.assert_array_equal(laid[alpha == 1], photo[alpha == 1])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_alpha_beside_colours_makes_straight_rgba(dtype: type) -> None:
    picture = np.random.default_rng(4).integers(0, np.iinfo(dtype).max, (5, 7, 4), dtype)
    np.testing.assert_array_equal(with_alpha(picture[..., :3].copy(), picture[..., 3]), picture)
