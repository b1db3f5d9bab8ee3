"""Strands: curves that run together in tufts, part, cross and stray, and how light falls on them.

Points are [N, K, 2], (x, y) in pixels: N curves of K points from root to tip.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from training.engine.canvas import Points
from training.engine.layers import Plane

TURN = 2 * np.pi
Heading = Callable[[Points], Points]
"""The angles at which strands go on from places [..., 2]."""


@dataclass(frozen=True)
class Style:
    """How strands run. Lengths are pixels, angles radians; `waves` and `coils` are how many there are from root to tip.

    `gravity` 0..1 pulls tips down; `gather` is how far from its neighbours in the tuft a tip ends, as a share of how far their roots are;
    `frizz` is how far strands leave their tuft, and a few leave it much farther.
    """

    length: float
    gravity: float = 0.0
    bend: float = 0.3
    wave: float = 0.0
    waves: float = 1.0
    coil: float = 0.0
    coils: float = 1.0
    gather: float = 0.5
    frizz: float = 1.0
    width: float = 1.0
    points: int = 24


@dataclass(frozen=True)
class Light:
    """Light on thin cylinders after Kajiya and Kay ("Rendering fur with three dimensional textures", 1989): they scatter it by the sine of
    the angle between them and where it comes from, and mirror it by a power of that: `angle` is where from, `shine` how much is mirrored,
    `gloss` the power, which is the larger the narrower the gleam is."""

    angle: float
    shine: float
    gloss: float

    def on(self, angles: Points | Plane) -> Points | Plane:
        """The tone of strands that run at these angles."""
        sine = np.abs(np.sin(angles - self.angle))
        return 0.6 + 0.35 * sine + self.shine * sine**self.gloss


def guides(rng: Generator, roots: Points, heading: Heading, style: Style) -> Points:
    """The middle of each tuft: curves that set out from `roots` [N, 2] and follow the angles that `heading` has for places [N, 2]."""
    count, along = len(roots), np.linspace(0, 1, style.points)
    astray = rng.normal(0, 0.5 * style.bend, (count, 1)) + rng.normal(0, style.bend, (count, 1)) * along
    astray = astray + style.wave * _swings(rng, count, along, style.waves)
    stride = style.length * rng.uniform(0.55, 1.1, (count, 1)) / (style.points - 1)
    points = np.repeat(roots[:, None], style.points, axis=1)
    for place, pull in enumerate(style.gravity * along[1:] ** 0.6, 1):
        angle = heading(points[:, place - 1]) + astray[:, place]
        step = np.stack((np.cos(angle), np.sin(angle)), axis=-1) * (1 - pull) + (0, pull)
        points[:, place] = points[:, place - 1] + stride * step / np.linalg.norm(step, axis=-1, keepdims=True)
    return points + _coils(rng, count, along, style)


def towards(angles: Points) -> Heading:
    """The heading of strands that keep to the angles [N] they set out at."""
    return lambda places: angles


def tufts(rng: Generator, guided: Points, style: Style, *, each: int, spread: float) -> Points:
    """`each` strands around every guide [N, K, 2], in the guides' order: [N * each, K, 2]. Roots lie `spread` pixels apart or so."""
    count, along = len(guided) * each, np.linspace(0, 1, style.points)
    curves = _shortened(np.repeat(guided, each, axis=0), rng.uniform(0.5, 1.0, count) ** 0.5)
    apart = rng.normal(0, spread, (count, 1, 2)) * (1 + (style.gather * np.exp(rng.normal(0, 0.4, (count, 1, 1))) - 1) * along[:, None])
    stray = style.frizz * np.minimum(np.exp(rng.normal(0, 0.9, count)), 5) * style.length * 0.012
    swings, ripples = (np.stack([_swings(rng, count, along, cycles) for _ in "xy"], axis=-1) for cycles in (1.2, 3.0))
    return curves + apart + (stray[:, None] * along)[..., None] * (swings + 0.2 * ripples)


def tapered(rng: Generator, count: int, style: Style) -> Points:
    """Widths [N, K]: thickest after the root, thin at the tip, and no two strands alike."""
    along = np.linspace(0, 1, style.points)
    shape = np.minimum(0.75 + along, 1) * (1 - along ** rng.uniform(1.2, 5, (count, 1)) * 0.92)
    return style.width * np.exp(rng.normal(0, 0.3, (count, 1))) * shape


def lit(points: Points, tones: Points, light: Light, *, pieces: int) -> Points:
    """Tones along strands, [N, pieces], from one each [N]; roots lie in their neighbours' shade."""
    cuts = np.linspace(0, points.shape[1] - 1, pieces + 1).round().astype(int)
    along = np.diff(points[:, cuts], axis=1)
    return tones[:, None] * np.linspace(0.75, 1.1, pieces) * light.on(np.arctan2(along[..., 1], along[..., 0]))


def _swings(rng: Generator, count: int, along: Points, cycles: float) -> Points:
    """A smooth swing of about so many cycles for each curve, [N, K], 0 at the root."""
    phase, often = rng.uniform(0, TURN, (count, 1)), cycles * np.exp(rng.normal(0, 0.25, (count, 1)))
    return np.sin(phase + TURN * often * along) - np.sin(phase)


def _coils(rng: Generator, count: int, along: Points, style: Style) -> Points:
    """Curls: a circle that runs along with the curve, wider towards the tip, as a helix is seen from the side: [N, K, 2]."""
    if style.coil == 0:
        return np.zeros((count, style.points, 2))
    phase, often = rng.uniform(0, TURN, (count, 1)), style.coils * np.exp(rng.normal(0, 0.2, (count, 1)))
    angle = phase + TURN * often * along * np.where(rng.random((count, 1)) < 0.5, -1, 1)
    radius = style.coil * np.exp(rng.normal(0, 0.3, (count, 1))) * np.minimum(3 * along, 1)
    return radius[..., None] * np.stack((np.cos(angle) - np.cos(phase), np.sin(angle) - np.sin(phase)), axis=-1)


def _shortened(curves: Points, shares: Points) -> Points:
    """Each curve [N, K, 2] cut off after a share [N] of its length, with as many points."""
    last = curves.shape[1] - 1
    place = shares[:, None] * np.arange(last + 1)
    below = np.minimum(place.astype(int), last - 1)
    rest = (place - below)[..., None]
    rows = np.arange(len(curves))[:, None]
    return curves[rows, below] * (1 - rest) + curves[rows, below + 1] * rest
