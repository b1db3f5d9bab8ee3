"""What in a picture differs from its border: a guess at the subject that knows nothing but colours."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

# Smaller ranges of barriers (in levels of Lab) and deviations (in standard deviations) are noise.
LEAST_BARRIER, LEAST_DEVIATION = 30.0, 3.0


def border_saliency(small: Bytes) -> NDArray[np.float32]:
    """How much each pixel differs from what continues inwards from the picture's border; float32 0..1, the size of `small`.

    The minimum barrier distance (Zhang et al., ICCV 2015): the smallest range of values on any path from the border.
    The lower border does not count, because subjects often stand on it.
    """
    scale = 120 / max(small.shape[:2])
    tiny = cv2.resize(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    lab = np.asarray(cv2.medianBlur(tiny, 5), np.float32)
    barrier = np.sum([_barrier_distance(lab[..., channel]) for channel in range(3)], axis=0)
    whitened = _border_difference(lab)
    both = _stretched(barrier, LEAST_BARRIER) + _stretched(whitened, LEAST_DEVIATION)
    central = _stretched(both * _centre_weight(tiny.shape[:2]), 0.5)
    return np.asarray(cv2.resize(central, small.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _barrier_distance(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Relax highest - lowest along paths from the left, upper and right border until nothing changes."""
    distance = np.full(plane.shape, np.inf, np.float32)
    distance[0, :] = distance[:, 0] = distance[:, -1] = 0
    highest, lowest = plane.copy(), plane.copy()
    for _ in range(4 * max(plane.shape)):
        before = distance.copy()
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
            high = np.maximum(np.roll(highest, step, axis), plane)
            low = np.minimum(np.roll(lowest, step, axis), plane)
            reached = np.isfinite(np.roll(distance, step, axis))
            better = reached & (high - low < distance)
            better[_edge(axis, step)] = False
            distance[better] = (high - low)[better]
            highest[better], lowest[better] = high[better], low[better]
        if np.array_equal(before, distance):
            break
    return distance


def _edge(axis: int, step: int) -> tuple[slice | int, slice | int]:
    """The line that np.roll wraps around to the far side."""
    line = 0 if step == 1 else -1
    return (line, slice(None)) if axis == 0 else (slice(None), line)


def _border_difference(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Whitened colour distance to the three borders; the one that differs least decides (Zhang et al., ICCV 2015, section 3)."""
    width = max(1, lab.shape[1] // 10)
    borders = (lab[:width].reshape(-1, 3), lab[:, :width].reshape(-1, 3), lab[:, -width:].reshape(-1, 3))
    return np.asarray(np.minimum.reduce([_whitened_distance(lab, border) for border in borders]), np.float32)


def _whitened_distance(lab: NDArray[np.float32], border: NDArray[np.float32]) -> NDArray[np.float32]:
    offset = lab - border.mean(axis=0)
    spread = np.linalg.inv(np.cov(border, rowvar=False) + 20 * np.eye(3))
    return np.asarray(np.sqrt(np.einsum("hwi,ij,hwj->hw", offset, spread, offset)), np.float32)


def _stretched(values: NDArray[np.float32], least: float) -> NDArray[np.float32]:
    """Bring values to 0..1, but never blow up a range smaller than `least`: a flat picture has nothing salient."""
    return np.asarray((values - values.min()) / max(float(np.ptp(values)), least), np.float32)


def _centre_weight(size: tuple[int, int]) -> NDArray[np.float32]:
    rows, columns = np.linspace(-1, 1, size[0])[:, None], np.linspace(-1, 1, size[1])[None, :]
    return np.exp(-0.7 * (columns**2 + 0.5 * np.minimum(rows, 0) ** 2)).astype(np.float32)


def saliency_contrast(saliency: NDArray[np.float32]) -> NDArray[np.float32]:
    """Saliency around a value somewhat below the one that best parts it in two (Otsu 1979), from -1 to 1."""
    threshold, _ = cv2.threshold((saliency * 255).astype(np.uint8), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return np.asarray(np.clip(saliency * 255 / max(0.85 * threshold, 1) - 1, -1, 1), np.float32)
