"""Trimap, mask and difference from a clean plate, a photograph of the scene without the subject.

In all functions the picture and the plate are uint8 [H, W, 3] RGB of one size. The plate is registered onto the picture first
(register.py), unless `laid` gives the registration: then the plate is what `apply` returned.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.errors import EmptyError, InputError
from mattecli.matting.levels import from_levels
from mattecli.matting.parts import parts_holding
from mattecli.matting.registration.exposure import lab, lab_distance
from mattecli.matting.registration.register import Registration, apply, check_same_scene, covered, register
from mattecli.matting.trimap import BACKGROUND, UNKNOWN, trimap_from_alpha

# Limits of the noise, in CIE Lab units (1 is just noticeable). No camera with JPEG is below the first; more than the second is a subject
# that fills the frame.
NOISE_FLOOR, LOUDEST_NOISE = 1.0, 6.0
# In units of the noise: below the first a pixel is background, above the second it is surely not.
SAME, DIFFERENT = 3.0, 7.0
# Two pictures of one scene, hand-held or on a tripod, are aligned to about this many pixels per thousand.
MISALIGNMENT = 1.0
# A shadow leaves at least this share of the light.
DEEPEST_SHADOW = 0.45
NO_DIFFERENCE = "nothing differs from the plate; give the plate without the subject, and the picture with it"
# The unknown band's reach to either side, as a share of the square root of the picture's area and its minimum in pixels: for still
# subjects, and for moving ones, whose edges are blurred.
BAND, NARROWEST_BAND, NARROWEST_MOVING_BAND = 0.006, 2.5, 4.5
# Texture comparison with the plate: the correlation from which on the plate is visible and below which it is hidden, over squares with
# this reach to each side (a share of the square root of the area, and a minimum in pixels), where the standard deviation in 0..1 is at
# least this.
CORRELATED, UNCORRELATED, SQUARE, SMALLEST_SQUARE, PLAIN = 0.9, 0.5, 0.005, 2.0, 4 / 255


def trimap_from_plate(
    image: NDArray[np.uint8], plate: NDArray[np.uint8], *, laid: Registration | None = None, moving: bool = False
) -> NDArray[np.uint8]:
    """Make a trimap, uint8 [H, W], of the subject in front of a clean plate; `moving` for a frame of a clip.

    Raises InputError when the sizes differ and when everything does, EmptyError when nothing does.
    """
    plate, laid = _laid(image, plate, laid)
    difference = plate_difference(image, plate, laid=laid)
    mask = _mask(difference) > 0
    reach = max(NARROWEST_MOVING_BAND if moving else NARROWEST_BAND, float(BAND * np.sqrt(difference.size)))
    bridged = cv2.morphologyEx(difference, cv2.MORPH_CLOSE, _disc(reach / 2))
    alpha = np.where(mask, np.maximum(bridged, 0.5), np.minimum(difference, 0.4)).astype(np.float32)
    likeness = _likeness(image, plate)
    # Clothes of the plate's colour: well inside the subject, slightly different and without the plate's texture.
    hidden = (cv2.erode(mask.astype(np.uint8), _disc(reach)) > 0) & (difference > 0) & (likeness < UNCORRELATED)
    alpha[cv2.morphologyEx(hidden.astype(np.uint8), cv2.MORPH_CLOSE, _disc(reach / 2)) > 0] = 1
    # Gaps between arms and legs: as unknown regions enclosed by the subject, a solver would fill them.
    gaps = mask & (difference == 0) & (likeness > CORRELATED)
    alpha[gaps] = 0
    trimap = trimap_from_alpha(alpha, band=reach)
    trimap[gaps & (trimap == UNKNOWN)] = BACKGROUND
    return trimap


def mask_from_plate(image: NDArray[np.uint8], plate: NDArray[np.uint8], *, laid: Registration | None = None) -> NDArray[np.uint8]:
    """Make a rough mask, uint8 [H, W] of 0 and 255, of the subject in front of a clean plate; errors as in trimap_from_plate."""
    return _mask(plate_difference(image, plate, laid=laid))


def plate_difference(image: NDArray[np.uint8], plate: NDArray[np.uint8], *, laid: Registration | None = None) -> NDArray[np.float32]:
    """The confidence that each pixel differs from the plate: float32 [H, W], 0 within the noise, 1 when certain.

    Edges of the plate count less, because pictures do not align to a fraction of a pixel, and so does darkening without a change of
    colour, because subjects cast shadows (Horprasert et al., ICCV-FRAME 1999). Parts outside the plate take the value of the nearest pixel
    inside it.
    """
    plate, laid = _laid(image, plate, laid)
    scale = np.sqrt(image.shape[0] * image.shape[1]) / 1000
    picture, scene = _smooth(image, scale), _smooth(plate, scale)
    light = _light(picture, scene)
    half_shaded = lab_distance(picture, (scene * (1 + light) / 2).astype(np.float32))
    noise = _noise(half_shaded) + 0.3 * MISALIGNMENT * scale * _edges(lab(scene), scale)
    difference = np.clip((half_shaded / noise - SAME) / (DIFFERENT - SAME), 0, 1)
    perhaps_shadow = (light[..., 0] < 0.97) & (lab_distance(picture, scene * light) < SAME * noise)
    difference = np.where(perhaps_shadow, np.minimum(difference, 0.5), difference).astype(np.float32)
    return _continued(difference, covered(laid, difference.shape))


def _laid(image: NDArray[np.uint8], plate: NDArray[np.uint8], laid: Registration | None) -> tuple[NDArray[np.uint8], Registration]:
    """The plate laid onto the picture, and its registration, which is computed unless given."""
    if laid is None:
        laid = register(plate, image)
        check_same_scene(laid)
        plate = apply(laid, plate).astype(np.uint8, copy=False)
    return plate, laid


def _likeness(image: NDArray[np.uint8], plate: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Normalised cross-correlation with the plate's texture around each pixel, [H, W] in -1..1; NaN where the plate has no texture.

    A subject may have the background's colour, but hardly ever its texture too.
    """
    side = 2 * round(max(SMALLEST_SQUARE, SQUARE * np.sqrt(image.shape[0] * image.shape[1]))) + 1
    square = (side, side)
    seen, behind = (levels - cv2.blur(levels, square) for levels in (from_levels(image), from_levels(plate)))
    both, own, plates = (cv2.blur(np.sum(left * right, axis=2), square) for left, right in ((seen, behind), (seen, seen), (behind, behind)))
    likeness = both / np.sqrt(np.maximum(own * plates, 1e-12))
    return np.where(plates > 3 * PLAIN**2, likeness, np.nan).astype(np.float32)


