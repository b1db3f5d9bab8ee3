"""A canvas for shapes with sharp outlines: everything is painted at 8 x 8 samples a pixel, opaque, from back to front.

So the alpha of a pixel is the share of its samples that are covered, what lies in front hides what lies behind sample by sample, and a
hair of a quarter of a pixel gets a quarter of a pixel's alpha. Shapes are painted in tones: 1 leaves the colours as they are that the
finished layer is given, below they are darker, above (up to 2) nearer to white. One byte a sample is four times as fast as colours.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np
from numpy.typing import NDArray

from training.engine.layers import Layer, Plane, as_plane, from_premultiplied, inverse, thrice

Points = NDArray[np.float64]
SAMPLES = 8
# OpenCV fills the pixels that an outline touches as well; over all directions a shape of width w comes out as w + 0.93 (measured).
BLEED = 0.93
# Outlines are given to OpenCV in sixteenths of a sample.
SHIFT = 4
# The byte of tone 1; 0 is where nothing has been painted.
UNIT = 127


class Canvas:
    """A square of `size` x `size` pixels, empty at first. Coordinates are (x, y) in pixels; pixel 0 reaches from 0 to 1."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._samples = np.zeros((size * SAMPLES, size * SAMPLES), np.uint8)

    def polygons(self, outlines: list[Points], tone: float) -> None:
        """Fill outlines [K, 2] with a tone; a tone of 0 makes holes. Where two of them overlap there is neither."""
        cv2.fillPoly(self._samples, [_fixed(outline) for outline in outlines], int(_levels(np.array(tone))) if tone else 0, shift=SHIFT)

    def ribbons(self, points: Points, widths: Points, tones: Points) -> None:
        """Paint N curves, the first one rearmost: K points [N, K, 2], the width at each [N, K], and M tones from end to end [N, M].

        Nothing is thinner than one sample, an eighth of a pixel.
        """
        reach = widths.max(axis=1, keepdims=True)
        near = ((points.max(axis=1) > -reach) & (points.min(axis=1) < self._size + reach)).all(axis=1)
        points, widths, tones = points[near], widths[near], tones[near]
        along = np.gradient(points, axis=1)
        across = np.stack((-along[..., 1], along[..., 0]), axis=-1) / np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-9)
        half = across * np.maximum(widths - BLEED / SAMPLES, 0)[..., None] / 2
        left, right = _fixed(points + half), _fixed(points - half)
        cuts = np.linspace(0, points.shape[1] - 1, tones.shape[1] + 1).round().astype(int)
        pieces = [np.concatenate((left[:, a : b + 1], right[:, a : b + 1][:, ::-1]), axis=1) for a, b in itertools.pairwise(cuts)]
        for curve, levels in enumerate(_levels(tones).tolist()):
            for piece, level in zip(pieces, levels, strict=True):
                cv2.fillPoly(self._samples, [piece[curve]], level, shift=SHIFT)

    def layer(self, colours: Plane) -> Layer:
        """What has been painted, averaged over the samples of each pixel, in colours [size, size, 3]."""
        covered = np.asarray(cv2.threshold(self._samples, 0, 255, cv2.THRESH_BINARY)[1], np.uint8)
        alpha, tone = (_averaged(samples, self._size) for samples in (covered, self._samples))
        tone *= np.float32(255 / UNIT) * inverse(alpha)
        return from_premultiplied(toned(colours, tone) * thrice(alpha), alpha)


def toned(colours: Plane, tones: Plane) -> Plane:
    """Colours [H, W, 3] in tones [H, W] of 0 (black) to 1 (as they are) to 2 (white)."""
    brighter = (1 - colours) * thrice(np.maximum(tones - 1, 0))
    return np.clip(colours * thrice(np.minimum(tones, 1)) + brighter, 0, 1)


def rotation(angle: float) -> Points:
    """What places [..., 2] are multiplied by (@) to turn them about (0, 0)."""
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _averaged(samples: NDArray[np.uint8], size: int) -> Plane:
    """The average of the samples of each pixel, as a share of 255."""
    for _ in range(2):  # in bytes, which are quick; the last step sets most of their rounding right
        samples = np.asarray(cv2.resize(samples, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    return as_plane(cv2.resize(as_plane(samples), (size, size), interpolation=cv2.INTER_AREA)) / np.float32(255)


def _levels(tones: Points) -> NDArray[np.int64]:
    return np.clip(np.round(tones * UNIT), 1, 255).astype(int)


def _fixed(points: Points) -> NDArray[np.int32]:
    """Coordinates as OpenCV takes them: the centre of sample 0 is 0."""
    return np.round((points * SAMPLES - 0.5) * (1 << SHIFT)).astype(np.int32)
