"""Colours from one ICC profile to another, by LittleCMS through Pillow. A picture without a profile is sRGB."""

import io
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from mattecli.io.pictures.photo import Pixels

# The spacing of the levels at which two profiles are compared.
APART = 15
ROWS_AT_ONCE = 64


def converted(pixels: Pixels, source: bytes | None, target: bytes | None) -> Pixels:
    """RGB levels [H, W, 3], uint8 or uint16, that look in the profile `target` as `pixels` do in `source`; None is sRGB.

    Returns the same array where the two profiles agree within a level of 255, or where one is damaged. White stays white, and colours
    outside the target's gamut are clipped (relative colorimetric, with black point compensation). 16-bit levels keep their gradation, with
    an accuracy of a level of 255.
    """
    transform = _transform(source, target)
    if transform is None:
        return pixels
    return _applied(transform, pixels) if pixels.dtype == np.uint8 else _finely_applied(transform, pixels)


@lru_cache(maxsize=64)
def is_sound(profile: bytes | None) -> bool:
    """Whether a profile can be converted from and to; True for None, which is sRGB."""
    try:
        _built(profile, None)
        _built(None, profile)
    except (ImageCms.PyCMSError, OSError):
        return False
    return True


@lru_cache(maxsize=16)
def _transform(source: bytes | None, target: bytes | None) -> ImageCms.ImageCmsTransform | None:
    """The transform from one profile to the other; None where the colours should stay unchanged."""
    if source == target or not (is_sound(source) and is_sound(target)):
        return None
    transform = _built(source, target)
    levels = np.arange(0, 256, APART, dtype=np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(len(levels), -1, 3)
    return transform if np.abs(_applied(transform, colours).astype(int) - colours).max() > 1 else None


def _built(source: bytes | None, target: bytes | None) -> ImageCms.ImageCmsTransform:
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    return ImageCms.buildTransform(_profile(source), _profile(target), "RGB", "RGB", intent, flags)


def _profile(icc: bytes | None) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB") if icc is None else io.BytesIO(icc))


def _applied(transform: ImageCms.ImageCmsTransform, levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(ImageCms.applyTransform(Image.fromarray(levels), transform))


def _finely_applied(transform: ImageCms.ImageCmsTransform, levels: Pixels) -> NDArray[np.uint16]:
    """16-bit levels, which Pillow would reduce to 8 bits: trilinear interpolation of the eight 8-bit colours around each."""
    found = np.empty(levels.shape, np.uint16)
    for top in range(0, len(levels), ROWS_AT_ONCE):
        rows = slice(top, top + ROWS_AT_ONCE)
        low = np.minimum(levels[rows] // 257, 254).astype(np.uint8)
        share = levels[rows] / np.float32(257) - low
        total = np.zeros(low.shape, np.float32)
        for corner in product((0, 1), repeat=3):
            red, green, blue = (share[..., n] if up else 1 - share[..., n] for n, up in enumerate(corner))
            total += (red * green * blue)[..., None] * _applied(transform, low + np.array(corner, np.uint8))
        found[rows] = np.rint(total * 257)
    return found
