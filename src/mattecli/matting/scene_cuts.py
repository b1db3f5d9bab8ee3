"""Scene cuts, told apart from motion, changes of exposure and things that cross the picture.

A cut fulfils two conditions. The colour histograms differ, which motion alone does not change. And patches of one frame are not found
near their place in the other, by zero-mean normalised cross-correlation (Lewis, "Fast Normalized Cross-Correlation", 1995), which a flash,
a fade or an exposure step leaves high. Both are measured on thumbnails, which are all that has to be kept of a frame.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

THUMBNAIL = (64, 36)
# Side and spacing of the patches and the search range, in thumbnail pixels: a fifth of the picture's width per frame.
PATCH, STEP, REACH = 16, 8, 12
# Neighbouring frames of one scene differ less than this in their colours, in levels of 255, unless the light changes.
OTHER_COLOURS = 5.0
# Patches of unrelated photos correlate by 0.34 to 0.63 in nine of ten pairs, and by 0.8 at least under a whip pan in nineteen of twenty.
OTHER_SHAPES = 0.65
# Outer rows and columns whose values deviate less than this, in levels and in both frames together, are black bars.
BAR = 3.0


def thumbnail(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A frame, uint8 [H, W, 3] of any size, reduced to uint8 [36, 64, 3]; a thumbnail is returned unchanged."""
    return np.asarray(cv2.resize(frame, THUMBNAIL, interpolation=cv2.INTER_AREA), np.uint8)


def is_cut(previous: NDArray[np.uint8], current: NDArray[np.uint8]) -> bool:
    """Whether the scene changes between two consecutive frames; each is a frame, uint8 [H, W, 3] RGB, or its thumbnail.

    Cuts between two views with the same colours, and slow dissolves, are not detected.
    """
    previous, current = thumbnail(previous), thumbnail(current)
    if _colour_distance(previous, current) < OTHER_COLOURS:
        return False
    picture = _inside_bars(previous, current)
    previous, current = previous[picture], current[picture]
    return min(current.shape[:2]) >= PATCH and max(_resemblance(previous, current), _resemblance(current, previous)) < OTHER_SHAPES


def _colour_distance(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The earth mover's distance of the values of each channel, averaged over the channels."""
    sorted_values = [np.sort(frame.reshape(-1, 3), axis=0).astype(np.float32) for frame in (one, other)]
    return float(np.abs(sorted_values[0] - sorted_values[1]).mean())


def _inside_bars(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> tuple[slice, slice]:
    """The rows and columns inside a film's black bars, whose edges would match in every scene."""
    rows = np.flatnonzero(np.hstack([one, other]).std(axis=1).max(axis=1) > BAR)
    columns = np.flatnonzero(np.vstack([one, other]).std(axis=0).max(axis=1) > BAR)
    return slice(rows.min(initial=one.shape[0]), rows.max(initial=0) + 1), slice(
        columns.min(initial=one.shape[1]), columns.max(initial=0) + 1
    )


def _resemblance(sought: NDArray[np.uint8], scene: NDArray[np.uint8]) -> float:
    """How well the patches of one thumbnail are found in the other, 0..1, weighted by their contrast."""
    around = np.asarray(cv2.copyMakeBorder(scene, REACH, REACH, REACH, REACH, cv2.BORDER_REFLECT), np.uint8)
    found, weights = 0.0, 1e-3
    for y in range(0, sought.shape[0] - PATCH + 1, STEP):
        for x in range(0, sought.shape[1] - PATCH + 1, STEP):
            patch = sought[y : y + PATCH, x : x + PATCH]
            side = PATCH + 2 * REACH
            weight = float(patch.std())
            found += weight * _best_match(around[y : y + side, x : x + side], patch)
            weights += weight
    return found / weights


def _best_match(area: NDArray[np.uint8], patch: NDArray[np.uint8]) -> float:
    """The highest correlation of the patch with any place; OpenCV returns NaN, infinity or 1 where there is no contrast."""
    correlation = cv2.matchTemplate(area, patch, cv2.TM_CCOEFF_NORMED)
    return float(np.max(correlation, initial=0.0, where=np.isfinite(correlation) & (correlation <= 1.001)))
