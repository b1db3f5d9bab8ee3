"""Trimaps: uint8 [H, W] with exactly three levels, 0 for background, 128 for unknown and 255 for foreground.

They are made here from a coarse matte or from a mask; strokes.py with grow.py, plate_trimap.py and screen.py make them from other
guides, and given_trimap.py reads a user's.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.matting.parts import connected_parts, parts_holding

Levels = NDArray[np.uint8] | NDArray[np.uint16]

BACKGROUND, UNKNOWN, FOREGROUND = 0, 128, 255

# The unknown band's reach to either side of a coarse outline, as a share of the subject's scale (see subject_scale).
COARSE_BAND = 0.04
MASK_BAND = 0.02
# A soft mask is sharp only where its outline is, so there the band may be narrow.
SOFT_MASK_BAND = 0.01
# The minimum of the default band's reach, in pixels.
NARROWEST_MASK_BAND = 2.0
# Pixels of a mask between this and 1 minus this belong to its edge; a hard mask has at most two of them across (antialiasing).
FAINTEST, SHARP_EDGE = 0.05, 2.5
# A mask whose brightest pixel is darker than this is empty.
DIMMEST_MASK = 0.25
# Near soft pixels (hair) the unknown region reaches this many times as far from the outline as they do. "Near" and the farthest such
# reach are shares of the subject's scale.
WIDENING, WIDENING_NEAR, WIDENING_LIMIT = 1.5, 0.03, 0.12
# A coarse matte is certain outside these values; in between it is soft and becomes unknown.
SURE_BACKGROUND, SURE_FOREGROUND = 0.1, 0.9
# A component of the matte with less solid area than this share of the largest one is removed.
GHOST_SHARE = 0.02


def trimap_from_alpha(alpha: NDArray[np.float32], *, band: float | None = None, drawn: bool = False) -> NDArray[np.uint8]:
    """Make a trimap from a coarse matte: float [H, W] in 0..1, with a smooth outline and unresolved hair.

    Everything soft becomes unknown, and so does a band of `band` pixels to either side of it (default: a share of the
    subject's scale), so the band is wider where the matte is unsure. Faint islands become background, pinholes become
    unknown. Where the subject, or a gap in it, is thinner than the band, its middle stays known. A matte in which nothing
    reaches 0.5 gives a trimap of pure background. drawn: a user made it, so islands and soft regions are kept.
    """
    alpha = np.clip(np.nan_to_num(alpha), 0.0, 1.0).astype(np.float32)
    solid = alpha >= 0.5
    if not solid.any():
        return np.full(alpha.shape, BACKGROUND, np.uint8)
    reach = COARSE_BAND * subject_scale(solid) if band is None else band
    alpha = alpha if drawn else _without_ghosts(alpha, 2 * reach)
    alpha = _without_pinholes(alpha, reach)
    return from_regions(_core(alpha >= SURE_FOREGROUND, reach), _core(alpha <= SURE_BACKGROUND, reach))


def trimap_from_mask(mask: Levels | NDArray[np.float32] | NDArray[np.bool_], *, band: float | None = None) -> NDArray[np.uint8]:
    """Make a trimap from a mask or a soft matte, [H, W]: bool, labels 0 and 1, or levels up to the brightest one (uint8, uint16, float).

    `band` is how many pixels the unknown region reaches to either side of the edge (default: a share of the subject's scale, smaller for
    a soft mask). Where the mask is soft (hair) the region is wider, see softened_region. Nothing of the mask becomes background.
    """
    alpha = _as_alpha(mask)
    solid = alpha >= 0.5
    if not solid.any():
        return np.full(solid.shape, BACKGROUND, np.uint8)
    soft = (alpha > FAINTEST) & (alpha < 1 - FAINTEST)
    share = SOFT_MASK_BAND if _has_soft_edges(solid, soft) else MASK_BAND
    reach = max(NARROWEST_MASK_BAND, share * subject_scale(solid)) if band is None else band
    trimap = trimap_from_alpha(alpha, band=reach, drawn=True)
    unknown = trimap == UNKNOWN
    trimap[softened_region(solid, soft) | (soft & parts_holding(unknown, soft | unknown))] = UNKNOWN
    return trimap


def softened_region(solid: NDArray[np.bool_], soft: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where an outline cannot be trusted because it is soft nearby: all bool [H, W].

    `solid` is the subject, `soft` where its edge was found to be neither it nor background. A hard outline through hair is
    arbitrary; the reach of the tips is not. So around each soft pixel everything up to WIDENING times as far from the outline as the pixel
    is uncertain too, on both sides, and the region's outer edge runs smoothly past the tips.
    """
    scale = subject_scale(solid) if solid.any() else 0.0
    distance = distance_to_outline(solid)
    counted = np.where(soft & (distance <= WIDENING_LIMIT * scale), distance, np.float32(0))
    widened: NDArray[np.bool_] = distance < WIDENING * _largest_near(counted, WIDENING_NEAR * scale)
    return widened


def distance_to_outline(solid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The distance of each pixel to a region's outline, on either side: float32 [H, W]; the picture's border is no outline."""
    return np.where(solid, _distance_inside(solid), _distance_inside(~solid))


def subject_scale(solid: NDArray[np.bool_]) -> float:
    """The size in pixels that bands are measured by: the side of a square of the subject's area, at most the picture's short side."""
    return float(min(np.sqrt(np.count_nonzero(solid)), *solid.shape))


def _as_alpha(mask: Levels | NDArray[np.float32] | NDArray[np.bool_]) -> NDArray[np.float32]:
    """Levels as alpha in 0..1, stretched so that the brightest is 1, with a limit that keeps an empty mask's noise dark."""
    levels = np.nan_to_num(mask.astype(np.float32))
    counted_in_ones = mask.dtype.kind in "bf" or levels.max(initial=0) <= 1
    alpha = levels if counted_in_ones else levels / (255 if mask.dtype == np.uint8 else 65535)
    return np.asarray(np.clip(alpha / max(DIMMEST_MASK, float(alpha.max(initial=0))), 0, 1), np.float32)


def _has_soft_edges(solid: NDArray[np.bool_], soft: NDArray[np.bool_]) -> bool:
    outline = cv2.morphologyEx(solid.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8))
    return bool(np.count_nonzero(soft) > SHARP_EDGE * np.count_nonzero(outline))


def from_regions(foreground: NDArray[np.bool_], background: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The trimap of two known regions, bool [H, W]; unknown elsewhere."""
    trimap = np.full(foreground.shape, UNKNOWN, np.uint8)
    trimap[background] = BACKGROUND
    trimap[foreground] = FOREGROUND
    return trimap


def _core(sure: NDArray[np.bool_], reach: float) -> NDArray[np.bool_]:
    """Shrink a region by `reach` pixels, or by half of its half-width where that is less."""
    depth = _distance_inside(sure)
    step = 1 + int(reach / 8)
    side = 2 * int(2 * reach / step) + 1
    thinned = cv2.dilate(depth[::step, ::step], np.ones((side, side), np.uint8))
    half_width = cv2.resize(thinned, depth.shape[::-1], interpolation=cv2.INTER_NEAREST)
    core: NDArray[np.bool_] = sure & (depth > np.minimum(reach, half_width / 2))
    return core


def _largest_near(field: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    """The largest value within `radius` pixels, found in a reduced copy of the field."""
    step = 1 + int(radius / 8)
    side = 2 * round(radius / step) + 1
    blocks = cv2.dilate(field, np.ones((step, step), np.uint8))[::step, ::step]
    largest = cv2.dilate(blocks, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return np.asarray(cv2.resize(largest, field.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _distance_inside(region: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The distance of each pixel of a region to the nearest one outside it; the picture's border is no edge."""
    return np.asarray(cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5), np.float32)


def _without_ghosts(alpha: NDArray[np.float32], reach: float) -> NDArray[np.float32]:
    """Clear components with hardly any solid area, and soft regions farther than `reach` pixels from solid ones."""
    islands = parts_holding(alpha >= 0.5, alpha > SURE_BACKGROUND, least_share=GHOST_SHARE)
    solid = (alpha >= 0.5) & islands
    return np.where(islands & (_distance_inside(~solid) <= reach), alpha, np.float32(0))


def _without_pinholes(alpha: NDArray[np.float32], reach: float) -> NDArray[np.float32]:
    """Make enclosed holes smaller than a disc of `reach` pixels' radius soft, so that they become unknown."""
    holes = connected_parts(alpha < 0.5)
    small = holes.union(holes.areas < np.pi * reach**2)
    return np.where(small, np.maximum(alpha, np.float32(0.5)), alpha)
