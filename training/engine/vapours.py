"""Transparent foregrounds: smoke, fog and flames, glass and drops. `texture` [H, W, 3] lends its colours."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from training.engine.bodies import blob
from training.engine.canvas import Canvas, Points, rotation
from training.engine.layers import Layer, Plane, as_plane, merge
from training.engine.textures import blend, colour, noise


def smoke(rng: Generator, size: int, texture: Plane) -> Layer:
    """Smoke or steam: noise that has been stirred, thinning out to one side."""
    rows, columns = np.indices((size, size), np.float32)
    stir = size * rng.uniform(0.05, 0.25)
    across, down = (plane + stir * (noise(rng, size, cells=rng.uniform(2, 5)) - 0.5) for plane in (columns, rows))
    still = noise(rng, size, cells=rng.uniform(2, 6), octaves=5, roughness=0.55)
    hills = as_plane(cv2.remap(still, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT))
    envelope = noise(rng, size, cells=rng.uniform(0.8, 2), octaves=2)
    density = np.clip((hills * envelope - rng.uniform(0.05, 0.25)) * rng.uniform(1.5, 4), 0, None)
    alpha = rng.uniform(0.4, 1) * (1 - np.exp(-density * rng.uniform(1, 3)))
    grey = np.full(3, rng.uniform(0.1, 1), np.float32) if rng.random() < 0.7 else colour(rng)
    return Layer(blend(0.75 * grey, np.minimum(1.15 * grey + 0.05, 1), hills), alpha.astype(np.float32))


def glass(rng: Generator, size: int, texture: Plane) -> Layer:
    """A vessel, a pane's edge, or drops: clear in the middle, denser and darker at the rim, with bright reflections."""
    canvas = Canvas(size)
    for outline in [_vessel(rng, size)] if rng.random() < 0.6 else _drops(rng, size):
        canvas.polygons([outline], 1.0)
    inside = canvas.layer(texture).alpha
    depth = cv2.distanceTransform((inside > 0.5).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    rim = np.exp(-depth / (size * rng.uniform(0.008, 0.03)))
    streaks = noise(rng, size, cells=rng.uniform(2, 6), octaves=3)
    body = Layer(0.7 * colour(rng) + 0.3 * texture, inside * rng.uniform(0.03, 0.3) * (0.5 + streaks))
    edge = Layer(as_plane(np.full_like(texture, colour(rng) * rng.uniform(0.1, 0.9))), inside * rim * rng.uniform(0.5, 0.95))
    gleam = np.clip((noise(rng, size, cells=rng.uniform(2, 8), octaves=2) - rng.uniform(0.7, 0.85)) * 8, 0, 1)
    gleams = Layer(np.full_like(texture, rng.uniform(0.85, 1)), inside * gleam * rng.uniform(0.3, 1))
    return merge(gleams, merge(edge, body))


def _drops(rng: Generator, size: int) -> list[Points]:
    radii = size * np.exp(rng.uniform(np.log(0.03), np.log(0.2), rng.integers(4, 16)))
    return [blob(rng, size * rng.uniform(0, 1, 2), radius, bumps=0.05) for radius in radii]


def _vessel(rng: Generator, size: int) -> Points:
    """The outline of something turned on a lathe: bottle, bowl, goblet."""
    along = np.linspace(0, 1, 80)
    radius = np.interp(along, np.linspace(0, 1, 6), rng.uniform(0.05, 0.35, 6))
    smoothing = np.hanning(19)[1:-1] / np.hanning(19).sum()
    radius = np.convolve(np.pad(radius, len(smoothing) // 2, mode="edge"), smoothing, mode="valid")
    tall = rng.uniform(0.6, 1.1)
    half = np.stack((radius, (along - 0.5) * tall), axis=1)
    outline = np.concatenate((half, (half * (-1, 1))[::-1]))
    return size * (outline @ rotation(rng.normal(0, 0.3)) + rng.uniform(0.3, 0.7, 2))
