"""HEIC and HEIF, as phones write them, through libheif: 8, 10 or 12 bits a channel, with the file's orientation applied."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError
from mattecli.io.pictures.decoders.decoded import Decoded, File, chosen_page, pages_note, refuse_layer
from mattecli.io.pictures.decoders.nclx import nclx_note
from mattecli.io.pictures.metadata import Metadata, without_orientation


def decode_heif(file: File) -> Decoded:
    """The file's primary picture, or the requested page."""
    import pillow_heif

    refuse_layer(file)
    opened = pillow_heif.open_heif(file.data, convert_hdr_to_8bit=False, hdr_to_16bit=False)
    count = len(opened)
    place = opened.primary_index if file.pick.page == 1 else chosen_page(file, count)
    picture = opened[place]
    info: dict[str, Any] = picture.info
    bits = int(info.get("bit_depth") or 8)
    file.check(picture.size[::-1], bits=16 if bits > 8 else 8)
    icc = info.get("icc_profile") or None
    metadata = Metadata(icc=icc, exif=without_orientation(info.get("exif")), frames=count)
    notes = (*pages_note(count, file.pick.page, "pictures"), *(() if icc else nclx_note(file.data)))
    return Decoded(_levels(picture, bits), metadata, lossy=True, notes=notes)


def heif_size(file: File) -> tuple[int, int]:
    """The (height, width) of the primary picture, upright."""
    import pillow_heif

    opened = pillow_heif.open_heif(file.data)
    width, height = opened[opened.primary_index].size
    return int(height), int(width)


def _levels(picture: Any, bits: int) -> NDArray[Any]:
    """8-bit levels, or deeper ones stretched to 16 bits, with straight alpha."""
    mode = str(picture.mode)
    if mode.partition(";")[0] not in ("L", "LA", "RGB", "RGBA", "RGBa", "I"):
        raise InputError(f"its pixels are stored as {mode}, which is not read; save it as 8 or 10-bit colour")
    levels = np.asarray(picture)
    if levels.dtype == np.uint8:
        return np.array(levels)
    top = 65535 if mode.endswith("16") and levels.max() >= 1 << bits else (1 << bits) - 1
    return stretched(levels, top)


def stretched(levels: NDArray[Any], top: int) -> NDArray[np.uint16]:
    """Levels from 0 to `top`, scaled to 16 bits."""
    if top == 65535:
        return levels.astype(np.uint16)
    return ((levels.astype(np.uint32) * 65535 + top // 2) // top).clip(0, 65535).astype(np.uint16)
