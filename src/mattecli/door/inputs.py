"""Conversion of images, guides and backdrops given as paths, Pillow images, arrays, tensors or bytes of a file."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mattecli.compositing import backdrop as backdrops
from mattecli.compositing.backdrop import Backdrop, PictureBackdrop, Placing, parse_blur
from mattecli.errors import InputError
from mattecli.guides.sources import GuideValue
from mattecli.io.images import STANDARD_STREAM, picture_size, read_photo, read_photo_bytes
from mattecli.io.pictures.decoders.decoded import Pick
from mattecli.io.pictures.memory import integer_levels, is_pillow, photo_from_array, photo_from_pillow
from mattecli.io.pictures.photo import Photo, plain_levels

ImageLike = Any
"""A path, "-" for stdin, an open BytesIO of a picture file, a picture of Pillow's, an array or a tensor; see photo_of."""


@dataclass(frozen=True)
class PictureFile:
    """One picture of a file that holds several. page: its number, from 1. layer: the name of a layer or part of an EXR."""

    path: str | os.PathLike[str]
    page: int = 1
    layer: str | None = None


def photo_of(image: ImageLike, *, most: int | None = None) -> Photo:
    """An image as a Photo.

    A path (or "-" for stdin), a PictureFile, a BytesIO of a picture file, or a picture of Pillow's: upright, with its profile. An array
    [H, W], [H, W, 3] or [H, W, 4]: uint8, uint16, or float in 0..1. A tensor [C, H, W] or [1, C, H, W]: uint8, or float in 0..1. most:
    bytes that reading a file may take. A Photo is returned unchanged. Raises InputError for anything else.
    """
    if isinstance(image, Photo):
        return image
    if isinstance(image, (str, os.PathLike)):
        return read_photo(os.fspath(image), most=most)
    if isinstance(image, PictureFile):
        return read_photo(os.fspath(image.path), most=most, pick=Pick(image.page, image.layer))
    if isinstance(image, BytesIO):
        return read_photo_bytes(image.getvalue())
    if is_pillow(image):
        return photo_from_pillow(image)
    if isinstance(image, np.ndarray):
        return photo_from_array(image)
    if isinstance(image, Tensor):
        return photo_from_array(_array_of(image))
    raise InputError(f"{type(image).__name__} is no image; give a path, a picture of Pillow's, an array or a tensor")


def claimed_size(image: ImageLike) -> tuple[int, int] | None:
    """The (height, width) that a picture's file claims, before anything of it is decoded; None for what is no file, and for stdin."""
    path = image.path if isinstance(image, PictureFile) else image
    if not isinstance(path, (str, os.PathLike)) or os.fspath(path) == STANDARD_STREAM:
        return None
    return picture_size(os.fspath(path))


def images_of(tensor: Tensor) -> Tensor:
    """A tensor [3, H, W] or [B, 3, H, W], uint8 or float in 0..1, as float32 [B, 3, H, W]; InputError for another."""
    images = tensor[None] if tensor.dim() == 3 else tensor
    if images.dim() != 4 or images.shape[1] != 3 or 0 in images.shape:
        raise InputError(f"a tensor of shape {list(tensor.shape)} is no image; give [3, H, W] or [B, 3, H, W]")
    if images.dtype == torch.uint8:
        return images.to(torch.float32) / 255
    if not images.is_floating_point():
        raise InputError(f"a tensor of {images.dtype} is no image; give uint8, or floats in 0..1")
    images = images.to(torch.float32)
    if not bool(((images >= 0) & (images <= 1)).all()):
        raise InputError("a tensor of floats must lie in 0..1; divide it by its largest possible value")
    return images


def guide_of(guide: ImageLike | Mapping[str, Any]) -> GuideValue:
    """A guide as guides/derive.py takes it: its path, its levels [H, W], [H, W, 3] or [H, W, 4], or polylines (a table of lists)."""
    if isinstance(guide, (str, os.PathLike)):
        return os.fspath(guide)
    if isinstance(guide, np.ndarray):
        return integer_levels(guide)
    if isinstance(guide, Tensor):
        return integer_levels(_array_of(guide))
    if isinstance(guide, (Mapping, list, tuple)):
        return guide
    return plain_levels(photo_of(guide))


def open_backdrop(over: ImageLike, *, fit: str = "cover", blur: str | float = 0) -> Backdrop:
    """A backdrop for composites, opened once for many: a colour, a picture or a clip by name, or an image as photo_of takes it.

    fit: cover | contain | stretch, how a picture is brought to the size in front of it. blur: pixels, "12px", or "1.5%" of the longer
    side. Raises MatteError for what is none of these.
    """
    width = parse_blur(str(blur))
    if isinstance(over, (str, os.PathLike)):
        return backdrops.open_backdrop(os.fspath(over), mode=fit, blur=width)
    return PictureBackdrop(photo_of(over), Placing(fit, width))


def _array_of(tensor: Tensor) -> NDArray[Any]:
    """A tensor [C, H, W] or [1, C, H, W] as an array [H, W] or [H, W, C] in host memory."""
    planes = tensor[0] if tensor.dim() == 4 and tensor.shape[0] == 1 else tensor
    if planes.dim() == 2:
        planes = planes[None]
    if planes.dim() != 3:
        raise InputError(f"a tensor of shape {list(tensor.shape)} is no picture; give [C, H, W]")
    array: NDArray[Any] = planes.detach().cpu().permute(1, 2, 0).numpy()
    return array[..., 0] if array.shape[2] == 1 else array
