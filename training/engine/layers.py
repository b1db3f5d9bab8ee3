"""Layers: straight colours with an alpha, and what may be done to them without breaking image = alpha F + (1 - alpha) B.

Colours are encoded sRGB, float32 [H, W, 3] in 0..1, and straight (not multiplied by alpha); alphas are float32 [H, W] in 0..1. Whatever
moves or mixes pixels does so to alpha and to the premultiplied colours alike, as a lens does; straight colours are divided out again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
# An alpha nearer than this to 0 or 1 is taken for it: 8 bits cannot tell them apart.
NEGLIGIBLE = 1 / 510
# Below this alpha a pixel's own colour is mixed with its surroundings': dividing by so little leaves mostly rounding.
FAINT = 1 / 32


@dataclass(frozen=True)
class Layer:
    """`colours` [H, W, 3], defined everywhere, also where alpha is 0, and `alpha` [H, W]."""

    colours: Plane
    alpha: Plane


def lay_over(layer: Layer, background: Plane) -> Plane:
    """The composite, mixed in encoded values as the estimated mattes of the project are: [H, W, 3]."""
    share = thrice(layer.alpha)
    return share * layer.colours + (1 - share) * background


def merge(front: Layer, back: Layer) -> Layer:
    """One layer that lies over any background as `front` over `back` would (Porter and Duff 1984, "over")."""
    behind = (1 - front.alpha) * back.alpha
    premultiplied = front.colours * thrice(front.alpha) + back.colours * thrice(behind)
    return from_premultiplied(premultiplied, front.alpha + behind, beyond=back.colours)


def filtered(layer: Layer, kernel: Plane) -> Layer:
    """The layer out of focus or moving: alpha and premultiplied colours convolved with a kernel [h, w] that sums to 1."""
    planes = (cv2.filter2D(plane, -1, kernel, borderType=cv2.BORDER_REPLICATE) for plane in (_premultiplied(layer), layer.alpha))
    # OpenCV filters with large kernels by Fourier transforms, which leave tiny values where there are none.
    premultiplied, alpha = (np.clip(as_plane(plane), 0, 1) for plane in planes)
    return from_premultiplied(premultiplied, alpha)


def mixed(one: Layer, other: Layer, share: Plane) -> Layer:
    """`other` where `share` [H, W] is 1, `one` where it is 0, and their average in between."""
    start, end = _premultiplied(one), _premultiplied(other)
    return from_premultiplied(start + (end - start) * thrice(share), one.alpha + (other.alpha - one.alpha) * share)


def settled(layer: Layer) -> Layer:
    """The layer with alphas that are as good as 0 or 1 made exactly so."""
    alpha = np.where(layer.alpha < NEGLIGIBLE, 0, np.where(layer.alpha > 1 - NEGLIGIBLE, 1, layer.alpha))
    return Layer(layer.colours, alpha.astype(np.float32))


def from_premultiplied(premultiplied: Plane, alpha: Plane, *, beyond: Plane | None = None) -> Layer:
    """A layer from colours that are multiplied by alpha: [H, W, 3] and [H, W].

    Where there is little or no alpha the colours are carried on from around (see spread), or taken from `beyond`.
    """
    weight = np.minimum(alpha / np.float32(FAINT), 1)
    straight = np.clip(premultiplied * thrice(inverse(alpha)), 0, 1)
    if beyond is None:
        return Layer(spread(straight, weight), alpha)
    return Layer(straight + (beyond - straight) * thrice(1 - weight), alpha)


def spread(colours: Plane, weight: Plane) -> Plane:
    """Fill colours in where their weight [H, W] (0..1) is below 1, from near pixels first: [H, W, 3].

    The pull-push pyramid of Gortler, Grzeszczuk, Szeliski and Cohen ("The Lumigraph", 1996): averages of what is known are pulled up to
    coarser levels, and pushed down to where the finer level has nothing.
    """
    levels = [(colours * thrice(weight), weight)]
    while min(levels[-1][1].shape) > 2:
        levels.append(_pulled(*levels[-1]))
    known, weight = levels[-1]
    filled = known * thrice(inverse(weight))
    for known, weight in reversed(levels[:-1]):
        filled = known + thrice(1 - weight) * cv2.resize(filled, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return filled


def thrice(plane: Plane) -> Plane:
    """A plane as three equal channels, [H, W, 3]: numpy multiplies that several times faster than it broadcasts [H, W, 1]."""
    return as_plane(cv2.merge((plane, plane, plane)))


def inverse(plane: Plane) -> Plane:
    """1 / plane, and a large number where it is 0."""
    return as_plane(1 / np.maximum(plane, np.float32(1e-6)))


def as_plane(array: NDArray[Any]) -> Plane:
    """The array as float32, which OpenCV's functions do not promise."""
    return np.asarray(array, np.float32)


def _pulled(known: Plane, weight: Plane) -> tuple[Plane, Plane]:
    """Half the size; a pixel counts fully as soon as one of its four is known."""
    size = (weight.shape[1] + 1) // 2, (weight.shape[0] + 1) // 2
    known, weight = (as_plane(cv2.resize(plane, size, interpolation=cv2.INTER_AREA)) for plane in (known, weight))
    counted = np.minimum(4 * weight, 1)
    return known * thrice(counted * inverse(weight)), counted


def _premultiplied(layer: Layer) -> Plane:
    return layer.colours * thrice(layer.alpha)
