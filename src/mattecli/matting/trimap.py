"""Trimaps: 0 where it is background, 128 where nobody knows, 255 where it is foreground.

All trimaps here are uint8 [H, W] with exactly these three levels. They come from a coarse matte, from a mask, or from a
file that a person drew; strokes.py, subject.py and plate.py make them from other guides.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError

BACKGROUND, UNKNOWN, FOREGROUND = 0, 128, 255

# How far the unknown band reaches to either side of a coarse outline, as a share of the subject's scale (see subject_scale).
COARSE_BAND = 0.04
MASK_BAND = 0.02
# A coarse matte is trusted beyond these values; in between it is soft and becomes unknown.
SURE_BACKGROUND, SURE_FOREGROUND = 0.1, 0.9
# An island of the matte with less solid area than this share of the largest one is a ghost.
GHOST_SHARE = 0.02
# Levels this near to black, white or the trimap's own grey count as them: JPEG leaves ripples of a few levels around edges.
LEVEL_TOLERANCE = 12


def trimap_from_alpha(alpha: NDArray[np.float32], *, band: float | None = None) -> NDArray[np.uint8]:
    """Make a trimap from a coarse matte: float [H, W] in 0..1, with a smooth outline and unresolved hair.

    Everything soft becomes unknown, and so does a band of `band` pixels to either side of it (default: a share of the
    subject's scale), so the band is wider where the matte is unsure. Faint islands become background, pinholes become
    unknown. Where the subject, or a gap in it, is thinner than the band, its middle stays known. A matte in which nothing
    reaches 0.5 gives a trimap of pure background.
    """
    alpha = np.clip(np.nan_to_num(alpha), 0.0, 1.0).astype(np.float32)
    solid = alpha >= 0.5
    if not solid.any():
        return np.full(alpha.shape, BACKGROUND, np.uint8)
    reach = COARSE_BAND * subject_scale(solid) if band is None else band
    alpha = _without_ghosts(alpha, 2 * reach)
    alpha = _without_pinholes(alpha, reach)
    return _trimap(_core(alpha >= SURE_FOREGROUND, reach), _core(alpha <= SURE_BACKGROUND, reach))


def trimap_from_mask(mask: NDArray[np.uint8] | NDArray[np.bool_], *, band: float | None = None) -> NDArray[np.uint8]:
    """Make a trimap from a hard mask: [H, W], bool, or uint8 as 0 and 1, or as 0 and 255 (cut at 128).

    `band` is how many pixels the unknown region reaches to either side of the outline (default: a share of the subject's scale).
    """
    solid = _as_bool(mask)
    if not solid.any():
        return np.full(solid.shape, BACKGROUND, np.uint8)
    reach = MASK_BAND * subject_scale(solid) if band is None else band
    return trimap_from_alpha(solid.astype(np.float32), band=reach)


def subject_scale(solid: NDArray[np.bool_]) -> float:
    """The size in pixels that bands are measured by: the side of a square of the subject's area, at most the picture's short side."""
    return float(min(np.sqrt(np.count_nonzero(solid)), *solid.shape))


def read_trimap_levels(array: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Read a picture that a person calls a trimap: uint8 or uint16, [H, W] grey, or [H, W, C] with 1 to 4 channels.

    Black is background, white foreground, and one level of grey in between unknown, whichever it is (127, 128, 100...); the
    labels 0, 1, 2 are read the same way. Small deviations (JPEG) are evened out, the few intermediate levels that resizing
    makes along edges become unknown, and so do transparent pixels. Raises InputError for a picture that has colours or many levels.
    """
    grey, opaque = _grey_and_opacity(_to_8_bit(array))
    if set(np.unique(grey)) <= {0, 1, 2} and (grey == 2).any():
        grey = np.array([BACKGROUND, UNKNOWN, FOREGROUND], np.uint8)[grey]
    _refuse_many_levels(grey[opaque])
    trimap = _trimap(grey >= 255 - LEVEL_TOLERANCE, grey <= LEVEL_TOLERANCE)
    trimap[~opaque] = UNKNOWN
    return trimap


def check_trimap(trimap: NDArray[np.uint8], *, size: tuple[int, int]) -> None:
    """Raise InputError unless a trimap given by a person fits a picture of `size` (height, width) and has both known regions."""
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


def _to_8_bit(array: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint8]:
    """16-bit files hold either real 16-bit levels or 8-bit ones stored wide."""
    if array.dtype == np.uint16 and int(array.max()) > 255:
        return np.round(array / 257.0).astype(np.uint8)
    return array.astype(np.uint8)


def _grey_and_opacity(array: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Split [H, W] or [H, W, C] into the grey [H, W] and where it is opaque; 2 and 4 channels end in an opacity."""
    planes = array.reshape(*array.shape[:2], -1)
    opaque = np.ones(array.shape[:2], bool)
    if planes.shape[2] in (2, 4):
        opaque = planes[..., -1] >= 128
        planes = planes[..., :-1]
    spread = planes.max(axis=2).astype(np.int16) - planes.min(axis=2)
    if np.count_nonzero(spread[opaque] > 2 * LEVEL_TOLERANCE) > 0.01 * opaque.size:
        raise InputError("this is no trimap: it has colours; a trimap is black (background), grey (unknown) and white (foreground)")
    return np.median(planes, axis=2).astype(np.uint8), opaque


def _refuse_many_levels(grey: NDArray[np.uint8]) -> None:
    """Raise InputError when more pixels lie beside the three levels than edges and JPEG can explain."""
    counts = np.bincount(grey.ravel(), minlength=256)
    between = counts[LEVEL_TOLERANCE + 1 : 255 - LEVEL_TOLERANCE]
    window = np.convolve(between, np.ones(2 * LEVEL_TOLERANCE + 1, np.int64), mode="same")
    stray = int(between.sum() - window.max(initial=0))
    if stray > 0.01 * grey.size and stray > 0.3 * between.sum():
        raise InputError(
            f"this is no trimap: it has {np.count_nonzero(counts)} levels of grey; "
            "a trimap has three, black (background), one grey (unknown) and white (foreground)"
        )


def _as_bool(mask: NDArray[np.uint8] | NDArray[np.bool_]) -> NDArray[np.bool_]:
    return mask > (127 if mask.dtype == np.uint8 and mask.size and mask.max() > 1 else 0)


def _trimap(foreground: NDArray[np.bool_], background: NDArray[np.bool_]) -> NDArray[np.uint8]:
    trimap = np.full(foreground.shape, UNKNOWN, np.uint8)
    trimap[background] = BACKGROUND
    trimap[foreground] = FOREGROUND
    return trimap


def _core(sure: NDArray[np.bool_], reach: float) -> NDArray[np.bool_]:
    """Shrink a region by `reach` pixels, but where it is thinner than that only by half of its own half-width."""
    depth = _distance_inside(sure)
    step = 1 + int(reach / 8)
    side = 2 * int(2 * reach / step) + 1
    thinned = cv2.dilate(depth[::step, ::step], np.ones((side, side), np.uint8))
    half_width = cv2.resize(thinned, depth.shape[::-1], interpolation=cv2.INTER_NEAREST)
    core: NDArray[np.bool_] = sure & (depth > np.minimum(reach, half_width / 2))
    return core


def _distance_inside(region: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How far each pixel of a region is from the nearest pixel outside it; the picture's border is no edge."""
    return np.asarray(cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5), np.float32)


def _without_ghosts(alpha: NDArray[np.float32], reach: float) -> NDArray[np.float32]:
    """Clear islands that have hardly any solid area, and soft veils farther than `reach` pixels from anything solid."""
    count, labels = cv2.connectedComponents((alpha > SURE_BACKGROUND).astype(np.uint8), connectivity=4)
    solid_area = np.bincount(labels[alpha >= 0.5], minlength=count)
    kept = (solid_area > 0) & (solid_area >= GHOST_SHARE * solid_area.max())
    kept[0] = False
    solid = (alpha >= 0.5) & kept[labels]
    return np.where(kept[labels] & (_distance_inside(~solid) <= reach), alpha, np.float32(0))


def _without_pinholes(alpha: NDArray[np.float32], reach: float) -> NDArray[np.float32]:
    """Make enclosed holes smaller than a disc of `reach` pixels' radius soft, so that they become unknown."""
    count, labels, boxes, _ = cv2.connectedComponentsWithStats((alpha < 0.5).astype(np.uint8), connectivity=4)
    small = boxes[:, cv2.CC_STAT_AREA] < np.pi * reach**2
    small[0] = False
    return np.where(small[labels] & (count > 1), np.maximum(alpha, np.float32(0.5)), alpha)
