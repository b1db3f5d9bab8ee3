"""The screen as it looks without the subject.

A screen is never one colour: light falls off, cloth folds, subjects cast soft shadows. So the screen is first reconstructed as a smooth
picture, the plate, from the pixels that surely show it; everything else is a comparison with that plate.
Colours are encoded sRGB values, float32 [H, W, 3] in 0..1.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError
from mattecli.matting.screen.excess import AUTO, CHANNELS, LEAST_EXCESS, NEAR_COLOUR, NOISE_FLOOR, Mask, Plane, blurred, excess_of, shrunk

# A pixel may be screen when its excess is at least this share of its brightness.
LEAST_SATURATION = 0.15
# It differs from the middle of its border by so many times the median difference there, and this much more.
UNEVEN, EVEN = 3.0, 0.06
# A screen covers at least this share of the picture's left, right and upper border, which is this wide as a share of each side.
LEAST_BORDER, BORDER = 0.25, 0.02
# A quadratic surface fits the screen's shading; these Gaussians (standard deviations as shares of the side) fit its residual.
SHADING = (0.16, 0.08, 0.04, 0.02)
# Tukey's biweight is 0 from this many standard deviations on (95 % efficient for Gaussian noise).
OUTLIER = 4.685
# The most noise: the unevenness of foliage or sky, which are no screens.
ROUGHEST = 0.1


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
    small = shrunk(image)
    excess = excess_of(small, CHANNELS[screen])
    perhaps = _perhaps_screen(small, CHANNELS[screen])
    if not perhaps.any():
        raise InputError(f"nothing in the picture is {screen}; give a trimap or strokes instead")
    perhaps &= excess > 0.4 * np.quantile(excess[perhaps], 0.75)
    return _plate(image, small, perhaps, screen)


def plate_from_colour(image: Plane, colour: tuple[float, float, float], screen: str) -> Plane:
    """The screen of any colour, such as white paper, without the subject: [H, W, 3]; `screen` is what it is called.

    A subject of that colour is taken for it. Raises InputError where the picture's border does not show it, or where it is uneven.
    """
    small = shrunk(image)
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
        plate = plate + blurred(left * weight, reach) / (blurred(weight, reach)[..., None] + 0.02)
    if _noise(small - plate, perhaps) > ROUGHEST:
        raise InputError(f"the {screen} in the picture is too uneven for a screen; give a trimap or strokes instead")
    low, high = np.quantile(small[perhaps], (0.001, 0.999), axis=0)
    enlarged = cv2.resize(plate.clip(low, high).astype(np.float32), image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(enlarged, np.float32).clip(0, 1)


def _perhaps_screen(image: Plane, channel: int) -> Mask:
    excess = excess_of(image, channel)
    found: Mask = (excess > LEAST_EXCESS) & (excess > LEAST_SATURATION * image[..., channel])
    return found


def _border(mask: NDArray[Any]) -> NDArray[Any]:
    """The pixels along the left, right and upper border; the lower one often shows the subject."""
    rows, columns = (max(1, round(BORDER * side)) for side in mask.shape)
    return np.concatenate([mask[:rows].ravel(), mask[:, :columns].ravel(), mask[:, -columns:].ravel()])


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
