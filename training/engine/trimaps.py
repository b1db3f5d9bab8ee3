"""Trimaps for true alphas, as coarse as those people and programs make: float32 [H, W] of 0, 0.5 and 1."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.engine.layers import Plane
from training.engine.textures import noise

Mask = NDArray[np.bool_]
# However wide its reach, a trimap leaves this share of the sure pixels of each kind known: without any there is nothing to go by.
LEAST_KNOWN = 0.03


def trimap(rng: Generator, alpha: Plane, *, reach: tuple[float, float], mistakes: float = 0.0) -> Plane:
    """A trimap for an alpha [H, W].

    The unknown region reaches some pixels (drawn from `reach`, least and most) beyond the soft ones, differently far inwards and outwards;
    its edge is even, ragged, or the outline of a blurred alpha. It holds every soft pixel (0 < alpha < 1), but for a share of `mistakes`.
    """
    width = rng.uniform(*reach)
    outwards, inwards = width * rng.uniform(0.4, 1.0, 2) if rng.random() < 0.5 else (width, width)
    way = rng.choice(("even", "ragged", "blurred"), p=(0.4, 0.35, 0.25))
    soft = (alpha > 0) & (alpha < 1)
    if way == "blurred":
        known_back, known_front = _by_blur(alpha, outwards), _by_blur(1 - alpha, inwards)
    else:
        ragged = 1.0 if way == "even" else 0.35 + 1.3 * _roughness(rng, alpha.shape)
        known_back, known_front = (_farther(alpha == level, reach * ragged) for level, reach in ((0, outwards), (1, inwards)))
    levels = np.full(alpha.shape, 0.5, np.float32)
    levels[known_back] = 0
    levels[known_front] = 1
    return _with_mistakes(rng, levels, alpha, soft, mistakes) if mistakes > 0 else levels


def _farther(sure: Mask, reach: float | Plane) -> Mask:
    """The pixels of a sure region that lie farther than `reach` pixels inside it, or its innermost ones where that leaves too few."""
    distance = cv2.distanceTransform(sure.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    excess = distance - reach
    if not sure.any():
        return sure
    limit = min(0.0, float(np.quantile(excess[sure], 1 - LEAST_KNOWN)))
    return sure & (excess >= limit) & (distance > 1.5)


def _by_blur(alpha: Plane, reach: float) -> Mask:
    """Where an alpha blurred as wide as `reach` pixels has all but vanished: a threshold rounds corners off as segmentations do."""
    blurred = cv2.GaussianBlur(alpha, (0, 0), max(reach / 2, 0.5), borderType=cv2.BORDER_REPLICATE)
    vanished = (blurred < 0.03) & _farther(alpha == 0, min(reach, 2.0))
    return vanished if np.count_nonzero(vanished) >= LEAST_KNOWN * np.count_nonzero(alpha == 0) else _farther(alpha == 0, reach)


def _roughness(rng: Generator, shape: tuple[int, ...]) -> Plane:
    side = max(shape)
    return noise(rng, side, cells=rng.uniform(3, 16), octaves=3, roughness=0.6)[: shape[0], : shape[1]]


def _with_mistakes(rng: Generator, levels: Plane, alpha: Plane, soft: Mask, share: float) -> Plane:
    """Spots of unknown soft pixels called what they are nearer to, as a hasty brush does."""
    spots = noise(rng, max(alpha.shape), cells=max(alpha.shape) / 6, octaves=1)[: alpha.shape[0], : alpha.shape[1]]
    if not soft.any():
        return levels
    wrong = soft & (spots >= np.quantile(spots[soft], 1 - share))
    return np.where(wrong, (alpha >= 0.5).astype(np.float32), levels)
