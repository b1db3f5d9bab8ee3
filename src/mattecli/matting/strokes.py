"""Strokes: a few scribbles over a picture that say "this is foreground" and "this is background"."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError
from mattecli.matting.trimap import BACKGROUND, FOREGROUND, UNKNOWN

# How far a pixel must lie from grey towards black or white, or one colour above the others, to be a stroke: pens have soft edges.
STROKE_CONTRAST = 64


def trimap_from_strokes(strokes: NDArray[np.uint8], *, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Read scribbles, uint8 [H, W] grey, [H, W, 3] RGB or [H, W, 4] RGBA, into a trimap uint8 [H, W]; what bears no stroke is unknown.

    White or green is foreground, black or red is background. A stroke lies on mid grey or on transparent. `size` is the
    picture's (height, width). Raises InputError when the sizes differ or when one of the two kinds of stroke is missing.
    """
    if strokes.shape[:2] != size:
        raise InputError(
            f"the strokes are {strokes.shape[1]}x{strokes.shape[0]} pixels but the picture is {size[1]}x{size[0]}; "
            "save the strokes at the picture's size"
        )
    colours, opaque = _colours_and_opacity(strokes)
    foreground, background = _stroke_masks(colours)
    trimap = np.full(size, UNKNOWN, np.uint8)
    trimap[background & opaque] = BACKGROUND
    trimap[foreground & opaque] = FOREGROUND
    _refuse_one_sided(trimap)
    return trimap


def _colours_and_opacity(strokes: NDArray[np.uint8]) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """RGB as int16 [H, W, 3], and where the paper is painted on."""
    planes = strokes.reshape(*strokes.shape[:2], -1)
    opaque = np.ones(strokes.shape[:2], bool)
    if planes.shape[2] in (2, 4):
        opaque = planes[..., -1] >= 128
        planes = planes[..., :-1]
    colours = np.broadcast_to(planes, (*strokes.shape[:2], 3)).astype(np.int16)
    return colours, opaque


def _stroke_masks(colours: NDArray[np.int16]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where the colours say foreground and background."""
    red, green, blue = colours[..., 0], colours[..., 1], colours[..., 2]
    white = colours.min(axis=2) >= 128 + STROKE_CONTRAST
    black = colours.max(axis=2) < 128 - STROKE_CONTRAST
    is_green = green - np.maximum(red, blue) >= STROKE_CONTRAST
    is_red = red - np.maximum(green, blue) >= STROKE_CONTRAST
    return white | is_green, (black & ~is_green) | is_red


def _refuse_one_sided(trimap: NDArray[np.uint8]) -> None:
    if not (trimap == FOREGROUND).any():
        raise InputError("the strokes mark no foreground; draw at least one white (or green) stroke on the subject")
    if not (trimap == BACKGROUND).any():
        raise InputError("the strokes mark no background; draw at least one black (or red) stroke beside the subject")
