"""Conversion of colours between profiles."""

import numpy as np
import pytest

from mattecli.io.icc import converted, is_sound
from tests.profiles import SRGB, damaged, display_p3

P3 = display_p3()
# sRGB's primaries in Display P3, from the sample code of CSS Color 4.
SRGB_IN_P3 = {(1, 0, 0): (0.91749, 0.20029, 0.13856), (0, 1, 0): (0.45840, 0.98527, 0.29829), (1, 1, 1): (1, 1, 1)}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_conversion_matches_published_values_at_8_and_16_bits(dtype: type) -> None:
    top = np.iinfo(dtype).max
    pixels = np.array([list(SRGB_IN_P3)], dtype) * dtype(top)
    inside = converted(pixels, None, P3)
    assert inside.dtype == dtype
    np.testing.assert_allclose(inside[0] / top, list(SRGB_IN_P3.values()), atol=1.2 / 255)
    red = np.array([[[220, 30, 30]]], dtype) * dtype(top // 255)
    np.testing.assert_allclose(converted(converted(red, None, P3), P3, None) / top, red / top, atol=1.2 / 255)


def test_sixteen_bit_colours_keep_their_gradation() -> None:
    ramp = np.linspace(20_000, 22_000, 1000).astype(np.uint16)
    orange = np.stack([ramp + 20_000, ramp, ramp // 2], axis=1)[None]
    steps = np.diff(converted(orange, None, P3)[0].astype(int), axis=0)
    assert (steps >= 0).all() and steps.max() < 12, "no bands"
    assert np.count_nonzero(steps[:, 1]) > 900


def test_equal_and_unreadable_profiles_leave_pixels_unchanged() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    for pair in ((None, None), (P3, P3), (None, SRGB), (SRGB, None), (damaged(), None), (P3, damaged())):
        assert converted(pixels, *pair) is pixels
    assert [is_sound(profile) for profile in (None, SRGB, P3, damaged())] == [True, True, True, False]
