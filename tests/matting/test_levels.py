"""Integers and floats of pixels."""

import numpy as np

from mattecli.matting.levels import from_levels, to_levels


def test_levels_survive_a_round_trip_through_floats() -> None:
    for dtype, top in ((np.uint8, 255), (np.uint16, 65535)):
        levels = np.arange(0, top + 1, dtype=dtype)
        np.testing.assert_array_equal(to_levels(from_levels(levels), top), levels)
