"""Error pictures, and the place that is worth a look."""

import numpy as np

from mattecli.evaluation.error_map import NOT_COUNTED, heat_map, shrunk, worst_window


def test_errors_are_warm_or_cold_correct_pixels_dark_and_unmeasured_ones_grey() -> None:
    error = np.array([[0.5, -0.5, 0.0, 1.0]], np.float32)
    warm, cold, dark, grey = heat_map(error, np.array([[True, True, True, False]]))[0].astype(int)
    assert warm[0] > 2 * warm[2] and cold[2] > 2 * cold[0]
    assert dark.max() < 20 and tuple(grey) == NOT_COUNTED


def test_the_worst_window_holds_the_most_error_and_stays_in_the_picture() -> None:
    error = np.zeros((50, 70), np.float32)
    error[5, 5] = 0.9
    error[40:46, 60:68] = -0.2
    rows, columns = worst_window(error, side=16)
    assert np.abs(error[rows, columns]).sum() == np.abs(error[40:46, 60:68]).sum()
    assert (rows.stop - rows.start, columns.stop - columns.start) == (16, 16) and rows.stop <= 50 and columns.stop <= 70


def test_a_picture_smaller_than_the_window_is_shown_whole() -> None:
    assert worst_window(np.ones((5, 70), np.float32), side=16) == (slice(0, 5), slice(0, 16))
    assert worst_window(np.ones((5, 7), np.float32), side=16) == (slice(0, 5), slice(0, 7))


def test_shrinking_keeps_proportions_and_leaves_small_pictures_alone() -> None:
    assert shrunk(np.zeros((100, 400, 3), np.uint8), side=80).shape == (20, 80, 3)
    assert shrunk(np.zeros((10, 4000, 3), np.uint8), side=80).shape == (1, 80, 3)
    assert shrunk(np.zeros((10, 40, 3), np.uint8), side=80).shape == (10, 40, 3)
