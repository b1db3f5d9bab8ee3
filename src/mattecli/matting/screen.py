"""Green and blue screens: the screen as it would look without the subject, a trimap from it, and colours without its spill.

A screen is never one colour: light falls off, cloth folds, subjects cast soft shadows. So the screen is first reconstructed as a smooth
picture, the plate, from the pixels that surely show it; everything else is a comparison with that plate. The measure is the excess of the
colour difference key (Vlahos, US patent 3595987, 1971): by how much the screen's channel exceeds the larger of the other two.

Limits: a subject as green as a green screen becomes background, sharp shadows on the screen stay in the matte, and a subject's own green
survives despilling only where it is solid and strong, or far from the edge.

Colours are encoded sRGB values, float32 [H, W, 3] in 0..1; alphas are float32 [H, W] in 0..1.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.errors import EmptyError, InputError
from mattecli.matting.parts import parts_holding
from mattecli.matting.trimap import BACKGROUND, FOREGROUND, UNKNOWN

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

CHANNELS = {"green": 1, "blue": 2}
AUTO = "auto"
# A pixel may be screen when its channel exceeds the others by this much, in absolute terms and as a share of its brightness.
LEAST_EXCESS, LEAST_SATURATION = 0.06, 0.15
# A screen of a colour that is given looks no more different from it than this, as a distance of RGB in 0..1: lamps fall off.
NEAR_COLOUR = 0.4
# It differs from the middle of its border by so many times the median difference there, and this much more.
UNEVEN, EVEN = 3.0, 0.06
# A screen covers at least this share of the picture's left, right and upper border, which is this wide as a share of each side.
LEAST_BORDER, BORDER = 0.25, 0.02
# The plate is found on a picture of this many pixels a side: it is smooth, and small pictures have little noise.
PLATE_SIDE = 256
# A quadratic surface fits the screen's shading; these Gaussians (standard deviations as shares of the side) fit its residual.
SHADING = (0.16, 0.08, 0.04, 0.02)
# Tukey's biweight is 0 from this many standard deviations on (95 % efficient for Gaussian noise).
OUTLIER = 4.685
# Limits of the noise: one 8-bit step, and the unevenness of foliage or sky, which are no screens.
NOISE_FLOOR, ROUGHEST = 1 / 255, 0.1
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
# Spill reaches into the subject this far, as a share of the square root of the picture's area.
SPILL_REACH = 0.03
# Tolerances of the alpha's lower bound: the opposite excess of a subject's colour, and the key's noise.
OPPOSITE, KEY_DOUBT = 0.4, 0.1
# A pixel is entirely soft from this transparency on.
SOFT = 0.2
# The default of a subject's green where no solid part is near, between the mean (0) and the larger (1) of red and blue: brown hair.
TYPICAL_SLOPE, FEW = 0.2, 1e-5
# A soft pixel's green is at least this share of what red and blue predict from the colours inside the subject.
LEAST_SHARE = 0.85
# In a solid pixel, up to the first share of the plate's excess is spill and beyond the second is the subject's own colour.
SPILL, OWN_COLOUR = 0.25, 0.5
# Rec. 709 luma.
LUMA = (0.2126, 0.7152, 0.0722)


def find_screen(image: Plane, wanted: str = AUTO) -> str:
    """The screen's colour, "green" or "blue": the wanted one if it is found; with "auto" the one that covers more of the border.

    Raises InputError when there is no such screen.
    """
    names = [name for name in CHANNELS if wanted in (name, AUTO)]
    shares = {name: float(_border(_perhaps_screen(image, CHANNELS[name])).mean()) for name in names}
    name = max(shares, key=lambda one: shares[one])
    if shares[name] < LEAST_BORDER:
        raise InputError(
            f"no {' or '.join(names)} screen was found: such colours cover {shares[name]:.0%} of the picture's left, right and upper "
            "border; give a trimap or strokes instead"
        )
    return name


def plate_from_screen(image: Plane, screen: str) -> Plane:
    """The screen, "green" or "blue", without the subject: [H, W, 3], smooth, with its shading, extrapolated behind the subject.

    A robust quadratic surface for each channel, then Gaussian corrections from coarse to fine, weighted by each pixel's agreement with
    the estimate so far; they fade out where no screen is near. Raises InputError when those colours are no even screen.
    """
    small = _shrunk(image)
    excess = _excess(small, CHANNELS[screen])
    perhaps = _perhaps_screen(small, CHANNELS[screen])
    if not perhaps.any():
        raise InputError(f"nothing in the picture is {screen}; give a trimap or strokes instead")
    perhaps &= excess > 0.4 * np.quantile(excess[perhaps], 0.75)
    return _plate(image, small, perhaps, screen)


def plate_from_colour(image: Plane, colour: tuple[float, float, float], screen: str) -> Plane:
    """The screen of any colour, such as white paper, without the subject: [H, W, 3]; `screen` is what it is called.

    A subject of that colour is taken for it. Raises InputError where the picture's border does not show it, or where it is uneven.
    """
    small = _shrunk(image)
    perhaps = np.linalg.norm(small - np.array(colour, np.float32), axis=2) < NEAR_COLOUR
    share = float(_border(perhaps).mean())
    if share < LEAST_BORDER:
        raise InputError(
            f"no {screen} screen was found: such colours cover {share:.0%} of the picture's left, right and upper border; "
            "give a trimap or strokes instead"
        )
    return _plate(image, small, _like_border(small, perhaps), screen)


def _like_border(image: Plane, perhaps: Mask) -> Mask:
    """The pixels of a mask that are no more unlike the typical one at the border than those there are of each other."""
    seen = _border(perhaps)
    along = np.stack([_border(image[..., channel])[seen] for channel in range(3)], axis=1)
    typical = np.median(along, axis=0)
    spread = float(np.median(np.linalg.norm(along - typical, axis=1)))
    found: Mask = perhaps & (np.linalg.norm(image - typical, axis=2) < UNEVEN * spread + EVEN)
    return found


def _plate(image: Plane, small: Plane, perhaps: Mask, screen: str) -> Plane:
    """A smooth plate of the image's size from the pixels of its small copy that perhaps show the screen."""
    plate = _surface(small, perhaps)
    for share in SHADING:
        left, reach = small - plate, share * max(small.shape[:2])
        weight = _trust(left, perhaps)[..., None]
        plate = plate + _blurred(left * weight, reach) / (_blurred(weight, reach)[..., None] + 0.02)
    if _noise(small - plate, perhaps) > ROUGHEST:
        raise InputError(f"the {screen} in the picture is too uneven for a screen; give a trimap or strokes instead")
    low, high = np.quantile(small[perhaps], (0.001, 0.999), axis=0)
    enlarged = cv2.resize(plate.clip(low, high).astype(np.float32), image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(enlarged, np.float32).clip(0, 1)


def trimap_from_screen(image: Plane, plate: Plane) -> NDArray[np.uint8]:
    """A trimap, uint8 [H, W], of the subject in front of a screen; `plate` is that of plate_from_screen.

    Background is what does not differ from the plate by more than noise; faint wisps count as different where they are connected to
    clear ones. Foreground is what shows nothing of the screen. Raises EmptyError when there is no subject, InputError when no part of
    the screen is certain.
    """
    key = _blurred(_key(image, plate), 0.7)
    noise = max(1.4826 * float(np.median(np.abs(key[key < 0.3]))) if (key < 0.3).any() else 0.0, 2 * NOISE_FLOOR)
    subject = parts_holding(key > CLEAR * noise, key > FAINT * noise, connectivity=8)
    trimap = np.full(key.shape, UNKNOWN, np.uint8)
    trimap[_depth(~subject) > GUARD] = BACKGROUND
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
    key = _blurred(np.linalg.norm(image - plate, axis=2).astype(np.float32), 0.7)
    noise = max(1.4826 * float(np.median(key[key < NEAR_COLOUR / 4])) if (key < NEAR_COLOUR / 4).any() else 0.0, 2 * NOISE_FLOOR)
    subject = parts_holding(key > CLEAR * noise, key > FAINT * noise, connectivity=8)
    edge = np.ones(key.shape, bool)
    edge[1:-1, 1:-1] = False
    outside = parts_holding(edge & ~subject, ~subject, connectivity=4)
    trimap = np.full(key.shape, UNKNOWN, np.uint8)
    trimap[_depth(outside) > GUARD] = BACKGROUND
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
    behind = np.maximum(_excess(plate, _channel(plate)), LEAST_EXCESS)
    key = _key(image, plate)
    even = _blurred(key, 1.0)
    least = np.where(alpha > 0, (np.minimum(key, even) - KEY_DOUBT) / (1 + OPPOSITE / behind), 0).clip(0, 1)
    key = np.maximum(key, even).clip(0, 1)  # a single noisy pixel is no gap
    showing = np.minimum(SHOWING, SHOWING_SHARE * behind)
    spill = np.clip((1 - (1 - key) * behind / showing) / (1 - FAINT_SPILL), 0, 1)
    return np.clip(alpha, np.minimum(least, key), key + (1 - key) * spill)


def despill(colours: Plane, alpha: Plane, plate: Plane) -> Plane:
    """Foreground colours without the screen's spill: [H, W, 3], with luma kept.

    The screen's channel is limited to a level between the mean and the larger of the other two, taken from the subject's inside nearby:
    hair and skin lie near the mean, yellow and cyan cloth near the larger. The limit applies fully to soft pixels, less to solid ones with
    growing distance from the edge, and not where a strong excess is the subject's own colour. A soft pixel that lost more of the screen
    than it had, and so has the opposite colour, gets some back.
    """
    channel = _channel(plate)
    larger, mean = _others(colours, channel)
    slope, share = _own_hue(colours, alpha, channel)
    softness = np.clip((1 - alpha) / SOFT, 0, 1)
    spilt = np.maximum(colours[..., channel] - mean - slope * (larger - mean), 0)
    own = np.clip((spilt / np.maximum(_excess(plate, channel), LEAST_EXCESS) - SPILL) / (OWN_COLOUR - SPILL), 0, 1)
    near = np.clip(1 - _depth(alpha > 0.99) / (SPILL_REACH * np.sqrt(alpha.size)), 0, 1)
    spilt = spilt * np.maximum(softness, near * (1 - own))
    cleaned = colours + (spilt * LUMA[channel])[..., None]
    cleaned[..., channel] += softness * np.maximum(LEAST_SHARE * share * mean - colours[..., channel], 0) - spilt
    return cleaned.clip(0, 1)


def _own_hue(colours: Plane, alpha: Plane, channel: int) -> tuple[Plane, Plane]:
    """The screen's channel inside the subject nearby, [H, W] each.

    Returns its position between the mean of the others (0) and the larger (1), and its ratio to the mean, both limited to 0..1. They are
    least-squares slopes over solid pixels away from the edge, in a Gaussian window, extrapolated outwards; without such pixels, those of
    brown hair and of grey.
    """
    deep = _depth(alpha > 0.99) > SPILL_REACH / 2 * np.sqrt(alpha.size)
    small = _shrunk(np.dstack([colours, deep]).astype(np.float32))
    larger, mean = _others(small, channel)
    reach = SPILL_REACH * max(small.shape[:2])

    def slope(rise: Plane, run: Plane, otherwise: float) -> Plane:
        weight = small[..., 3] * run
        found = (_blurred(weight * rise, reach) + FEW * otherwise) / (_blurred(weight * run, reach) + FEW)
        return np.asarray(cv2.resize(found.clip(0, 1), alpha.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)

    return slope(small[..., channel] - mean, larger - mean, TYPICAL_SLOPE), slope(small[..., channel], mean, 1.0)


def _channel(plate: Plane) -> int:
    return max(CHANNELS.values(), key=lambda channel: float(_excess(plate, channel).mean()))


def _others(image: Plane, channel: int) -> tuple[Plane, Plane]:
    """The larger of the two channels that are not the screen's, and their mean, [H, W] each."""
    first, second = (image[..., index] for index in range(3) if index != channel)
    return np.maximum(first, second), np.asarray((first + second) / 2, np.float32)


def _excess(image: Plane, channel: int) -> Plane:
    """By how much a channel exceeds the larger of the other two, [H, W], -1..1."""
    return image[..., channel] - _others(image, channel)[0]


def _key(image: Plane, plate: Plane) -> Plane:
    """The colour difference key, [H, W]: 0 on the screen, 1 where none of it shows; noise and hue may exceed the range."""
    channel = _channel(plate)
    return np.asarray(1 - _excess(image, channel) / np.maximum(_excess(plate, channel), LEAST_EXCESS), np.float32)


def _perhaps_screen(image: Plane, channel: int) -> Mask:
    excess = _excess(image, channel)
    found: Mask = (excess > LEAST_EXCESS) & (excess > LEAST_SATURATION * image[..., channel])
    return found


def _border(mask: NDArray[Any]) -> NDArray[Any]:
    """The pixels along the left, right and upper border; the lower one often shows the subject."""
    rows, columns = (max(1, round(BORDER * side)) for side in mask.shape)
    return np.concatenate([mask[:rows].ravel(), mask[:, :columns].ravel(), mask[:, -columns:].ravel()])


def _shrunk(image: Plane) -> Plane:
    scale = min(1.0, PLATE_SIDE / max(image.shape[:2]))
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)


def _surface(image: Plane, region: Mask) -> Plane:
    """A quadratic in x and y for each channel that fits most of the region's pixels (iteratively reweighted least squares)."""
    rows, columns = (np.linspace(-1, 1, side, dtype=np.float32) for side in image.shape[:2])
    y, x = np.meshgrid(rows, columns, indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=2)
    weight = region.astype(np.float32)
    for _ in range(8):
        chosen = weight > 0
        root = np.sqrt(weight[chosen])[:, None]
        factors = np.linalg.lstsq(terms[chosen] * root, image[chosen] * root, rcond=None)[0]
        fitted = np.asarray(terms @ factors, np.float32)
        weight = _trust(image - fitted, region)
    return fitted


def _trust(left: Plane, region: Mask) -> Plane:
    """Tukey's biweight [H, W] of a model's residual `left`, in units of its noise; 0 outside the region."""
    distance = np.linalg.norm(left, axis=2) / (OUTLIER * _noise(left, region))
    return np.where(region, np.clip(1 - distance**2, 0, 1) ** 2, 0).astype(np.float32)


def _noise(left: Plane, region: Mask) -> float:
    """The standard deviation of a channel; 1.54 is the median length of three such deviations."""
    return max(float(np.median(np.linalg.norm(left[region], axis=1))) / 1.54, NOISE_FLOOR)


def _blurred(plane: Plane, sigma: float) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), max(sigma, 0.5), borderType=cv2.BORDER_REPLICATE), np.float32)


def _sure(key: Plane, solid: float) -> Mask:
    """Where nothing of the screen shows: the key is solid, and near the edge it no longer rises.

    The excess of a subject of the opposite colour, such as skin before green, reaches 0 before the screen is fully covered.
    """
    depth = _depth(key > solid)
    side = 2 * max(2, round(EDGE * np.sqrt(key.size) / 2)) + 1
    settled = key > SETTLED * cv2.dilate(key, np.ones((side, side), np.uint8))
    found: Mask = (depth > GUARD) & (settled | (depth > side))
    return found


def _depth(mask: Mask) -> Plane:
    """How far, in pixels, each pixel of a mask is from the nearest pixel outside it."""
    return np.asarray(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5), np.float32)
