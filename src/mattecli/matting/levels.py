"""Conversion of pixels between integers of 8 or 16 bits and float32 in 0..1."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Levels = NDArray[np.uint8] | NDArray[np.uint16]


def to_levels(values: NDArray[np.float32], top: int) -> Levels:
    """Values in 0..1, of any shape, as the nearest integers from 0 to `top`: uint8 for 255, uint16 for 65535."""
    # OpenCV rounds and saturates in one pass over the values.
    scale: Any = float(top)
    levels: Any = cv2.multiply(values.reshape(len(values), -1), scale, dtype=cv2.CV_8U if top == 255 else cv2.CV_16U)
    return levels.reshape(values.shape)


def interleave(planes: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Planes [H, W] of one dtype as a picture [H, W, C]; a single one stays [H, W]."""
    return planes[0] if len(planes) == 1 else np.asarray(cv2.merge(planes))


def split_opacity(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The colours of a picture [H, W] or [H, W, C] as [H, W, C], and where it is opaque; with 2 and 4 channels the last one is opacity."""
    planes = picture.reshape(*picture.shape[:2], -1)
    if planes.shape[2] in (2, 4):
        return planes[..., :-1], planes[..., -1] >= 128
    return planes, np.ones(picture.shape[:2], bool)


def from_levels(levels: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.float32]:
    """uint8 or uint16 levels as float32 in 0..1."""
    return levels.astype(np.float32) / np.float32(np.iinfo(levels.dtype).max)


def to_uint8(levels: Levels) -> NDArray[np.uint8]:
    """uint8 or uint16 levels of any shape as uint8, rounded to the nearest."""
    if levels.dtype == np.uint8:
        return levels.astype(np.uint8, copy=False)
    return ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)
