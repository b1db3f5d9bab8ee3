"""Results cut to their subject and brought to a size: arrays in, arrays out. Colours under alpha are multiplied by it for that."""

import math
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np

from mattecli.io.clip_types import Clip, display_size
from mattecli.io.pictures.light import Light
from mattecli.matting.levels import Plane
from mattecli.requests.pictures import Framing

# An alpha below half a level of 8 bits shows nothing.
LEAST = 0.5 / 255
Window = tuple[slice, slice]
"""Rows and columns."""
SQUARE = Fraction(1)
EVEN = 2
"""Sides of scaled clips are a whole number of these, since most codecs store the colours of two by two pixels."""


def window_of(alpha: Plane, framing: Framing) -> Window:
    """The rows and columns that are shown: those of the subject and its margin, as far as the picture goes; all of a matte without one."""
    rows, columns = (np.flatnonzero((alpha > LEAST).any(axis=axis)) for axis in (1, 0))
    wanted = framing.margin
    if wanted is None or not len(rows):
        return slice(0, alpha.shape[0]), slice(0, alpha.shape[1])
    extent = int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)
    margin = math.ceil(wanted.pixels(extent))
    top, left = max(int(rows[0]) - margin, 0), max(int(columns[0]) - margin, 0)
    return slice(top, int(rows[-1]) + margin + 1), slice(left, int(columns[-1]) + margin + 1)


def window_of_all(mattes: Iterable[Plane], framing: Framing) -> Window | None:
    """The window of a clip's mattes: of all that the subject covers in any frame, with an even number of rows and columns where there is
    room for them; None where no matte comes."""
    covered: Plane | None = None
    for alpha in mattes:
        covered = alpha.copy() if covered is None else np.maximum(covered, alpha)
    if covered is None:
        return None
    rows, columns = window_of(covered, framing)
    return _evened(rows, covered.shape[0]), _evened(columns, covered.shape[1])


def _evened(part: slice, length: int) -> slice:
    begin, end = part.start, min(part.stop, length)
    if (end - begin) % 2 == 0:
        return slice(begin, end)
    return slice(begin, end + 1) if end < length else slice(max(begin - 1, 0), end)


def framed_light(light: Light, window: Window, framing: Framing) -> Light:
    """Light of that window at the size asked for; what lies beside it is transparent, or black without alpha."""
    alpha = None if light.alpha is None else framed(light.alpha[window], framing).clip(0, 1)
    return replace(light, colours=framed(light.colours[window], framing), alpha=alpha)


def framed_straight(cutout: Plane, framing: Framing, aspect: Fraction = SQUARE, step: int = 1) -> tuple[Plane, Plane]:
    """The colours [h, w, 3] and the alpha [h, w] of a straight cut-out [H, W, 4] at the size asked for, as `framed` has it."""
    share = cutout[..., 3:]
    planes = framed(np.concatenate([cutout[..., :3] * share, share], axis=2), framing, aspect, step)
    alpha = np.ascontiguousarray(planes[..., 3]).clip(0, 1)
    colours = planes[..., :3].clip(0, None) / np.where(alpha > 0, alpha, 1)[..., None]
    return np.asarray(colours.clip(0, 1), np.float32), alpha


def framed(planes: Plane, framing: Framing, aspect: Fraction = SQUARE, step: int = 1) -> Plane:
    """Planes [H, W] or [H, W, C] at the size asked for, in the middle of zeros where it has other proportions.

    aspect: width of a pixel over its height; scaled pixels are square. step: sides of scaled pictures without an exact size are a whole
    number of these.
    """
    if not framing.scales:
        return np.ascontiguousarray(planes)
    size = _scaled_size((planes.shape[0], planes.shape[1]), framing, aspect, step)
    way = cv2.INTER_AREA if size[0] * size[1] < planes.shape[0] * planes.shape[1] else cv2.INTER_CUBIC
    scaled = planes if size == planes.shape[:2] else np.asarray(cv2.resize(planes, size[::-1], interpolation=way), np.float32)
    return np.ascontiguousarray(scaled) if framing.size is None else _centred(scaled, framing.size)


def framed_clip(clip: Clip, framing: Framing, window: Window | None = None) -> Clip:
    """A clip's properties when its frames, or this window of them, are framed so: scaled pixels are square."""
    size = clip.size if window is None else (window[0].stop - window[0].start, window[1].stop - window[1].start)
    if not framing.scales:
        return replace(clip, size=size)
    return replace(clip, size=framed_size(size, framing, clip.aspect, EVEN), aspect=SQUARE)


def framed_size(size: tuple[int, int], framing: Framing, aspect: Fraction = SQUARE, step: int = 1) -> tuple[int, int]:
    """The (height, width) that `framed` gives planes of that size where it scales them."""
    return _scaled_size(size, framing, aspect, step) if framing.size is None else framing.size


def _scaled_size(size: tuple[int, int], framing: Framing, aspect: Fraction, step: int) -> tuple[int, int]:
    height, width = display_size(size, aspect)
    if framing.size is not None:
        scale = min(framing.size[0] / height, framing.size[1] / width)
        return max(1, round(height * scale)), max(1, round(width * scale))
    longest = framing.max_side or max(height, width)
    if longest >= max(height, width):
        return height, width
    step = min(step, longest)
    scale = longest // step * step / max(height, width)
    return max(step, round(height * scale / step) * step), max(step, round(width * scale / step) * step)


def _centred(planes: Plane, size: tuple[int, int]) -> Plane:
    top, left = (size[0] - planes.shape[0]) // 2, (size[1] - planes.shape[1]) // 2
    centred = np.zeros((*size, *planes.shape[2:]), np.float32)
    centred[top : top + planes.shape[0], left : left + planes.shape[1]] = planes
    return centred