def _continued(difference: NDArray[np.float32], shown: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The differences where the plate is shown; elsewhere that of the nearest such pixel."""
    if shown.all() or not shown.any():
        return difference
    hidden = (~shown).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(hidden, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    values = np.zeros(int(labels.max()) + 1, np.float32)
    values[labels[shown]] = difference[shown]
    return np.asarray(values[labels], np.float32)


def _smooth(image: NDArray[np.uint8], scale: float) -> NDArray[np.float32]:
    sigma = 0.6 + 0.8 * scale
    return np.asarray(cv2.GaussianBlur(image.astype(np.float32) / 255, (0, 0), sigma), np.float32)


def _light(picture: NDArray[np.float32], scene: NDArray[np.float32]) -> NDArray[np.float32]:
    """The shadow, as a factor of the plate, that explains the picture best, [H, W, 1]; 1 where it would have to be too deep."""
    light = np.sum(picture * scene, axis=2, keepdims=True) / np.maximum(np.sum(scene * scene, axis=2, keepdims=True), 1e-4)
    return np.where(light < DEEPEST_SHADOW, 1, np.minimum(light, 1)).astype(np.float32)


def _noise(distance: NDArray[np.float32]) -> float:
    """The scale of the differences in the background, from the most similar third of the pixels."""
    return float(np.clip(np.quantile(distance, 0.33) / 0.9, NOISE_FLOOR, LOUDEST_NOISE))


def _edges(lab: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """The strongest gradient near each pixel, in Lab units per pixel."""
    across, down = cv2.Sobel(lab, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(lab, cv2.CV_32F, 0, 1, scale=1 / 8)
    side = 2 * round(1.5 * scale) + 3
    steepness = np.sqrt(np.sum(np.square(across) + np.square(down), axis=2))
    return np.asarray(cv2.dilate(steepness, np.ones((side, side), np.uint8)), np.float32)


def _mask(difference: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Threshold with hysteresis: close gaps, keep components with certain pixels, fill small holes; uint8 0 and 255."""
    area = difference.size
    kernel = _disc(0.003 * np.sqrt(area))
    joined = cv2.morphologyEx((difference > 0.2).astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    joined = cv2.morphologyEx(joined, cv2.MORPH_OPEN, kernel)
    kept = parts_holding(difference >= 1, joined > 0, least_share=0.05)
    mask = ~parts_holding(~kept, ~kept, least_share=0.01)
    if mask.mean() < 0.0005:
        raise EmptyError(NO_DIFFERENCE)
    if mask.mean() > 0.95:
        raise InputError("nearly everything differs from the plate; it seems to show another scene, give one taken from the same place")
    return mask.astype(np.uint8) * np.uint8(255)


def _disc(radius: float) -> NDArray[np.uint8]:
    side = 2 * round(radius) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
