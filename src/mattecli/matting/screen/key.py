"""A trimap of the subject before a screen, and the bounds that the key gives to an alpha.

Limits: a subject as green as a green screen becomes background, and sharp shadows on the screen stay in the matte.
Colours are encoded sRGB values, float32 [H, W, 3] in 0..1; alphas are float32 [H, W] in 0..1.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.errors import EmptyError, InputError
from mattecli.matting.parts import parts_holding
from mattecli.matting.screen.excess import LEAST_EXCESS, NEAR_COLOUR, NOISE_FLOOR, Mask, Plane, blurred, depth_in, excess_of, screen_channel
from mattecli.matting.trimap import BACKGROUND, FOREGROUND, UNKNOWN

# The trimap's known regions keep this many pixels away from each other's: JPEG halves the resolution of colours.
GUARD = 2.0
# The widest soft edge, as a share of the square root of the picture's area; inside an edge the key is solid where it is this near to the
# largest one around.
EDGE, SETTLED = 0.006, 0.85
# In units of the noise: below the first a pixel is screen, unless it is connected to one above the second.
FAINT, CLEAR = 2.5, 6.0
# A larger excess than this, or than this share of the plate's, means that the screen shows through; below a share of that it may be
# spill on a solid pixel.
SHOWING, SHOWING_SHARE, FAINT_SPILL = 0.25, 0.75, 0.4
# Tolerances of the alpha's lower bound: the opposite excess of a subject's colour, and the key's noise.
OPPOSITE, KEY_DOUBT = 0.4, 0.1


def trimap_from_screen(image: Plane, plate: Plane) -> NDArray[np.uint8]:
    """A trimap, uint8 [H, W], of the subject in front of a screen; `plate` is that of plate_from_screen.

    Background is what does not differ from the plate by more than noise; faint wisps count as different where they are connected to
    clear ones. Foreground is what shows nothing of the screen. Raises EmptyError when there is no subject, InputError when no part of
    the screen is certain.
    """
    key = blurred(_key(image, plate), 0.7)
    noise = max(1.4826 * float(np.median(np.abs(key[key < 0.3]))) if (key < 0.3).any() else 0.0, 2 * NOISE_FLOOR)
    subject = parts_holding(key > CLEAR * noise, key > FAINT * noise, connectivity=8)
    trimap = np.full(key.shape, UNKNOWN, np.uint8)
    trimap[depth_in(~subject) > GUARD] = BACKGROUND
    trimap[_sure(key, 1 - max(0.05, noise))] = FOREGROUND
    if not (trimap == FOREGROUND).any():
        raise EmptyError("the picture shows the screen and nothing before it; give a picture with a subject")
    if not (trimap == BACKGROUND).any():
        raise InputError("no part of the screen is even enough to be surely screen; give a trimap or strokes instead")
    return trimap


def trimap_from_colour(image: Plane, plate: Plane) -> NDArray[np.uint8]:
    """trimap_from_screen for a screen of any colour, by how far a pixel's colour is from the plate's, as `plate` of plate_from_colour.

    What is like the screen but enclosed by the subject, such as a highlight before white, is unknown.
    """
    key = blurred(np.linalg.norm(image - plate, axis=2).astype(np.float32), 0.7)
    noise = max(1.4826 * float(np.median(key[key < NEAR_COLOUR / 4])) if (key < NEAR_COLOUR / 4).any() else 0.0, 2 * NOISE_FLOOR)
    subject = parts_holding(key > CLEAR * noise, key > FAINT * noise, connectivity=8)
    edge = np.ones(key.shape, bool)
    edge[1:-1, 1:-1] = False
    outside = parts_holding(edge & ~subject, ~subject, connectivity=4)
    trimap = np.full(key.shape, UNKNOWN, np.uint8)
    trimap[depth_in(outside) > GUARD] = BACKGROUND
    trimap[_sure(key, 2 * CLEAR * noise)] = FOREGROUND
    if not (trimap == FOREGROUND).any():
        raise EmptyError("the picture shows the screen and nothing before it; give a picture with a subject")
    if not (trimap == BACKGROUND).any():
        raise InputError("no part of the screen is even enough to be surely screen; give a trimap or strokes instead")
    return trimap


def hold_to_key(alpha: Plane, image: Plane, plate: Plane) -> Plane:
    """Clamp the alpha to the bounds that the key gives: too high an alpha keeps the screen's light between hairs, too low a one brightens
    hairs.

    A subject that is less green than the screen covers at most the key. Where the excess is faint the alpha counts more, because a little
    spill on something solid is likelier than a narrow gap. The lower bound is the key of the opposite colour; pixels whose alpha is 0
    stay 0.
    """
    behind = np.maximum(excess_of(plate, screen_channel(plate)), LEAST_EXCESS)
    key = _key(image, plate)
    even = blurred(key, 1.0)
    least = np.where(alpha > 0, (np.minimum(key, even) - KEY_DOUBT) / (1 + OPPOSITE / behind), 0).clip(0, 1)
    key = np.maximum(key, even).clip(0, 1)  # a single noisy pixel is no gap
    showing = np.minimum(SHOWING, SHOWING_SHARE * behind)
    spill = np.clip((1 - (1 - key) * behind / showing) / (1 - FAINT_SPILL), 0, 1)
    return np.clip(alpha, np.minimum(least, key), key + (1 - key) * spill)


def _key(image: Plane, plate: Plane) -> Plane:
    """The colour difference key, [H, W]: 0 on the screen, 1 where none of it shows; noise and hue may exceed the range."""
    channel = screen_channel(plate)
    return np.asarray(1 - excess_of(image, channel) / np.maximum(excess_of(plate, channel), LEAST_EXCESS), np.float32)


def _sure(key: Plane, solid: float) -> Mask:
    """Where nothing of the screen shows: the key is solid, and near the edge it no longer rises.

    The excess of a subject of the opposite colour, such as skin before green, reaches 0 before the screen is fully covered.
    """
    depth = depth_in(key > solid)
    side = 2 * max(2, round(EDGE * np.sqrt(key.size) / 2)) + 1
    settled = key > SETTLED * cv2.dilate(key, np.ones((side, side), np.uint8))
    found: Mask = (depth > GUARD) & (settled | (depth > side))
    return found
