"""Properties of homographies: 3x3 matrices that map points (x, y), in pixels; sizes are (height, width)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Transform = NDArray[np.float64]

# Limits of the change of area and depth between two shots of a hand-held camera.
LARGEST_ZOOM, LARGEST_TILT = 1.6, 1.2


def largest_shift(homography: Transform, size: Sequence[int]) -> float:
    """The largest displacement of the corners of a picture of (height, width); infinite when one falls behind the camera."""
    corners = _corners(size)
    if _depths(corners, homography).min() <= 0:
        return float("inf")
    return float(np.linalg.norm(mapped(corners, homography) - corners, axis=1).max())


def typical_shift(first: Transform, second: Transform, size: Sequence[int]) -> float:
    """The root mean square distance between two motions, over a grid of points of a picture of (height, width)."""
    grid = np.stack(np.meshgrid(np.linspace(0, size[1], 5), np.linspace(0, size[0], 5)), axis=-1).reshape(-1, 2)
    return float(np.sqrt(np.mean(np.sum(np.square(mapped(grid, first) - mapped(grid, second)), axis=1))))


def mapped(points: NDArray[Any], transform: Transform) -> NDArray[np.float64]:
    """Points [N, 2] mapped by a homography."""
    moved = points @ transform[:2, :2].T + transform[:2, 2]
    return np.asarray(moved / _depths(points, transform)[:, None], np.float64)


def _depths(points: NDArray[Any], transform: Transform) -> NDArray[np.float64]:
    return np.asarray(points @ transform[2, :2] + transform[2, 2], np.float64)


def bends(homography: Transform, size: Sequence[int]) -> bool:
    """Whether it mirrors, zooms or tilts a picture more than a hand-held camera does."""
    corners = _corners(size)
    depths = _depths(corners, homography)
    outline = mapped(corners[[0, 1, 3, 2]], homography).astype(np.float32)
    # y points down, so the outline's area is negative once it is mirrored.
    zoom = cv2.contourArea(outline, oriented=True) / (size[0] * size[1])
    return not 1 / LARGEST_ZOOM < zoom < LARGEST_ZOOM or depths.max() > LARGEST_TILT * depths.min() or not cv2.isContourConvex(outline)


def scaled(homography: Transform, size: tuple[int, ...], other: tuple[int, ...]) -> Transform:
    """A homography for a picture of `size` converted to the same picture at size `other`, (height, width); pixels lie at their centres."""
    down, across = other[0] / size[0], other[1] / size[1]
    scaling = np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]], np.float64)
    moved = scaling @ homography @ np.linalg.inv(scaling)
    return np.asarray(moved / moved[2, 2], np.float64)


def _corners(size: Sequence[int]) -> NDArray[np.float64]:
    """Upper left, upper right, lower left, lower right."""
    return np.array([[x, y] for y in (0, size[0]) for x in (0, size[1])], np.float64)
