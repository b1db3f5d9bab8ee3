"""Results cut to their subject and brought to a size: arrays in, arrays out. Colours under alpha are multiplied by it for that."""

import math
from dataclasses import replace

import cv2
import numpy as np

from mattecli.io.pictures.light import Light
from mattecli.matting.levels import Plane
from mattecli.requests.pictures import Framing

# An alpha below half a level of 8 bits shows nothing.
LEAST = 0.5 / 255


def window_of(alpha: Plane, framing: Framing) -> tuple[slice, slice]:
    """The rows and columns that are shown: those of the subject and its margin, as far as the picture goes; all of a matte without one."""
    rows, columns = (np.flatnonzero((alpha > LEAST).any(axis=axis)) for axis in (1, 0))
    wanted = framing.margin
    if wanted is None or not len(rows):
        return slice(0, alpha.shape[0]), slice(0, alpha.shape[1])
    extent = int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)
    margin = math.ceil(wanted.pixels(extent))
    top, left = max(int(rows[0]) - margin, 0), max(int(columns[0]) - margin, 0)
    return slice(top, int(rows[-1]) + margin + 1), slice(left, int(columns[-1]) + margin + 1)


def framed_light(light: Light, window: tuple[slice, slice], framing: Framing) -> Light:
    """Light of that window at the size asked for; what lies beside it is transparent, or black without alpha."""
    alpha = None if light.alpha is None else framed(light.alpha[window], framing).clip(0, 1)
    return replace(light, colours=framed(light.colours[window], framing), alpha=alpha)


def framed(planes: Plane, framing: Framing) -> Plane:
    """Planes [H, W] or [H, W, C] at the size asked for, in the middle of zeros where it has other proportions."""
    height, width = planes.shape[:2]
    if framing.size is not None:
        scale = min(framing.size[0] / height, framing.size[1] / width)
    elif framing.max_side is not None:
        scale = min(1.0, framing.max_side / max(height, width))
    else:
        return np.ascontiguousarray(planes)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = planes if scale == 1 else np.asarray(cv2.resize(planes, size[::-1], interpolation=way), np.float32)
    return np.ascontiguousarray(scaled) if framing.size is None else _centred(scaled, framing.size)


def _centred(planes: Plane, size: tuple[int, int]) -> Plane:
    top, left = (size[0] - planes.shape[0]) // 2, (size[1] - planes.shape[1]) // 2
    centred = np.zeros((*size, *planes.shape[2:]), np.float32)
    centred[top : top + planes.shape[0], left : left + planes.shape[1]] = planes
    return centred
