"""Backdrops brought to the size of a frame."""

import tracemalloc

import numpy as np
import pytest

from mattecli.compositing.fit import fit, plain
from mattecli.errors import MatteError


def test_cover_crops_contain_pads_and_stretch_distorts() -> None:
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
def test_every_requested_size_is_exact(height: int, width: int, mode: str) -> None:
    assert fit(plain(7, 5, (1, 1, 1)), height, width, mode=mode).shape == (height, width, 3)


@pytest.mark.parametrize("sigma", [3.0, 20.0])
def test_blur_keeps_the_light_and_spreads_a_point_by_the_given_deviation(sigma: float) -> None:
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


def test_a_panorama_behind_a_tall_frame_takes_only_the_memory_of_its_visible_part() -> None:
    panorama = plain(100, 4000, (0.5, 0.5, 0.5))
    tracemalloc.start()
    fit(panorama, 1000, 250)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6, "the whole of it at that size has 40 million pixels"


@pytest.mark.parametrize(("size", "frame"), [((60, 80), (108, 192)), ((60, 80), (190, 108)), ((40, 30), (20, 27)), ((200, 90), (60, 80))])
@pytest.mark.parametrize("sigma", [0.0, 2.0, 5.5])
def test_the_visible_part_of_a_covering_backdrop_equals_the_whole_one_cropped(
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
