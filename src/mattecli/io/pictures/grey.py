"""Conversion of grey pictures from a grey colour profile, which an RGB picture cannot carry, to sRGB."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

Levels = NDArray[np.unsignedinteger[Any]]


def is_grey_profile(profile: bytes | None) -> bool:
    """Whether a profile describes greys: bytes 16 to 20 name its colour space (ICC.1)."""
    return profile is not None and profile[16:20] == b"GRAY"


def grey_in_srgb(levels: Levels, profile: bytes) -> Levels | None:
    """Grey levels, uint8 or uint16 of any shape, converted from a grey profile to sRGB; None where that is damaged."""
    try:
        curve = _curve(profile)
    except (ImageCms.PyCMSError, OSError):
        return None
    if levels.dtype == np.uint8:
        return curve[levels]
    fine = np.interp(np.arange(65536), np.arange(256) * 257, curve.astype(np.float64) * 257)
    return np.rint(fine).astype(np.uint16)[levels]


def _curve(profile: bytes) -> NDArray[np.uint8]:
    """The converted value of each of the 256 levels."""
    greys = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.buildTransform(own, ImageCms.createProfile("sRGB"), "L", "RGB", intent, flags)
    found = ImageCms.applyTransform(greys, transform)
    return np.asarray(found)[0, :, 1].copy()
