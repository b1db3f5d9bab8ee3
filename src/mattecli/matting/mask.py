"""Masks given by a user: labels are read as such; pictures that are no mask, and masks without information, are errors."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError

Levels = NDArray[np.uint8] | NDArray[np.uint16]

# A mask whose brightest pixel is darker than this is empty.
DIMMEST = 0.25
# The largest difference of a grey's channels, of 255, and the share of a mask that may be more colourful.
TINT, TINTED_SHARE = 24, 0.01
# The largest distance of a colour from a shade of the mask's main colour.
OTHER_HUE = 48
# A painted mask has few flat colours, a photo hundreds. Colours are counted in cubes of 16 levels a side that fill this share.
MOST_COLOURS, COLOUR_SHARE = 24, 0.002
# Pixels between these shares of the brightest level are neither subject nor background; at most this share of a mask may be so.
DARK, BRIGHT, LARGEST_BETWEEN = 0.1, 0.9, 0.6
# The most levels of a label mask, the least share of it that a label fills, and the least share of a label's pixels without another beside.
MOST_LABELS, LABEL_SHARE, SOLID_SHARE = 32, 0.002, 0.3


def mask_levels(array: Levels) -> Levels:
    """A picture given as a mask, [H, W] grey, [H, W, 3] RGB or [H, W, 4] RGBA, as levels [H, W], uint8 or uint16.

    They are its alpha where it has one, else its brightest channel. Labels of one class (0 and 1, 0 and 15...) become 0 and full, and
    8-bit levels in 16 bits become uint8. Raises InputError for a photo and for labels, or colours, of several classes.
    """
    if array.ndim == 3 and array.shape[2] == 4:
        levels = array[..., 3]
    elif array.ndim == 3:
        _refuse_photo(_as_bytes(array))
        levels = array.max(axis=2)
    else:
        levels = array
    return _without_labels(levels.astype(np.uint8) if int(levels.max(initial=0)) <= 255 else levels)


def check_mask(levels: Levels) -> None:
    """Raise InputError for a mask [H, W] that is empty, that covers the whole picture, or that is mostly grey."""
    top = np.iinfo(levels.dtype).max
    brightest = int(levels.max(initial=0))
    if brightest < DIMMEST * top:
        raise InputError("the mask is empty: nothing in it is white; paint the subject white")
    if int(levels.min()) >= brightest / 2:
        raise InputError("the mask covers the whole picture: nothing in it is black; paint what does not belong to the subject black")
    between = float(((levels > DARK * brightest) & (levels < BRIGHT * brightest)).mean())
    if between > LARGEST_BETWEEN:
        raise InputError(
            f"this is no mask: {100 * between:.0f} % of it are neither black nor white; a mask is white on the subject and black elsewhere"
        )


def _as_bytes(array: Levels) -> NDArray[np.uint8]:
    return (array >> 8).astype(np.uint8) if array.dtype == np.uint16 else array.astype(np.uint8, copy=False)


def _refuse_photo(colours: NDArray[np.uint8]) -> None:
    """Raise InputError for colours [H, W, 3] of a photo, or of a mask with several colours."""
    if (np.ptp(colours, axis=2) > TINT).mean() <= TINTED_SHARE:
        return
    cubes = (colours // 16).reshape(-1, 3).astype(np.int32) @ np.array([256, 16, 1], np.int32)
    counts = np.bincount(cubes)
    if np.count_nonzero(counts > COLOUR_SHARE * len(cubes)) > MOST_COLOURS:
        raise InputError("this is no mask: it has the colours of a photo; a mask is white on the subject and black elsewhere")
    if _shares_no_hue(colours.reshape(-1, 3).astype(np.float32)).mean() > TINTED_SHARE:
        raise InputError("the mask has several colours, one for each class; give a mask of the subject's alone, white on black")


def _shares_no_hue(colours: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which colours [N, 3] are no shade of the most frequent one that is not black: bool [N]."""
    bright = colours[colours.max(axis=1) >= DIMMEST * 255]
    main = np.median(bright, axis=0)
    shades = np.outer(colours @ main, main) / max(1.0, float(main @ main))
    return np.asarray(np.abs(colours - shades).max(axis=1) > OTHER_HUE, bool)


def _without_labels(levels: Levels) -> Levels:
    """Levels of one class's labels as 0 and full; InputError for labels of several classes."""
    labels = _labels_of(levels)
    if not labels:
        return levels
    if len(labels) > 1:
        listing = ", ".join(str(label) for label in labels[:8]) + (", ..." if len(labels) > 8 else "")
        raise InputError(
            f"the mask holds labels of several classes ({listing}); give a mask of the subject's alone, "
            "white on black, as numpy makes it with np.where(labels == ID, 255, 0)"
        )
    return np.where(levels == labels[0], 255, 0).astype(np.uint8)


def _labels_of(levels: Levels) -> list[int]:
    """The labels of a mask's classes beside 0, none for a mask whose levels are shares of white.

    Labels are a few levels near 0 in solid regions; PASCAL VOC also has white, for borders without a class.
    """
    top = float(np.iinfo(levels.dtype).max)
    values, counts = np.unique(levels.astype(np.int32), return_counts=True)
    large = [int(value) for value in values[(counts >= LABEL_SHARE * levels.size) & (values > 0)]]
    near = [value for value in large if value < DIMMEST * top and _is_solid(levels == value)]
    between = any(DIMMEST * top <= value < 0.95 * top for value in large)
    return large if near and not between and len(values) <= MOST_LABELS else []


def _is_solid(region: NDArray[np.bool_]) -> bool:
    """Whether a region is more than noise and edges: enough of its pixels have only neighbours inside it."""
    inside = cv2.erode(region.astype(np.uint8), np.ones((3, 3), np.uint8))
    return bool(np.count_nonzero(inside) > SOLID_SHARE * np.count_nonzero(region))
