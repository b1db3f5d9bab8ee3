"""Whether camera and exposure are unchanged since the last frame: a cheap test that saves the search for motion on a tripod.

Pictures are float32 [h, w, 3], encoded RGB in 0..1, small and smooth, of one size.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.matting.registration.exposure import SAME, Picture

Plane = NDArray[np.float32]

# With less of the picture than this showing the plate (the subject fills it, or it is another scene) the test is inconclusive.
LEAST_SHOWN = 0.4
# Regularisation of the motion towards 0, as squared levels a pixel: on a plain wall it is undetermined.
MOTION_HOLD = 1e-5
# And of a gain, as a variance of the plate's values.
GAIN_HOLD = 1e-3
GREY = np.full((1, 3), 1 / 3)
# The points at which a motion is evaluated: five each way, over -1..1.
ACROSS, DOWN = (grid.ravel() for grid in np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-1, 1, 5)))


def rests(picture: Picture, plate: Picture, shown: NDArray[np.bool_], *, shift: float, change: float) -> bool:
    """Whether a picture differs from a plate laid onto it by less than a motion of `shift` pixels and a `change` of levels (0..1).

    shown: bool [h, w], where the plate lies in the picture. Larger differences than an exposure explains are the subject and are
    excluded. The motion is one affine step of Lucas and Kanade (IJCAI 1981), which is accurate near rest.
    """
    difference = picture - plate
    same = (shown & (cv2.absdiff(picture, plate) < SAME).all(axis=2)).astype(np.float32)
    if same.mean() < LEAST_SHOWN:
        return False
    return _typical_change(difference, plate, same) < change and _typical_motion(difference, plate, same) < shift


def _typical_change(difference: Picture, plate: Picture, same: Plane) -> float:
    """The largest change of a dark, middle or bright value by a gain and a bias for each channel, fitted to the differences."""
    levels, tones, weights = difference.reshape(-1, 3), plate.reshape(-1, 3), same.ravel() / same.sum()
    mean, centre = weights @ levels, weights @ tones
    around = tones - centre
    gain = (weights @ (around * levels)) / (weights @ np.square(around) + GAIN_HOLD)
    lines = mean + gain * (np.array([[0.1], [0.5], [0.9]]) - centre)
    return float(np.abs(lines).max())


def _typical_motion(difference: Picture, plate: Picture, same: Plane) -> float:
    """The root mean square over the picture, in pixels, of the affine motion that explains the differences."""
    grey, change = cv2.transform(plate, GREY), cv2.transform(difference, GREY)
    change = (change - (change * same).sum() / same.sum()) * same
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8) * same
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8) * same
    x, y = (np.linspace(-1, 1, side, dtype=np.float32) for side in grey.shape[::-1])
    slopes = np.stack([across, across * x, across * y[:, None], down, down * x, down * y[:, None]]).reshape(6, -1)
    equations = (slopes @ slopes.T).astype(np.float64) + MOTION_HOLD * same.sum() * np.eye(6)
    motion = np.linalg.solve(equations, (slopes @ change.ravel()).astype(np.float64)).reshape(2, 3)
    moved = motion @ np.stack([np.ones_like(ACROSS), ACROSS, DOWN])
    return float(np.sqrt(np.square(moved).sum(axis=0).mean()))
