"""Small copies of frames, and flow between two of them."""

import cv2
import numpy as np
import pytest

from mattecli.matting.tracking.small_frames import flow_between, reduced, warped


@pytest.mark.parametrize(
    ("size", "longest", "least", "expected"), [((90, 60), 30, 1, (30, 20)), ((90, 2), 30, 4, (30, 4)), ((9, 6), 30, 1, (9, 6))]
)
def test_small_copies_have_the_stated_size(size: tuple[int, int], longest: int, least: int, expected: tuple[int, int]) -> None:
    assert reduced(np.zeros((*size, 3), np.uint8), longest, least=least).shape[:2] == expected


@pytest.mark.parametrize("quick", [False, True])
def test_warping_by_the_optical_flow_undoes_motion(quick: bool) -> None:
    now = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 255, (96, 128, 3)).astype(np.uint8), (0, 0), 3.0)
    now = cv2.normalize(now, None, 0, 255, cv2.NORM_MINMAX)
    other = np.roll(now, (3, -5), (0, 1))
    found = warped(other, flow_between(now, other, quick=quick))[16:-16, 16:-16].astype(float)
    there = now[16:-16, 16:-16]
    assert np.abs(found - there).mean() < 0.2 * np.abs(other[16:-16, 16:-16].astype(float) - there).mean()
