"""Backdrops of a frame's size: one colour, or a picture fitted and optionally blurred. Colours are encoded sRGB, float32 in 0..1."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.io.pictures.transfer import from_light, to_light
from mattecli.matting.levels import Plane
from mattecli.requests.fits import check_fit

# A wider Gaussian is made on a smaller picture, where its standard deviation is about this many pixels.
NARROW_SIGMA = 6.0
# OpenCV's Gaussian of floats ends this many standard deviations from its middle.
REACH = 4
# The A of OpenCV's bicubic kernel (Keys, "Cubic convolution interpolation for digital image processing", 1981).
KEYS = -0.75


def plain(height: int, width: int, colour: tuple[float, float, float]) -> Plane:
    """A backdrop of one colour: float32 [height, width, 3]."""
    return np.full((height, width, 3), colour, np.float32)


def fit(backdrop: Plane, height: int, width: int, *, mode: str = "cover", sigma: float = 0.0, light: bool = False) -> Plane:
    """The backdrop [h, w, 3] at the size of a frame: float32 [height, width, 3] in 0..1, or linear light of any brightness with `light`.

    `cover` fills the frame and crops what is over at the middle, `contain` shows all of the backdrop between black bars, and
    `stretch` gives up its proportions. Shrinking averages areas, enlarging is bicubic. `sigma` puts it out of focus: the standard
    deviation of a Gaussian, in pixels of the frame. What falls outside of the frame, however much, is not made. Raises UsageError for
    another mode.
    """
    check_fit(mode)
    rows, columns = backdrop.shape[:2]
    vertical, horizontal = height / rows, width / columns
    if mode != "stretch":
        vertical = horizontal = max(vertical, horizontal) if mode == "cover" else min(vertical, horizontal)
    size = max(1, round(rows * vertical)), max(1, round(columns * horizontal))
    reach = math.ceil(REACH * sigma)
    resized = _resize(backdrop, size, (_seen(size[0], height, reach), _seen(size[1], width, reach)), top=None if light else 1.0)
    return _centre(_blurred(resized, sigma) if light else _defocus(resized, sigma), height, width)


def _seen(length: int, frame: int, reach: int) -> range:
    """Which of a backdrop's rows, or columns, lie in a frame that has its middle, or so near that a blur brings them in."""
    before = (length - frame) // 2
    return range(max(before - reach, 0), min(before + frame + reach, length))


def _resize(plane: Plane, size: tuple[int, int], seen: tuple[range, range], *, top: float | None) -> Plane:
    """The rows and columns `seen` of a plane at a size. Each axis by itself, because one may shrink and the other grow."""
    before = plane.shape[:2]
    # The axis that leaves less to do for the other comes first.
    for axis in sorted((0, 1), key=lambda axis: len(seen[axis]) / plane.shape[axis]):
        plane = _resize_axis(plane, axis, size[axis], seen[axis])
    # The bicubic kernel swings past 0 and 1 at hard edges.
    return plane if size == before else plane.clip(0, top)


def _resize_axis(plane: Plane, axis: int, length: int, seen: range) -> Plane:
    before = plane.shape[axis]
    if length > before and len(seen) < length:
        return _enlarge_part(plane, axis, length, seen)
    columns, rows = (plane.shape[1], length) if axis == 0 else (length, plane.shape[0])
    whole = cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA if length < before else cv2.INTER_CUBIC)
    part = slice(seen.start, seen.stop)
    return np.asarray(whole[part] if axis == 0 else whole[:, part], np.float32)


def _enlarge_part(plane: Plane, axis: int, length: int, seen: range) -> Plane:
    """An axis enlarged to `length` as by OpenCV's bicubic filter, but only the part that is seen."""
    before = plane.shape[axis]
    places = (np.arange(seen.start, seen.stop) + 0.5) * before / length - 0.5
    first = np.floor(places).astype(int) - 1
    shape = [-1 if dimension == axis else 1 for dimension in range(3)]
    part = 0.0
    for place in (first, first + 1, first + 2, first + 3):
        weight = _bicubic(np.abs(places - place)).astype(np.float32).reshape(shape)
        part = part + weight * plane.take(place.clip(0, before - 1), axis)
    return np.asarray(part, np.float32)


def _bicubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    near = ((KEYS + 2) * distance - (KEYS + 3)) * distance**2 + 1
    far = ((KEYS * distance - 5 * KEYS) * distance + 8 * KEYS) * distance - 4 * KEYS
    return np.where(distance <= 1, near, far)


def _defocus(plane: Plane, sigma: float) -> Plane:
    """Blurred in linear light, so that small bright lamps stay bright; the border is repeated outside."""
    if sigma <= 0:
        return plane
    blurred = _blurred(np.asarray(to_light(plane), np.float32), sigma)
    return np.asarray(from_light(blurred.clip(0, 1)), np.float32)


def _blurred(light: Plane, sigma: float) -> Plane:
    if sigma <= 0:
        return light
    height, width = light.shape[:2]
    step = min(int(max(sigma / NARROW_SIGMA, 1)), height, width)
    small = cv2.resize(light, (-(-width // step), -(-height // step)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _centre(plane: Plane, height: int, width: int) -> Plane:
    """Cropped or padded with black, axis by axis, so that the middles agree."""
    top, left = (plane.shape[0] - height) // 2, (plane.shape[1] - width) // 2
    plane = plane[max(top, 0) : max(top, 0) + height, max(left, 0) : max(left, 0) + width]
    bars_above, bars_left = (height - plane.shape[0]) // 2, (width - plane.shape[1]) // 2
    centred = np.zeros((height, width, 3), np.float32)
    centred[bars_above : bars_above + plane.shape[0], bars_left : bars_left + plane.shape[1]] = plane
    return centred
