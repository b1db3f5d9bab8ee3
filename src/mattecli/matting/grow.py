"""Strokes spread over a picture: from a few scribbles to a trimap with a narrow unknown band along the subject's outline.

Three steps, at sizes that do not grow with the picture:
1. Every pixel gets a share of foreground from how it is connected to the strokes (affinity.py).
2. GrabCut (Rother, Kolmogorov and Blake, SIGGRAPH 2004) starts from there and finds the outline. It learns the colours of the whole
   picture, so it often completes sparse strokes. Parts that no stroke touches stay unknown, and so do pixels that change sides when the
   same is done in a smaller copy: there the strokes do not decide.
3. A band around the outline becomes unknown. It is wider where the picture is soft: a guided filter (He, Sun and Tang, "Guided image
   filtering", ECCV 2010) of the hard outline finds hair and fur.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.matting.affinity import Floats, Growth, Mask, foreground_share
from mattecli.matting.parts import parts_holding
from mattecli.matting.trimap import BACKGROUND, FOREGROUND, UNKNOWN, distance_to_outline, softened_region, subject_scale

Bytes = NDArray[np.uint8]

# Pixels of the two copies in which the outline is found, and of the one for its softness. Larger copies do not improve the outline.
OUTLINE_AREAS, SOFTNESS_AREA = (60_000, 30_000), 250_000
CUT_TURNS = 5
# The band's reach to either side of the outline: as a share of the subject's scale, its minimum in pixels of the softness copy, and the
# minimum of a requested band, which is the outline's accuracy.
BAND, NARROW_BAND, NARROWEST_BAND = 0.015, 3.0, 1.5
# The guided filter's radius as a share of the square root of the area, its epsilon (colours 0..1), and the threshold of softness.
FILTER_RADIUS, FILTER_EPSILON, LEAST_SOFTNESS = 0.05, 1e-4, 0.15


def spread_strokes(image: Bytes, strokes: Bytes, *, growth: Growth = "random-walk", band: float | None = None) -> Bytes:
    """Spread strokes over a picture: uint8 RGB [H, W, 3] and a trimap [H, W] in which only the strokes are known; returns a trimap [H, W].

    The unknown region reaches `band` pixels to either side of the outline (default: a share of the subject's scale) and farther along
    hair and fur. Stroked pixels keep their label. Both kinds of stroke are required.
    """
    (inside, sure), (second, _) = (_outline(image, strokes, area, growth) for area in OUTLINE_AREAS)
    grown = _with_band(image, inside, sure & _agree(inside, second), band)
    return np.where(strokes == UNKNOWN, grown, strokes).astype(np.uint8)


def _outline(image: Bytes, strokes: Bytes, area: int, growth: Growth) -> tuple[Mask, Mask]:
    """The inside of the subject in a copy of the image with at most `area` pixels, and the parts of either side that a stroke touches."""
    picture = _shrunk(image, area)
    foreground, background = _seeds(strokes, picture.shape[:2])
    share = foreground_share(picture, foreground, background, growth=growth)
    inside = _cut(picture, share, foreground, background)
    return inside, parts_holding(foreground, inside) | parts_holding(background, ~inside)


def _agree(inside: Mask, second: Mask) -> Mask:
    """Where two outlines agree, apart from the pixel by which outlines in copies of two sizes always differ."""
    differs = (inside != (_resized(second, inside.shape) >= 0.5)).astype(np.uint8)
    return cv2.erode(differs, np.ones((3, 3), np.uint8)) == 0


def _shrunk(image: Bytes, area: int) -> Bytes:
    scale = min(1.0, float(np.sqrt(area / (image.shape[0] * image.shape[1]))))
    width, height = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.ascontiguousarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _seeds(strokes: Bytes, size: tuple[int, ...]) -> tuple[Mask, Mask]:
    """The strokes in a smaller picture: a pixel belongs to the kind that covers more of it, however little."""
    cover = [_resized(strokes == level, size) for level in (FOREGROUND, BACKGROUND)]
    return (cover[0] > 0) & (cover[0] >= cover[1]), cover[1] > cover[0]


def _resized(mask: Mask, size: tuple[int, ...]) -> Floats:
    """A mask resized to `size` (height, width): the covered share of each pixel."""
    method = cv2.INTER_AREA if size[0] < mask.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(mask.astype(np.float32), size[1::-1], interpolation=method), np.float32)


def _cut(picture: Bytes, share: Floats, foreground: Mask, background: Mask) -> Mask:
    """GrabCut initialised by the shares of foreground; the thresholded shares where it has too few pixels to learn colours from."""
    inside = share >= 0.5
    labels = np.where(inside, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[foreground], labels[background] = cv2.GC_FGD, cv2.GC_BGD
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(picture, labels, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), CUT_TURNS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:
        return inside
    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))


def _with_band(image: Bytes, inside: Mask, sure: Mask, band: float | None) -> Bytes:
    """A trimap of the image's size from the inside of the outline and where it is sure, both bool in a smaller copy."""
    picture = _shrunk(image, SOFTNESS_AREA)
    solid = _resized(inside, picture.shape[:2]) >= 0.5
    asked = max(NARROW_BAND, BAND * subject_scale(solid)) if band is None else band * picture.shape[1] / image.shape[1]
    near = distance_to_outline(solid) <= max(NARROWEST_BAND, asked)
    soft = _softness(picture, solid) >= LEAST_SOFTNESS
    unknown = near | softened_region(solid, soft & parts_holding(near, soft | near))
    unknown |= _resized(sure, picture.shape[:2]) < 0.5
    levels = np.where(_resized(solid, image.shape[:2]) >= 0.5, FOREGROUND, BACKGROUND)
    return np.where(_resized(unknown, image.shape[:2]) >= 0.5, UNKNOWN, levels).astype(np.uint8)


def _softness(picture: Bytes, solid: Mask) -> Floats:
    """How far the guided filter moves each pixel of a hard outline, 0..1: large at hair, fur and blur."""
    radius = max(1, round(FILTER_RADIUS * float(np.sqrt(solid.size))))
    colours: Floats = (picture / 255).astype(np.float32)
    hard = solid.astype(np.float32)
    colour, level = _box(colours, radius), _box(hard, radius)
    spread = _box((colours[..., :, None] * colours[..., None, :]).reshape(*solid.shape, 9), radius).reshape(*solid.shape, 3, 3)
    spread += FILTER_EPSILON * np.eye(3, dtype=np.float32) - colour[..., :, None] * colour[..., None, :]
    together = _box(colours * hard[..., None], radius) - colour * level[..., None]
    slope = np.linalg.solve(spread, together[..., None])[..., 0]
    offset = level - (slope * colour).sum(axis=2)
    filtered = (_box(slope, radius) * colours).sum(axis=2) + _box(offset, radius)
    return np.asarray(np.abs(filtered - hard), np.float32)


def _box(field: Floats, radius: int) -> Floats:
    return np.asarray(cv2.blur(field, (2 * radius + 1, 2 * radius + 1)), np.float32)
