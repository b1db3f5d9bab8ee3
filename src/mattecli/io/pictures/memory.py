"""Conversion between a Photo and pictures in memory: Pillow's images and arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from mattecli.errors import InputError
from mattecli.io.pictures.photo import Photo, Pixels

ALPHA_MODES = ("RGBA", "LA", "PA", "RGBa", "La")


def is_pillow(value: object) -> bool:
    """Whether a value is a Pillow image."""
    return isinstance(value, Image.Image)


def photo_from_pillow(picture: Image.Image) -> Photo:
    """A Pillow image as a Photo: orientation applied, with its profile, 16-bit grey kept; InputError for pixels that are no colours."""
    upright = ImageOps.exif_transpose(picture)
    icc = upright.info.get("icc_profile")
    if upright.mode.startswith("I;16"):
        return photo_from_array(np.array(upright))
    if upright.mode in ("F", "I", "LAB", "HSV"):
        raise InputError(f"the image has pixels of Pillow's mode {upright.mode}; convert it to RGB, or give an array")
    has_alpha = upright.mode in ALPHA_MODES or "transparency" in upright.info
    photo = photo_from_array(np.array(upright.convert("RGBA" if has_alpha else "RGB")))
    is_rgb = icc is not None and icc[16:20] == b"RGB " and upright.mode != "CMYK"
    return Photo(photo.pixels, photo.alpha, icc if is_rgb else None, opaque=photo.opaque)


def photo_from_array(array: NDArray[Any]) -> Photo:
    """An array [H, W], [H, W, 3] RGB or [H, W, 4] RGBA with straight alpha: uint8, uint16, or float in 0..1, which becomes 16 bits.

    InputError for another shape or type, and for floats outside of 0..1 or NaN.
    """
    levels = integer_levels(array)
    if levels.ndim == 2 or levels.shape[2] == 3:
        return Photo(levels if levels.ndim == 3 else np.repeat(levels[..., None], 3, axis=2), None, None)
    colours, alpha = np.ascontiguousarray(levels[..., :3]), np.ascontiguousarray(levels[..., 3])
    opaque = bool(alpha.min() == np.iinfo(alpha.dtype).max)
    return Photo(colours, None if opaque else alpha, None, opaque=opaque)


def integer_levels(array: NDArray[Any]) -> Pixels:
    """An array as photo_from_array takes it, as a copy of the same shape in uint8 or uint16; bools become 0 and 255."""
    if array.ndim not in (2, 3) or 0 in array.shape or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise InputError(f"an array of shape {list(array.shape)} is no picture; give [H, W], [H, W, 3] RGB or [H, W, 4] RGBA")
    if array.dtype in (np.uint8, np.uint16):
        return np.array(array, order="C")
    if array.dtype == np.bool_:
        return np.where(array, np.uint8(255), np.uint8(0))
    if array.dtype.kind != "f":
        raise InputError(f"an array of {array.dtype} is no picture; give uint8, uint16, or floats in 0..1")
    if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
        raise InputError("an array of floats must lie in 0..1; divide it by its largest possible value")
    return np.rint(array * 65535.0).astype(np.uint16)


def to_pillow(pixels: NDArray[np.uint8], icc: bytes | None) -> Image.Image:
    """uint8 [H, W] grey, [H, W, 3] RGB or [H, W, 4] RGBA as a Pillow image with the profile."""
    picture = Image.fromarray(pixels)
    if icc and pixels.ndim == 3:
        picture.info["icc_profile"] = icc
    return picture
