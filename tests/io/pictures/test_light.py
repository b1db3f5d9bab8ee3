"""Floats as light: other primaries, what a screen shows, and what is no number."""

import numpy as np
import pytest

from mattecli.io.pictures.light import Light, are_sound, between, light_of, mended, shown

DISPLAY_P3 = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329)
ACES = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)


def test_the_matrix_between_primaries_equals_the_published_one() -> None:
    # Display P3 to sRGB, as CSS Color 4 gives it.
    wanted = [[1.2249401763, -0.2249401763, 0], [-0.0420569547, 1.0420569547, 0], [-0.0196375546, -0.0786360456, 1.0982736001]]
    np.testing.assert_allclose(between(DISPLAY_P3, None), wanted, atol=2e-4)
    assert between(None, None) is None
    np.testing.assert_allclose(between(ACES, None) @ np.ones(3), np.ones(3), atol=1e-9)  # white stays white


def test_light_survives_a_round_trip_through_other_primaries() -> None:
    light = Light(np.random.default_rng(0).random((4, 5, 3)).astype(np.float32) * 9)
    np.testing.assert_allclose(light.within(DISPLAY_P3).within(None).colours, light.colours, atol=1e-5)


def test_encoded_values_survive_a_round_trip_through_light() -> None:
    levels = np.random.default_rng(1).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    alpha = np.full((6, 7), 51, np.uint8)
    light = light_of(levels, alpha)
    assert light.alpha is not None and light.alpha[0, 0] == np.float32(0.2)
    np.testing.assert_array_equal(shown(light) // 257, np.dstack([levels, alpha]))


def test_nan_and_infinity_are_replaced() -> None:
    planes, count = mended(np.array([np.nan, np.inf, -np.inf, 3], np.float32))
    assert planes.tolist() == [0, 65504, 0, 3] and count == 3


@pytest.mark.parametrize(("chromaticities", "sound"), [(ACES, True), ((0.3,) * 8, False), ((0.0,) * 8, False)])
def test_degenerate_primaries_are_detected(chromaticities: tuple[float, ...], sound: bool) -> None:
    with np.errstate(all="ignore"):
        assert are_sound(chromaticities) is sound
