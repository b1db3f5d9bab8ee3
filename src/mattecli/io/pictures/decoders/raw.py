"""Detection of cameras' raw files, which are not supported."""

import io
from pathlib import Path
from typing import Any

from mattecli.errors import InputError
from mattecli.io.pictures.decoders.decoded import File
from mattecli.io.pictures.formats import HEAD, RAW_SUFFIXES, is_raw

_COLOUR_FILTER_ARRAY, _LINEAR_RAW = 32803, 34892
_DNG_VERSION_TAG = 50706
_DEVELOP = "is a camera's raw file; develop it first, as with darktable or RawTherapee, and give the TIFF or JPEG"


def refuse_raw(file: File, kind: str | None) -> None:
    """InputError for a raw file: by its first bytes, and by its ending where these are a TIFF's or unknown."""
    by_name = kind in (None, "TIFF") and Path(file.name).suffix.lower() in RAW_SUFFIXES
    if by_name or is_raw(file.data[:HEAD]):
        raise InputError(f"{file.name} {_DEVELOP}")


def refuse_raw_tiff(file: File) -> None:
    """InputError for a TIFF file whose first page, or a page below it, holds a sensor's data (TIFF/EP, DNG)."""
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(file.data)) as opened:
            page: Any = opened.pages.first
            is_dng = _DNG_VERSION_TAG in page.tags
            kinds = {page.photometric, *(below.photometric for below in page.pages or ())}
    except (tifffile.TiffFileError, ValueError, LookupError, TypeError, AttributeError, OSError):
        return  # reading the pixels will report the error
    if is_dng or kinds & {_COLOUR_FILTER_ARRAY, _LINEAR_RAW}:
        raise InputError(f"{file.name} {_DEVELOP}")
