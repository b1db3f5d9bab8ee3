"""Decoding of any picture file; the content decides which library reads it."""

import io

from PIL import Image, UnidentifiedImageError

from mattecli.io.pictures.decoders.decoded import Decoded, File
from mattecli.io.pictures.decoders.heif import decode_heif, heif_size
from mattecli.io.pictures.decoders.openimageio import decode_dpx, decode_exr, decode_jxl, stated_size
from mattecli.io.pictures.decoders.pillow import decode_with_pillow
from mattecli.io.pictures.decoders.portable import decode_portable, is_ours, portable_size
from mattecli.io.pictures.decoders.raw import refuse_raw, refuse_raw_tiff
from mattecli.io.pictures.decoders.tiff_floats import decode_floats, floats_size
from mattecli.io.pictures.formats import HEAD, format_of
from mattecli.io.pictures.sizes import claimed_size

_OTHERS = {"HEIF": decode_heif, "EXR": decode_exr, "DPX": decode_dpx, "JXL": decode_jxl}


def decode(file: File) -> Decoded:
    """The picture in a file. Raises InputError, UnidentifiedImageError for other files, and the decoders' exceptions for a broken one."""
    kind = _known(file)
    if kind == "PPM" and is_ours(file.data):
        return decode_portable(file)
    if kind == "TIFF":
        refuse_raw_tiff(file)
        if (floats := decode_floats(file)) is not None:
            return floats
    return _OTHERS[kind](file) if kind in _OTHERS else decode_with_pillow(file, kind)


def size_of(file: File) -> tuple[int, int]:
    """The (height, width) that a file claims, orientation not applied; no pixels are decoded. Raises what decode raises."""
    kind = _known(file)
    if kind == "HEIF":
        return heif_size(file)
    if kind in ("EXR", "DPX", "JXL"):
        return stated_size(file, kind)
    if kind == "PPM" and is_ours(file.data):
        return portable_size(file)
    return claimed_size(file.data) or _by_pillow(file, kind)


def _by_pillow(file: File, kind: str) -> tuple[int, int]:
    if kind == "TIFF" and (size := floats_size(file)) is not None:
        return size
    with Image.open(io.BytesIO(file.data), formats=(kind,)) as header:
        return header.height, header.width


def _known(file: File) -> str:
    kind = format_of(file.data[:HEAD])
    refuse_raw(file, kind)
    if kind is None:
        raise UnidentifiedImageError(file.name)
    return kind
