"""Solid bodies with a rounded outline: the heads and animals behind hair and fur."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from training.engine.canvas import Points
from training.engine.layers import Plane, as_plane

# Beyond the frame a body is known for this share of its side, so that hair rooted there grows as it does elsewhere.
MARGIN = 0.5
# Depths and directions are kept for one pixel of so many.
STEP = 2


@dataclass(frozen=True)
class Body:
    """How deep inside a closed outline places lie, in pixels (negative outside), and where outwards is; on a coarse grid with a margin."""

    size: int
    depths: Plane
    directions: Plane

    @property
    def depth(self) -> Plane:
        """The depth of each pixel of the frame: [size, size]."""
        across = (np.arange(self.size, dtype=np.float32) + MARGIN * self.size) / STEP
        return as_plane(cv2.remap(self.depths, *np.meshgrid(across, across), cv2.INTER_LINEAR))

    def depth_at(self, places: Points) -> Points:
        """The depth at places [..., 2]."""
        return value_at(self.depths, (places + MARGIN * self.size) / STEP)

    def outwards_at(self, places: Points) -> Points:
        """Where outwards is at places [..., 2], as an angle."""
        direction = value_at(self.directions, (places + MARGIN * self.size) / STEP)
        return np.arctan2(direction[..., 1], direction[..., 0])


def body(rng: Generator, size: int, *, radius: tuple[float, float] = (0.25, 0.75), bumps: float = 0.12) -> Body:
    """A body whose outline passes near the middle of the frame; `radius` is its size (least, most) as a share of the frame's side."""
    reach, side = size * rng.uniform(*radius), rng.uniform(0, 2 * np.pi)
    edge = size * (0.5 + rng.normal(0, 0.1, 2))
    return around(blob(rng, edge - 0.9 * reach * np.array([np.cos(side), np.sin(side)]), reach, bumps=bumps), size)


def blob(rng: Generator, centre: Points, radius: float, *, bumps: float) -> Points:
    """A closed outline [K, 2] around a centre: an ellipse with a few waves, each as high as a share `bumps` of the radius or less."""
    angle = np.linspace(0, 2 * np.pi, 128, endpoint=False)
    waves = np.arange(2, 8)
    heights = bumps * rng.normal(0, 1, waves.size) / waves**0.8
    distance = radius * (1 + (heights * np.cos(angle[:, None] * waves + rng.uniform(0, 2 * np.pi, waves.size))).sum(axis=1))
    stretch = np.exp(rng.normal(0, 0.15))
    return centre + np.stack((distance * stretch * np.cos(angle), distance / stretch * np.sin(angle)), axis=1)


def around(outline: Points, size: int) -> Body:
    """The body inside an outline [K, 2]."""
    side = int(size * (1 + 2 * MARGIN)) // STEP
    inside = np.zeros((side, side), np.uint8)
    cv2.fillPoly(inside, [np.round((outline + MARGIN * size) / STEP).astype(np.int32)], 1)
    depths = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_5)
    smooth = cv2.GaussianBlur(depths, (0, 0), 0.025 * size / STEP)
    outwards = -np.dstack((cv2.Sobel(smooth, -1, 1, 0), cv2.Sobel(smooth, -1, 0, 1)))
    return Body(size, STEP * as_plane(depths), as_plane(outwards))


def value_at(plane: Plane, places: Points) -> Points:
    """What a plane [H, W, ...] has at places [..., 2], (x, y); beyond the frame what its border has."""
    cells = np.clip(places, 0, len(plane) - 1).astype(int)
    return plane[cells[..., 1], cells[..., 0]]
