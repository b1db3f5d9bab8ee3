"""A moving guide's levels: its transparency where it has one, else grey, else its colours."""

import numpy as np
import pytest

from mattecli.io.clip_types import Frame
from mattecli.io.video.levels import FrameLevels, is_tinted

GREY = np.full((4, 6, 3), 90, np.uint8)
FULL, HALF = np.full((4, 6), 255, np.uint8), np.full((4, 6), 128, np.uint8)


def _frame(pixels: np.ndarray, alpha: np.ndarray | None, index: int = 0) -> Frame:
    return Frame(pixels, index, 1, index, alpha)


def test_grey_frames_become_levels_and_coloured_frames_stay_rgb() -> None:
    assert (FrameLevels()(_frame(GREY, None)) == 90).all() and FrameLevels()(_frame(GREY, FULL)).shape == (4, 6)
    coloured = GREY.copy()
    coloured[:2, :, 0] = 250
    assert FrameLevels()(_frame(coloured, None)).shape == (4, 6, 3)


def test_a_clip_with_one_transparent_frame_is_a_cutout_throughout() -> None:
    levels = FrameLevels()
    assert levels(_frame(GREY, HALF)).shape == (4, 6, 4)
    assert (levels(_frame(GREY, FULL, 1))[..., 3] == 255).all()
    assert FrameLevels(transparent=True)(_frame(GREY, FULL)).shape == (4, 6, 4)


@pytest.mark.parametrize(("dtype", "unit"), [(np.uint8, 1), (np.uint16, 257)])
def test_grey_frames_tinted_by_compression_count_as_grey(dtype: type, unit: int) -> None:
    noisy = (GREY + np.random.default_rng(0).integers(-10, 10, GREY.shape)).astype(dtype) * dtype(unit)
    assert not is_tinted(noisy)
    noisy[0, :2, 1] = 255 * unit
    assert is_tinted(noisy)
