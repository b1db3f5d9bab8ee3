"""TIFF files of floats: linear light, unless a colour profile defines their encoding."""

import contextlib
import io
from collections.abc import Iterator
from itertools import islice
from typing import Any

import cv2
import numpy as np
from PIL import Image

from mattecli.errors import InputError
from mattecli.io.pictures.decoders.decoded import Decoded, File, chosen_page, pages_note
from mattecli.io.pictures.light import Light, counted, mended, shown
from mattecli.io.pictures.metadata import BAFFLED, MOST_PAGES, X_RESOLUTION_TAG, Y_RESOLUTION_TAG, Metadata, with_exif

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_ONE_AFTER_ANOTHER = 2
_ASSOCIATED, _UNASSOCIATED = 1, 2
_REDUCED, _PROFILE_TAG = 1, 34675
PROFILED = "its floats are encoded as its colour profile says, so they are taken as 16 bits"


def decode_floats(file: File) -> Decoded | None:
    """The first or the requested page: with its light, or in 16 bits where a colour profile defines its encoding. None without floats."""
    with _pages(file) as pages:
        if not pages or not _is_float(pages, file):
            return None
        page = pages[chosen_page(file, len(pages))]
        if page.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
            raise InputError("its floats are of a kind that is not read; save it as RGB in 32-bit floats")
        file.check((page.imagelength, page.imagewidth), bits=32)
        planes = _planes(page, file.data)
        extras = [int(kind) for kind in page.extrasamples]
        metadata = _metadata(page, len(pages))
    planes, bad = mended(planes.astype(np.float32))
    light = _light(planes, page.photometric == _RGB, extras, inverted=page.photometric == _WHITE_IS_ZERO)
    notes = pages_note(metadata.frames, file.pick.page, "pages")
    notes += (f"{bad} of its values are no finite numbers and were replaced",) if bad else ()
    if metadata.icc and not file.as_levels:
        return Decoded(counted(light), metadata, notes=(*notes, PROFILED))
    return Decoded(counted(light) if file.as_levels else shown(light), metadata, notes=notes, light=light)


def floats_size(file: File) -> tuple[int, int] | None:
    """The (height, width) that the first page claims, if it holds floats."""
    with _pages(file) as pages:
        return (int(pages[0].imagelength), int(pages[0].imagewidth)) if pages and _is_float(pages, file) else None


@contextlib.contextmanager
def _pages(file: File) -> Iterator[list[Any]]:
    """The pages that are not reduced versions of others; none for a file that tifffile cannot parse."""
    import tifffile

    try:
        opened = tifffile.TiffFile(io.BytesIO(file.data))
        listed: Any = islice(opened.pages, MOST_PAGES)
        pages = [page for page in listed if not page.subfiletype & _REDUCED]
    except (tifffile.TiffFileError, OSError, *BAFFLED):
        yield []
        return
    with opened:
        yield pages


def _is_float(pages: list[Any], file: File) -> bool:
    page = pages[min(file.pick.page, len(pages)) - 1]
    return page.dtype is not None and page.dtype.kind == "f"


def _metadata(page: Any, count: int) -> Metadata:
    """Orientation, profile, resolution, camera and date from the tags."""
    exif = Image.Exif()
    for tag in page.tags:
        if isinstance(tag.value, int | str):
            exif[tag.code] = tag.value
    for code in (X_RESOLUTION_TAG, Y_RESOLUTION_TAG):
        above, below = page.tags.valueof(code, (0, 1))
        exif[code] = above / (below or 1)
    return with_exif(Metadata(icc=page.tags.valueof(_PROFILE_TAG) or None, frames=count), exif)


def _planes(page: Any, data: bytes) -> Any:
    """A page's numbers as [H, W, C], as stored; OpenCV's libtiff supports compressions for which tifffile needs another package."""
    separate = page.planarconfig == _ONE_AFTER_ANOTHER and page.samplesperpixel > 1
    try:
        stored = page.asarray()
    except ValueError as error:
        decoded = None if separate or page.index else cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if decoded is None or decoded.dtype != np.float32 or page.tags.valueof("Orientation", 1) != 1:
            raise InputError("its floats are compressed in a way that is not read; save it compressed as Deflate") from error
        stored = decoded[..., [2, 1, 0, 3][: decoded.shape[2]]] if decoded.ndim == 3 and decoded.shape[2] >= 3 else decoded
    stored = np.moveaxis(stored, 0, -1) if separate else stored
    return stored.reshape(*stored.shape[:2], -1)


def _light(planes: Any, is_rgb: bool, extras: list[int], *, inverted: bool) -> Light:
    count = 3 if is_rgb else 1
    colours = np.repeat(planes[..., :1], 3, axis=2) if count == 1 else np.ascontiguousarray(planes[..., :3])
    colours = 1 - colours if inverted else colours
    if not extras and planes.shape[2] == count + 1:
        extras = [_UNASSOCIATED]
    which = next((place for place, kind in enumerate(extras) if kind in (_ASSOCIATED, _UNASSOCIATED)), None)
    if which is None:
        return Light(colours)
    alpha = np.ascontiguousarray(planes[..., count + which]).clip(0, 1)
    return Light(colours if extras[which] == _ASSOCIATED else colours * alpha[..., None], alpha)
