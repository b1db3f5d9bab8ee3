"""Windows onto cut-out photographs, and onto pictures of which only the alpha is used."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.engine.canvas import rotation
from training.engine.layers import Layer, Plane, as_plane, from_premultiplied, merge, thrice
from training.engine.sources import KEPT, Sources, picture
from training.engine.textures import noise

# Levels of an 8-bit alpha up to the first and from the second on are speckle of the tool that made it, and the rest is stretched.
SPECKLE = 4, 247
STRETCHED = np.clip(np.round((np.arange(256) - SPECKLE[0]) * (255 / (SPECKLE[1] - SPECKLE[0]))), 0, 255).astype(np.uint8)
# Soft pixels are looked up on a grid this coarse.
STEP = 4
# A window is at most this many times as large as what is made of it, and at least this many.
LARGEST_WINDOW, SMALLEST_WINDOW = 3.5, 0.8


def cutout(rng: Generator, size: int, sources: Sources) -> Layer:
    """A window of a random cut-out, centred near one of its soft pixels; scaled, turned, mirrored, and seen a little askew."""
    path = sources.cutouts[rng.integers(len(sources.cutouts))]
    pixels, soft = picture(path), soft_places(path)
    largest = min(*pixels.shape[:2], LARGEST_WINDOW * size)
    side = min(np.exp(rng.uniform(np.log(SMALLEST_WINDOW * size), np.log(max(largest, size)))), min(pixels.shape[:2]))
    centre = soft[rng.integers(len(soft))] + rng.normal(0, 0.15 * side, 2)
    centre = np.clip(centre, side / 2, np.array(pixels.shape[1::-1]) - side / 2)
    corners = _corners(rng, centre, side, turn=rng.normal(0, 0.2) if rng.random() < 0.4 else 0.0)
    return _window(pixels, corners, size)


@lru_cache(KEPT)
def soft_places(path: Path) -> NDArray[np.float64]:
    """Where a cut-out is soft: (x, y) [N, 2] on a coarse grid; its middle when it is soft nowhere."""
    alpha = picture(path)[..., 3]
    soft = as_plane((alpha > SPECKLE[0]) & (alpha < SPECKLE[1]))
    # Next to a hard edge there are two soft pixels a row; hair has more, and is looked at more often.
    density = cv2.blur(soft, (4 * STEP + 1, 4 * STEP + 1))[::STEP, ::STEP]
    rows, columns = np.nonzero(density > 0.15)
    if len(rows) == 0:
        rows, columns = np.array([density.shape[0] // 2]), np.array([density.shape[1] // 2])
    return np.stack((columns, rows), axis=1).astype(float) * STEP


def sprites(rng: Generator, size: int, texture: Plane, sources: Sources) -> Layer:
    """One to four alpha textures (smoke, flames, sparks), each with colours that vary little."""
    layer = Layer(texture, np.zeros((size, size), np.float32))
    for _ in range(rng.integers(1, 5)):
        pixels = picture(sources.alpha_textures[rng.integers(len(sources.alpha_textures))])
        side = pixels.shape[0] * np.exp(rng.uniform(np.log(0.5), np.log(2.5)))
        centre = np.array(pixels.shape[1::-1]) / 2 + rng.normal(0, 0.2 * side, 2)
        corners = _corners(rng, centre, side, turn=rng.uniform(0, 2 * np.pi))
        alpha = _warped(pixels[..., 3], corners, size, cv2.BORDER_CONSTANT) / 255
        tint = texture[rng.integers(size), rng.integers(size)] * (0.7 + 0.6 * thrice(noise(rng, size, cells=4)))
        layer = merge(Layer(np.clip(tint, 0, 1), np.clip(alpha * rng.uniform(0.5, 1.6), 0, 1)), layer)
    return layer


def _corners(rng: Generator, centre: NDArray[np.float64], side: float, *, turn: float) -> NDArray[np.float32]:
    """The corners of a square window, clockwise, each moved a little, turned and half of the time mirrored: (x, y) [4, 2]."""
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * side / 2
    square += rng.normal(0, 0.03 * side, (4, 2)) * (rng.random() < 0.3)
    turned = square @ rotation(turn)
    return (centre + turned * ((-1, 1) if rng.random() < 0.5 else (1, 1))).astype(np.float32)


def _window(pixels: NDArray[np.uint8], corners: NDArray[np.float32], size: int) -> Layer:
    """The part of an RGBA picture between four corners as a layer of `size` x `size`."""
    low = np.clip(np.floor(corners.min(axis=0)).astype(int) - 4, 0, None)
    high = np.ceil(corners.max(axis=0)).astype(int) + 5
    part = pixels[low[1] : high[1], low[0] : high[0]].copy()
    part[..., 3] = alpha = cv2.LUT(part[..., 3], STRETCHED)
    # In 16 bits, or the colours of faint pixels would be a matter of rounding.
    premultiplied = cv2.multiply(part, cv2.merge((alpha, alpha, alpha, np.full_like(alpha, 255))), dtype=cv2.CV_16U)
    warped = _warped(premultiplied, as_plane(corners - low), size, cv2.BORDER_REFLECT_101) / np.float32(255 * 255)
    share = np.clip(warped[..., 3], 0, 1)
    return from_premultiplied(np.clip(warped[..., :3], 0, thrice(share)), share)


def _warped(levels: NDArray[Any], corners: NDArray[np.float32], size: int, border: int) -> Plane:
    """What lies between four corners of a picture, float32 [size, size, ...]; shrunk by averaging areas first where it is much larger."""
    scale = size / np.linalg.norm(corners[1] - corners[0])
    if scale < 0.75:
        shape = max(1, round(levels.shape[1] * scale)), max(1, round(levels.shape[0] * scale))
        corners = corners * (np.array(shape) / levels.shape[1::-1]).astype(np.float32)
        levels = cv2.resize(levels, shape, interpolation=cv2.INTER_AREA)
    onto = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32)
    # The corners are those of the pixels' areas, the coordinates of warpPerspective those of their centres.
    matrix = cv2.getPerspectiveTransform(corners - np.float32(0.5), onto - np.float32(0.5))
    return as_plane(cv2.warpPerspective(as_plane(levels), matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=border))
