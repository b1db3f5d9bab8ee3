"""Whether the subject of a clip has left the place that a mask or trimap gives for one frame."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.matting.tracking.small_frames import reduced

Levels = NDArray[np.unsignedinteger[Any]]

SIDE = 160
"""Pixels of the longer side at which frames are compared."""
APART = 24
"""The change of a pixel, in levels of 255, that counts: more than noise and coding cause in a smoothed copy."""
MOST_CHANGED = 0.5
"""The changed share of the subject's inside, or of a ring around it, that means it has moved. A person who talks and sways changes less
of either; changes in the unknown region do not count."""


class MovedSubject:
    """Called with a clip's frames in order, from the guide's own on: whether the subject has left the guide's place.

    guide: mask or trimap [H, W], uint8 or uint16, of the frames' size. A uniform change of light is ignored.
    """

    def __init__(self, guide: Levels) -> None:
        share = reduced(guide, SIDE) / np.iinfo(guide.dtype).max
        inside = (share > 0.75).astype(np.uint8)
        seen = (share > 0.05).astype(np.uint8)
        reach = 2 * round(0.06 * SIDE) + 1
        near = cv2.dilate(seen, np.ones((reach, reach), np.uint8))
        self._places = (inside > 0, (near > 0) & (cv2.dilate(seen, np.ones((3, 3), np.uint8)) == 0))
        self._first: NDArray[np.float32] | None = None

    def __call__(self, pixels: Levels) -> bool:
        now = cv2.GaussianBlur(reduced(pixels, SIDE).astype(np.float32) * np.float32(255 / np.iinfo(pixels.dtype).max), (0, 0), 1.5)
        if self._first is None:
            self._first = np.asarray(now, np.float32)
        change = now - self._first
        change -= np.median(change, axis=(0, 1))
        changed = np.abs(change).max(axis=2) > APART
        return any(bool(changed[place].mean() > MOST_CHANGED) for place in self._places if place.any())
