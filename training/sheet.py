"""A picture of mattes side by side, for inspection during a training."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

HEADING = 22
DARK, BRIGHT = 32, (235, 235, 235)


def sheet(rows: Sequence[Mapping[str, NDArray[np.float32]]]) -> NDArray[np.uint8]:
    """A row for each example, a column for each of its pictures ([H, W] or [H, W, 3] in 0..1, all of one size), under their names:
    uint8 [height, width, 3]."""
    pictures = np.vstack([np.hstack([_levels(picture) for picture in row.values()]) for row in rows])
    heading = np.full((HEADING, pictures.shape[1], 3), DARK, np.uint8)
    width = pictures.shape[1] // len(rows[0])
    for place, name in enumerate(rows[0]):
        cv2.putText(heading, name, (place * width + 6, HEADING - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, BRIGHT, 1, cv2.LINE_AA)
    return np.vstack((heading, pictures))


def _levels(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    levels = np.rint(picture.clip(0, 1) * 255).astype(np.uint8)
    return levels if levels.ndim == 3 else np.repeat(levels[..., None], 3, 2)
