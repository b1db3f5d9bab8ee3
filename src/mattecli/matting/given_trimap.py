"""Trimaps given by a user: read from the levels of a picture, checked, and described by warnings."""

import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError
from mattecli.matting.levels import Levels, split_opacity
from mattecli.matting.trimap import BACKGROUND, FOREGROUND, UNKNOWN, from_regions

# A larger unknown share than this is reported.
LARGEST_UNKNOWN = 0.6
# Levels this near to black, white or the trimap's own grey count as those: JPEG causes ripples of a few levels around edges.
LEVEL_TOLERANCE = 12
# A trimap's own black and white lie within this of ours, and fill at least this share of it.
FARTHEST_LEVEL, FEWEST_OF_A_LEVEL = 64, 0.0005


def trimap_shares(trimap: NDArray[np.uint8]) -> tuple[float, float, float]:
    """The shares of foreground, background and unknown pixels; they add up to 1."""
    foreground, background, unknown = (np.count_nonzero(trimap == level) / trimap.size for level in (FOREGROUND, BACKGROUND, UNKNOWN))
    return foreground, background, unknown


def one_sided(trimap: NDArray[np.uint8]) -> list[str]:
    """A sentence for each of foreground and background that a trimap lacks; empty for a good one."""
    foreground, background, _ = trimap_shares(trimap)
    kinds = {"foreground": foreground, "background": background}
    return [f"the trimap has no {kind}, so a model has nothing to go by" for kind, share in kinds.items() if share == 0]


def nothing_unknown(trimap: NDArray[np.uint8]) -> list[str]:
    """A sentence when a trimap has no unknown pixel; empty for a good one."""
    if (trimap == UNKNOWN).any():
        return []
    return ["nothing in the trimap is unknown, so it is the matte already; paint the edge of the subject grey, or give it as a mask"]


def too_unknown(trimap: NDArray[np.uint8]) -> list[str]:
    """A sentence when most of a trimap is unknown; empty for a good one."""
    unknown = trimap_shares(trimap)[2]
    if unknown <= LARGEST_UNKNOWN:
        return []
    return [f"{100 * unknown:.0f} % of the picture are unknown; the matte will be slow and rough, so mark more of the picture"]


def read_trimap_levels(array: Levels) -> NDArray[np.uint8]:
    """Read a picture given as a trimap: uint8 or uint16, [H, W] grey, or [H, W, C] with 1 to 4 channels.

    Black is background, white foreground, and one level of grey in between unknown, whichever it is (127, 128, 100...); the
    labels 0, 1, 2 are read the same way, and so are three levels that do not reach black or white (16, 128, 235). Small deviations
    (JPEG) are evened out, the few intermediate levels that resizing makes along edges become unknown, and so do transparent pixels.
    Raises InputError for a picture that has colours or many levels.
    """
    grey, opaque = _grey_and_opacity(_to_8_bit(array))
    if set(np.unique(grey)) <= {0, 1, 2} and (grey == 2).any():
        grey = np.array([BACKGROUND, UNKNOWN, FOREGROUND], np.uint8)[grey]
    grey = _stretched(grey, opaque)
    _refuse_many_levels(grey[opaque])
    trimap = from_regions(grey >= 255 - LEVEL_TOLERANCE, grey <= LEVEL_TOLERANCE)
    trimap[~opaque] = UNKNOWN
    return trimap


def check_trimap(trimap: NDArray[np.uint8], *, size: tuple[int, int]) -> None:
    """Raise InputError unless a user's trimap fits a picture of `size` (height, width) and has both known regions."""
    if trimap.shape != size:
        raise InputError(
            f"the trimap is {trimap.shape[1]}x{trimap.shape[0]} pixels but the picture is {size[1]}x{size[0]}; "
            "save the trimap at the picture's size"
        )
    has_foreground, has_background = bool((trimap == FOREGROUND).any()), bool((trimap == BACKGROUND).any())
    if not has_foreground and not has_background:
        raise InputError("the trimap has neither foreground nor background; paint what surely belongs to the subject white, the rest black")
    if not has_foreground:
        raise InputError("the trimap has no foreground; paint what surely belongs to the subject white")
    if not has_background:
        raise InputError("the trimap has no background; paint what surely does not belong to the subject black")


def _to_8_bit(array: Levels) -> NDArray[np.uint8]:
    """16-bit files hold either 16-bit levels or 8-bit ones."""
    if array.dtype == np.uint16 and int(array.max()) > 255:
        return np.round(array / 257.0).astype(np.uint8)
    return array.astype(np.uint8)


def _grey_and_opacity(array: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The grey [H, W] of a picture, and where it is opaque, as split_opacity has it. InputError for a picture with colours."""
    planes, opaque = split_opacity(array)
    spread = planes.max(axis=2).astype(np.int16) - planes.min(axis=2)
    if np.count_nonzero(spread[opaque] > 2 * LEVEL_TOLERANCE) > 0.01 * opaque.size:
        raise InputError("this is no trimap: it has colours; a trimap is black (background), grey (unknown) and white (foreground)")
    return np.median(planes, axis=2).astype(np.uint8), opaque


def _stretched(grey: NDArray[np.uint8], opaque: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Stretch grey to black and white where it has three levels in a narrower range, such as video's."""
    counts = np.bincount(grey[opaque], minlength=256)
    used = np.flatnonzero(counts > FEWEST_OF_A_LEVEL * counts.sum())
    if not len(used) or used[0] > FARTHEST_LEVEL or used[-1] < 255 - FARTHEST_LEVEL:
        return grey
    low, high = int(used[0]), int(used[-1])
    between = ((used > low + LEVEL_TOLERANCE) & (used < high - LEVEL_TOLERANCE)).any()
    if not between or (low <= LEVEL_TOLERANCE and high >= 255 - LEVEL_TOLERANCE):
        return grey
    return np.clip((grey - np.float32(low)) * np.float32(255 / (high - low)) + np.float32(0.5), 0, 255).astype(np.uint8)


def _refuse_many_levels(grey: NDArray[np.uint8]) -> None:
    """Raise InputError when more pixels than edges and JPEG explain lie beside the three levels."""
    counts = np.bincount(grey.ravel(), minlength=256)
    between = counts[LEVEL_TOLERANCE + 1 : 255 - LEVEL_TOLERANCE]
    window = np.convolve(between, np.ones(2 * LEVEL_TOLERANCE + 1, np.int64), mode="same")
    stray = int(between.sum() - window.max(initial=0))
    if stray > 0.01 * grey.size and stray > 0.3 * between.sum():
        raise InputError(
            f"this is no trimap: its {np.count_nonzero(counts)} levels of grey are not near three; "
            "a trimap has black (background), one grey (unknown) and white (foreground)"
        )
