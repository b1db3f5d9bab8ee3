"""Error maps of mattes, and the window with the largest error."""

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

# Colours from no error to an error of 1, at the square root of its size, so that an error of 0.04 still shows.
TOO_OPAQUE = ((10, 10, 14), (150, 30, 10), (245, 130, 20), (255, 245, 200))
TOO_CLEAR = ((10, 10, 14), (15, 60, 150), (40, 170, 235), (215, 250, 255))
NOT_COUNTED = (78, 78, 84)


def heat_map(error: Plane, region: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Predicted less true alpha, float32 [H, W] in -1..1, as RGB uint8 [H, W, 3].

    Orange where the prediction is too opaque, blue where it is too clear, black where it is right, grey where nothing is counted.
    """
    size = (np.sqrt(np.abs(error)) * 255 + 0.5).astype(np.uint8)
    picture = np.where((error > 0)[..., None], _ramp(TOO_OPAQUE)[size], _ramp(TOO_CLEAR)[size])
    picture[~region] = NOT_COUNTED
    return picture


def worst_window(error: Plane, *, side: int) -> tuple[slice, slice]:
    """Rows and columns of the window, `side` pixels wide and high where the picture is, that holds the most absolute error."""
    height, width = min(side, error.shape[0]), min(side, error.shape[1])
    sums = cv2.integral(np.abs(error), sdepth=cv2.CV_64F)
    held = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    top, left = np.unravel_index(held.argmax(), held.shape)
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)


def shrunk(picture: NDArray[np.uint8], *, side: int) -> NDArray[np.uint8]:
    """The picture with no side longer than `side`, by averages; a smaller one as it is."""
    share = side / max(picture.shape[:2])
    if share >= 1:
        return picture
    height, width = (max(1, round(length * share)) for length in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _ramp(colours: tuple[tuple[int, int, int], ...]) -> NDArray[np.uint8]:
    """256 colours [256, 3] that pass through the given ones at even distances."""
    stops = np.linspace(0, 255, len(colours))
    return np.stack([np.interp(np.arange(256), stops, channel) for channel in zip(*colours, strict=True)], axis=1).astype(np.uint8)
