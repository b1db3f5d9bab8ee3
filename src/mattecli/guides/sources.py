"""Guides given for a photo: a file, pixels or polylines."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError
from mattecli.io.files import naming
from mattecli.io.images import read_bytes, read_levels, read_photo
from mattecli.io.pictures.photo import Pixels
from mattecli.matting.given_trimap import check_trimap, read_trimap_levels
from mattecli.matting.levels import to_uint8
from mattecli.matting.mask import check_mask, mask_levels
from mattecli.matting.strokes import trimap_from_polylines, trimap_from_strokes

PLATE = "background"

GuideValue = str | Pixels | Mapping[str, Any] | Sequence[Any]
"""A guide of a photo: a file, its levels [H, W], [H, W, 3] RGB or [H, W, 4] RGBA, or polylines as trimap_from_polylines takes them."""


def read_guide(name: str, value: GuideValue, picture: Pixels) -> Pixels:
    """A guide of a picture [H, W, 3], by the guide's name.

    trimap: uint8 [H, W] of 0, 128 and 255; strokes: the same, unknown outside of the strokes; mask: uint8 or uint16 [H, W]; background: RGB
    [H, W, 3]. Raises InputError for one that cannot be read, has another size, or is not such a guide.
    """
    size = picture.shape[0], picture.shape[1]
    source = value if isinstance(value, str) else name
    with naming(source):
        if name == "strokes":
            return read_strokes(value, picture)
        if name == PLATE:
            plate = read_photo(value).pixels if isinstance(value, str) else _as_rgb(np.asarray(value))
            check_size("plate", source, plate.shape[:2], size, "picture")
            return plate
        levels = _levels(value)
        check_size(name, source, levels.shape[:2], size, "picture")  # before what takes memory
        if name == "trimap":
            trimap = read_trimap_levels(levels)
            check_trimap(trimap, size=size)
            return trimap
        return checked_mask(levels)


def read_strokes(value: GuideValue, picture: Pixels) -> NDArray[np.uint8]:
    """Strokes over a picture [H, W, 3], pixels or polylines, as a trimap uint8 [H, W] that is unknown elsewhere."""
    size = picture.shape[0], picture.shape[1]
    if isinstance(value, str) and Path(value).suffix.lower() == ".json":
        with naming(value):
            return trimap_from_polylines(_read_json(value), size=size)
    if not isinstance(value, (str, np.ndarray)):
        return trimap_from_polylines(value, size=size)
    with naming(value if isinstance(value, str) else "strokes"):
        return trimap_from_strokes(to_uint8(_levels(value)), size=size, photo=to_uint8(picture))


def read_mask_levels(file: str) -> Pixels:
    """A mask as [H, W], 8 or 16 bit, possibly empty; InputError for a picture that is no mask."""
    with naming(file):
        return mask_levels(read_levels(file))


def checked_mask(levels: Pixels) -> Pixels:
    """The mask [H, W] in a picture [H, W], [H, W, 3] or [H, W, 4]; InputError for anything but a mask with both levels."""
    mask = mask_levels(levels)
    check_mask(mask)
    return mask


def _levels(value: GuideValue) -> Pixels:
    return read_levels(value) if isinstance(value, str) else np.asarray(value)


def _as_rgb(levels: Pixels) -> Pixels:
    return np.repeat(levels[..., None], 3, axis=2) if levels.ndim == 2 else levels[..., :3]


def _read_json(file: str) -> object:
    try:
        return json.loads(read_bytes(file).decode("utf-8"))
    except ValueError as error:  # neither JSON nor UTF-8
        raise InputError(f"{file} is no JSON ({error}); mend it or give the strokes as a picture") from error
    except RecursionError as error:
        raise InputError(f"{file} is nested too deeply to be strokes; mend it or give the strokes as a picture") from error


def check_size(name: str, file: str, found: tuple[int, ...], size: tuple[int, ...], of_what: str) -> None:
    (rows, columns), (height, width) = found, size
    if (rows, columns) != (height, width):
        raise InputError(f"{file}: the {name} is {columns}x{rows}, the {of_what} {width}x{height}; make them the same size")
