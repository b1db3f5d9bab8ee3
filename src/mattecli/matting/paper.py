"""The paper of strokes: mid grey, a copy of the photo, or one colour. Strokes are what differs from it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError

Mask = NDArray[np.bool_]
Colours = NDArray[np.int16]
Paper = NDArray[np.integer[Any]]

# The largest distance of a colour from the paper's, of 255, and of a grey's channels from each other: JPEG and soft pens.
NEAR = 40
# The least share of the picture that equals the photo, or one colour, for that to be the paper.
COPY_SHARE, PLAIN_SHARE = 0.5, 0.3
# The share of mid grey from which on the paper is grey (a trimap's narrow band has less), and the share of all greys that must be of one
# level.
GREY_SHARE, ONE_GREY = 0.002, 0.7
# Colours are counted in cubes of this many levels a side.
_CUBE = 16


def drawn_on_paper(colours: Colours, photo: NDArray[np.uint8] | None) -> Mask:
    """Where a picture of strokes, int16 [H, W, 3], may be drawn on: bool [H, W].

    On mid grey paper that is everywhere, because there the colour alone tells a stroke. Otherwise it is where the picture differs from
    the photo, uint8 [H, W, 3], in colour or in grey, or from the one colour that fills most of it. Raises InputError for other papers.
    """
    if _is_grey_paper(colours):
        return np.ones(colours.shape[:2], bool)
    copies: list[Paper] = [] if photo is None else [photo, _grey(photo)]
    for paper in sorted(copies, key=lambda copy: np.count_nonzero(_differs(colours, copy))):
        if _share_of(paper, colours) >= COPY_SHARE:
            return _drawn(colours, paper)
    plain = _main_colour(colours)
    if _share_of(plain, colours) >= PLAIN_SHARE:
        return _drawn(colours, plain)
    raise InputError("this is no picture of strokes: draw them on transparent, on mid grey, or over a copy of the photo")


def _differs(colours: Colours, paper: Paper) -> Mask:
    return np.asarray(np.abs(colours - paper.astype(np.int16)).max(axis=2) > NEAR, bool)


def _share_of(paper: Paper, colours: Colours) -> float:
    """The share of the picture that equals the paper."""
    return 1 - float(_differs(colours, paper).mean())


def _drawn(colours: Colours, paper: Paper) -> Mask:
    """Where colours differ from the paper enough for a stroke; greys between the two are a pen's soft edges and do not count."""
    is_grey = colours.max(axis=2) - colours.min(axis=2) < NEAR
    light = colours.mean(axis=2)
    return _differs(colours, paper) & (~is_grey | ((light >= 128) == (light > paper.mean(axis=2))))


def _grey(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)[..., None]


def _main_colour(colours: Colours) -> Paper:
    """The colour of most pixels, int16 [1, 1, 3]."""
    cubes = (colours.clip(0, 255) // _CUBE).reshape(-1, 3) @ np.array([_CUBE**2, _CUBE, 1], np.int16)
    main = cubes == np.bincount(cubes).argmax()
    return np.median(colours.reshape(-1, 3)[main], axis=0).astype(np.int16)[None, None]


def _is_grey_paper(colours: Colours) -> bool:
    """Whether the pixels that are neither black nor white nor coloured are of one level of mid grey, and enough of them."""
    spread = colours.max(axis=2) - colours.min(axis=2)
    middle = (spread <= NEAR) & (np.abs(colours.mean(axis=2) - 128) < 64)
    if np.count_nonzero(middle) < GREY_SHARE * middle.size:
        return False
    levels = np.bincount(colours[..., 1][middle].clip(0, 255), minlength=256)
    window = np.convolve(levels, np.ones(9, np.int64), mode="same")
    return bool(window.max() > ONE_GREY * levels.sum())
