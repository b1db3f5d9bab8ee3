"""Strokes: a few scribbles over a picture that say "this is foreground" and "this is background".

They are given as a picture or as polylines and become a trimap that is unknown outside the strokes; grow.py spreads it.
"""

from __future__ import annotations

import reprlib
import sys
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError
from mattecli.matting.levels import split_opacity
from mattecli.matting.paper import NEAR, drawn_on_paper
from mattecli.matting.parts import connected_parts
from mattecli.matting.trimap import BACKGROUND, FOREGROUND, UNKNOWN

Polyline = list[tuple[float, float]]

# The least distance of a stroke's pixel from grey towards black or white, or of one channel above the others: pens have soft edges.
STROKE_CONTRAST = 64
# The default width of the pen, as a share of the picture's shorter side.
PEN = 0.012
# Strokes of the two kinds this near to each other, in pixels, touch: between them lies the soft edge of a pen.
MEETING = 2
KINDS = {"foreground": FOREGROUND, "background": BACKGROUND}
# cv2.polylines takes whole numbers, here in sixteenths of a pixel.
_SHIFT = 4


def trimap_from_strokes(strokes: NDArray[np.uint8], *, size: tuple[int, int], photo: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Read scribbles, uint8 [H, W] grey, [H, W, 3] RGB or [H, W, 4] RGBA, into a trimap uint8 [H, W]; pixels without a stroke are unknown.

    White or green is foreground, black or red is background. The paper is transparent, mid grey, a copy of the photo (uint8 [H, W, 3],
    if it is given), or any one colour. `size` is the picture's (height, width). Raises
    InputError when the sizes differ, and for a picture that shows no strokes.
    """
    if strokes.shape[:2] != size:
        raise InputError(
            f"the strokes are {strokes.shape[1]}x{strokes.shape[0]} pixels but the picture is {size[1]}x{size[0]}; "
            "save the strokes at the picture's size"
        )
    colours, opaque = _colours_and_opacity(strokes)
    foreground, background = _stroke_masks(colours)
    if opaque.all():
        opaque = drawn_on_paper(colours, photo)
    trimap = np.full(size, UNKNOWN, np.uint8)
    trimap[background & opaque] = BACKGROUND
    trimap[foreground & opaque] = FOREGROUND
    return trimap


def trimap_from_polylines(strokes: object, *, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Draw strokes given as polylines into a trimap uint8 [H, W] of `size` (height, width); pixels without a stroke are unknown.

    `strokes` is the content of a JSON file: {"foreground": LINES, "background": LINES, "width": PIXELS}, each optional. LINES is one
    list of points [x, y] or a list of such lists; x goes right and y down in pixels of the picture, and [0, 0] is the middle of the
    first pixel. One point makes a dot. `width` is the pen's (default: a share of the picture's shorter side). A pixel that both kinds
    claim stays unknown.
    Raises InputError for anything else and for points outside the picture.
    """
    if not isinstance(strokes, Mapping) or not set(strokes) & set(KINDS):
        raise InputError('strokes in JSON look like {"foreground": [[x, y], ...], "background": [[x, y], ...]}; this has neither')
    unknown_keys = sorted(set(strokes) - {*KINDS, "width"})
    if unknown_keys:
        raise InputError(f"strokes in JSON have no {unknown_keys[0]!r}; there are foreground, background and width")
    width = _pen(strokes.get("width"), size)
    painted = {kind: _draw(_polylines(strokes.get(kind, []), kind, size), width, size) for kind in KINDS}
    trimap = np.full(size, UNKNOWN, np.uint8)
    for kind, level in KINDS.items():
        trimap[painted[kind]] = level
    trimap[painted["foreground"] & painted["background"]] = UNKNOWN
    return trimap


def missing_strokes(trimap: NDArray[np.uint8]) -> list[str]:
    """A sentence for each kind of stroke that a trimap made from strokes lacks, with what to draw."""
    sentences = {
        FOREGROUND: "the strokes mark no foreground; draw at least one white (or green) stroke on the subject",
        BACKGROUND: "the strokes mark no background; draw at least one black (or red) stroke beside the subject",
    }
    return [sentence for level, sentence in sentences.items() if not (trimap == level).any()]


def contradictions(trimap: NDArray[np.uint8]) -> list[str]:
    """A sentence about the places where strokes of the two kinds touch, so that one is wrong; none when they do not."""
    near = cv2.dilate((trimap == FOREGROUND).astype(np.uint8), np.ones((2 * MEETING + 1, 2 * MEETING + 1), np.uint8))
    places = connected_parts((near > 0) & (trimap == BACKGROUND), connectivity=8).centres
    if not len(places):
        return []
    x, y = np.round(places[0]).astype(int)
    others = "" if len(places) == 1 else " and one more place" if len(places) == 2 else f" and {len(places) - 1} more places"
    return [f"the strokes contradict each other: foreground and background meet near ({x}, {y}){others}; erase one of them there"]


def _colours_and_opacity(strokes: NDArray[np.uint8]) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """RGB as int16 [H, W, 3], and where the picture is opaque."""
    planes, opaque = split_opacity(strokes)
    colours = np.broadcast_to(planes, (*strokes.shape[:2], 3)).astype(np.int16)
    return colours, opaque


def _stroke_masks(colours: NDArray[np.int16]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where the colours are those of foreground and of background strokes."""
    red, green, blue = colours[..., 0], colours[..., 1], colours[..., 2]
    greyish = colours.max(axis=2) - colours.min(axis=2) < NEAR  # the soft edge of a red stroke on white paper is not a white stroke
    white = greyish & (colours.min(axis=2) >= 128 + STROKE_CONTRAST)
    black = greyish & (colours.max(axis=2) < 128 - STROKE_CONTRAST)
    is_green = green - np.maximum(red, blue) >= STROKE_CONTRAST
    is_red = red - np.maximum(green, blue) >= STROKE_CONTRAST
    return white | is_green, black | is_red


def _pen(width: Any, size: tuple[int, int]) -> float:
    if width is None:
        return max(1.0, PEN * min(size))
    if not _is_number(width) or not 1 <= width <= min(size):
        raise InputError(f"the pen's width {reprlib.repr(width)} is none; give a number of pixels from 1 to {min(size)}")
    return float(width)


def _polylines(lines: Any, kind: str, size: tuple[int, int]) -> list[Polyline]:
    """One list of points or several, as several; InputError for anything else and for points outside the picture."""
    if not isinstance(lines, list):
        raise InputError(f"the {kind} strokes are no list; give points [[x, y], ...] or a list of such lines")
    several = all(isinstance(line, list) and all(isinstance(point, list) for point in line) for line in lines)
    return [[_point(point, kind, size) for point in line] for line in (lines if several else [lines]) if line]


def _point(point: Any, kind: str, size: tuple[int, int]) -> tuple[float, float]:
    if not isinstance(point, list) or len(point) != 2 or not all(_is_number(value) for value in point):
        raise InputError(f"{reprlib.repr(point)} in the {kind} strokes is no point; write [x, y]")
    x, y = float(point[0]), float(point[1])
    if not (0 <= x < size[1] and 0 <= y < size[0]):
        raise InputError(
            f"the point [{x:g}, {y:g}] of the {kind} strokes lies outside the picture, which is {size[1]}x{size[0]}; x goes right, y down"
        )
    return x, y


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _draw(lines: list[Polyline], width: float, size: tuple[int, int]) -> NDArray[np.bool_]:
    """All pixels within half a pen's width of the lines; OpenCV's own thick lines are wider than requested."""
    paper = np.ones(size, np.uint8)
    for line in lines:
        points = np.round(np.array([*line, line[-1]]) * 2**_SHIFT).astype(np.int32)  # a lone point becomes a line to itself
        cv2.polylines(paper, [points], isClosed=False, color=0, thickness=1, shift=_SHIFT)
    if paper.all():
        return np.zeros(size, bool)
    distance = np.asarray(cv2.distanceTransform(paper, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
    painted: NDArray[np.bool_] = distance < width / 2
    return painted
