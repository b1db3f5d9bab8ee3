"""How each pixel of a picture is connected to strokes of two kinds: by geodesic distances or by random walks.

Geodesic distances: Bai and Sapiro, "A geodesic framework for fast interactive image and video segmentation and matting", ICCV 2007.
Random walks: Grady, "Random walks for image segmentation", PAMI 2006, with the colours of the strokes as a prior, as in Grady,
"Multilabel random walker image segmentation using prior models", CVPR 2005. Both start from the likelihood of each pixel under the
strokes' colours.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Growth = Literal["geodesic", "random-walk"]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Densities of colour: the width of a bin in Lab, the widths of the two Gaussians in bins, the weight of the wider one (for colours close
# to a stroke's) and the density of all other colours.
BINS, BIN = (32, 64, 64), 3.125
NARROW, WIDE, WIDE_WEIGHT, STRANGE = 1.2, 6.0, 0.2, 1e-5
# Random walks: the factor of a squared difference in Lab in an edge's weight, the least weight of an edge, the weight of the colours'
# prior and that of a stroke. The solver ends when no probability changes by more than the tolerance.
STEP_CONTRAST, STEP_LEAST, PRIOR_WEIGHT, HELD = 0.05, 1e-4, 3e-4, 1e2
WALK_TOLERANCE, WALK_TURNS = 3e-4, 600
# Geodesic distances: the cost of a step in addition to the change in odds, and the number of sweeps over the picture.
STEP_COST, SWEEPS = 1e-3, 3


def foreground_share(picture: NDArray[np.uint8], foreground: Mask, background: Mask, *, growth: Growth) -> Floats:
    """The share of foreground of each pixel from its connection to the strokes: float32 [H, W] in 0..1.

    `picture` is uint8 RGB [H, W, 3], the strokes are bool [H, W] and not empty.
    """
    lab = np.asarray(cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    odds = _colour_share(lab, foreground, background)
    if growth == "geodesic":
        near, far = (_geodesic_distance(odds, stroke) for stroke in (foreground, background))
        return np.asarray(far / np.maximum(near + far, 1e-9), np.float32)
    return _walk(lab, odds, foreground, background)


# Colours.


def _colour_share(lab: Floats, foreground: Mask, background: Mask) -> Floats:
    """The posterior of foreground from the densities of the strokes' colours alone; 0.5 for colours unlike all of them."""
    bins = np.floor((lab + np.array([0, 100, 100], np.float32)) / BIN).astype(np.int64)
    places = np.ravel_multi_index(tuple(np.moveaxis(bins, -1, 0)), BINS, mode="clip")
    densities = [_density(places[stroke])[places] + STRANGE for stroke in (foreground, background)]
    return np.asarray(densities[0] / (densities[0] + densities[1]), np.float32)


def _density(places: NDArray[np.int64]) -> Floats:
    """The density of some colours, given by their bins, in every bin: a kernel estimate with a narrow and a wide Gaussian."""
    counts = np.bincount(places, minlength=int(np.prod(BINS))).reshape(BINS) / places.size
    return np.asarray(_smoothed(counts, NARROW) + WIDE_WEIGHT * _smoothed(counts, WIDE), np.float32).ravel()


def _smoothed(counts: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    for axis, length in enumerate(BINS):
        steps = np.arange(length)
        kernel = np.exp(-np.square(steps[:, None] - steps) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi))
        counts = np.moveaxis(np.tensordot(kernel, counts, axes=(1, axis)), 0, axis)
    return counts


# Geodesic distances.


def _geodesic_distance(odds: Floats, stroke: Mask) -> NDArray[np.float64]:
    """The least sum of changes in `odds` on a path from the stroke, by sweeps down and up the picture, a row at a time."""
    across = np.abs(np.diff(odds.astype(np.float64), axis=1)) + STEP_COST
    down = np.abs(np.diff(odds.astype(np.float64), axis=0)) + STEP_COST
    travelled = np.pad(np.cumsum(across, axis=1), ((0, 0), (1, 0)))
    distance = np.where(stroke, 0.0, 1e9)
    height = distance.shape[0]
    for _ in range(SWEEPS):
        distance[0] = _settled(distance[0], travelled[0])
        for row in range(1, height):
            distance[row] = _settled(np.minimum(distance[row], distance[row - 1] + down[row - 1]), travelled[row])
        for row in range(height - 2, -1, -1):
            distance[row] = _settled(np.minimum(distance[row], distance[row + 1] + down[row]), travelled[row])
    return distance


def _settled(distance: NDArray[np.float64], travelled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances along one row, when `travelled` is the cost from its first pixel to each."""
    rightwards = np.minimum.accumulate(distance - travelled) + travelled
    leftwards = np.minimum.accumulate((distance + travelled)[::-1])[::-1] - travelled
    return np.minimum(rightwards, leftwards)


# Random walks.


def _walk(lab: Floats, odds: Floats, foreground: Mask, background: Mask) -> Floats:
    """The probability that a random walk, which crosses edges rarely, reaches foreground strokes first, with `odds` as a weak prior.

    The probabilities solve a Laplace equation on the graph of the pixels, by conjugate gradients with a Jacobi preconditioner.
    """
    across, down = (
        np.asarray(np.exp(-STEP_CONTRAST * np.square(np.diff(lab, axis=axis)).sum(axis=2)) + STEP_LEAST, np.float32) for axis in (1, 0)
    )
    held = np.where(foreground | background, np.float32(HELD), np.float32(PRIOR_WEIGHT))
    diagonal = held + _degree(across, down)
    chance = np.where(foreground, np.float32(1), np.where(background, np.float32(0), odds))
    residual = _inflow(chance, across, down)  # the start satisfies the prior and the strokes exactly
    step = scaled = residual / diagonal
    power = float(np.vdot(residual, scaled))
    for _ in range(WALK_TURNS):
        change = held * step - _inflow(step, across, down)
        length = power / max(float(np.vdot(step, change)), 1e-30)
        chance += length * step
        residual -= length * change
        if length * float(np.abs(step).max()) < WALK_TOLERANCE:
            break
        scaled = residual / diagonal
        power, before = float(np.vdot(residual, scaled)), power
        step = scaled + (power / max(before, 1e-30)) * step
    return np.clip(chance, 0, 1)


def _inflow(field: Floats, across: Floats, down: Floats) -> Floats:
    """The sum of weight times difference over each pixel's four neighbours."""
    inflow = np.zeros_like(field)
    along, below = across * np.diff(field, axis=1), down * np.diff(field, axis=0)
    inflow[:, :-1] += along
    inflow[:, 1:] -= along
    inflow[:-1] += below
    inflow[1:] -= below
    return inflow


def _degree(across: Floats, down: Floats) -> Floats:
    """The sum of the weights at each pixel."""
    right, left = np.pad(across, ((0, 0), (0, 1))), np.pad(across, ((0, 0), (1, 0)))
    below, above = np.pad(down, ((0, 1), (0, 0))), np.pad(down, ((1, 0), (0, 0)))
    return np.asarray(right + left + below + above, np.float32)
