"""Reduced copies of a picture, in which registration compares cameras and exposures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.matting.registration.exposure import Picture
from mattecli.matting.registration.motion import Grey, evened

Pixels = NDArray[np.unsignedinteger[Any]]

# The longer side of the copy in which motion is found, and of the one in which colours are compared.
MATCHED_SIDE, COMPARED_SIDE = 960, 320


@dataclass(frozen=True, eq=False)
class Thumbnails:
    """Of a picture of `size`, (height, width): its evened grey values at the matched size, its smoothed colours at the compared one."""

    size: tuple[int, int]
    grey: Grey
    colours: Picture


def thumbnails_of(pixels: Pixels) -> Thumbnails:
    """Reduce a picture, uint8 or uint16 [H, W, 3] RGB."""
    small = _reduced(pixels, MATCHED_SIDE)
    return Thumbnails((pixels.shape[0], pixels.shape[1]), evened(small), _compared(small))


def colours_of(pixels: Pixels) -> Picture:
    """The smoothed colours alone, float32 [h, w, 3] in 0..1."""
    return _compared(_reduced(pixels, MATCHED_SIDE))


def _compared(small: Pixels) -> Picture:
    colours = _reduced(small, COMPARED_SIDE).astype(np.float32) / np.float32(np.iinfo(small.dtype).max)
    return np.asarray(cv2.GaussianBlur(colours, (0, 0), 1.0), np.float32)


def _reduced(pixels: Pixels, side: int) -> Pixels:
    factor = side / max(pixels.shape[:2])
    if factor >= 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(pixels.dtype, copy=False)
