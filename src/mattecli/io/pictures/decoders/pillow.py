"""JPEG, PNG, WebP, TIFF, BMP, GIF, and 8-bit AVIF, JPEG 2000 and PNM: Pillow reads headers, profiles and 8-bit pixels and detects truncated
files; deeper pixels, which Pillow reduces to 8 bits, are read by other modules."""

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mattecli.errors import InputError
from mattecli.io.pictures.decoders.decoded import FRAMES, Decoded, File, chosen_page, pages_note, refuse_layer
from mattecli.io.pictures.decoders.high_bit_depth import avif_bits, deep_levels, is_irreversible, jpeg2000_bits
from mattecli.io.pictures.decoders.nclx import nclx_note
from mattecli.io.pictures.decoders.tiff_damage import tiff_damage
from mattecli.io.pictures.encode import in_srgb
from mattecli.io.pictures.jpeg import jpeg_damage, whole_jpeg, with_end
from mattecli.io.pictures.metadata import BAFFLED, Metadata, metadata_of, page_places, split_png, without_metadata
from mattecli.io.pictures.quiet import quiet_pillow
from mattecli.io.pictures.sizes import webp_size
from mattecli.io.sixteen_bit import sixteen_bit_levels

_BITS_PER_SAMPLE_TAG = 258
_PAGES = {"TIFF": "pages", "MPO": "pictures"}


def decode_with_pillow(file: File, kind: str) -> Decoded:
    """A file of the format with this name in Pillow. Raises Pillow's exceptions for a broken one."""
    refuse_layer(file)
    data, said = split_png(file.data) if kind == "PNG" and file.pick.page == 1 else (file.data, None)
    size = webp_size(data) if kind == "WEBP" else None
    if size is not None:
        file.check(size)
    with quiet_pillow(), _opened(file, data, kind) as (header, data, mended, whole):
        metadata = metadata_of(header, said)
        told = (*mended, *metadata.notes, *_pages(file, metadata, header), *_of_profile(file, kind, metadata))
        levels, metadata = (whole, metadata) if whole is not None else _levels(file, data, kind, header, metadata)
        lossy = kind in ("JPEG", "AVIF") or (kind == "WEBP" and data[12:16] != b"VP8L") or (kind == "JPEG2000" and is_irreversible(data))
    return Decoded(levels, metadata, lossy=lossy, notes=told)


@contextlib.contextmanager
def _opened(file: File, data: bytes, kind: str) -> Iterator[tuple[Image.Image, bytes, list[str], NDArray[np.uint8] | None]]:
    """A picture with its pixels decoded, so that truncation is detected; the data decoded; notes on repairs; and pixels or None.

    The pixels are Pillow's, or, in the last value, those of a JPEG file without any fault.
    """
    notes: list[str] = []
    if kind == "JPEG" and (found := _faultless_jpeg(file, data)) is not None:
        with found[0]:
            yield found[0], data, notes, found[1]
        return
    try:
        header = _loaded(file, data, kind)
    except (OSError, *BAFFLED):
        if kind != "JPEG":
            raise
        header, data = _mended_jpeg(file, data, notes)
    else:
        if damage := _damage(file, data, kind, header):
            notes.append(f"its pixels are damaged ({damage}), so parts of the picture may be wrong")
    with header:
        yield header, data, notes, None


def _damage(file: File, data: bytes, kind: str, header: Image.Image) -> str | None:
    """What is wrong with pixels that Pillow decoded without a word."""
    if kind == "JPEG":
        return jpeg_damage(data)
    return tiff_damage(data, _place(file, header)) if kind == "TIFF" else None


def _faultless_jpeg(file: File, data: bytes) -> tuple[Image.Image, NDArray[np.uint8]] | None:
    """A JPEG file's header and pixels, decoded once; None for a file that may have a fault, or is neither grey nor RGB."""
    with contextlib.suppress(OSError, *BAFFLED):
        header = _header(file, data, "JPEG")
        levels = whole_jpeg(data) if header.mode in ("L", "RGB") and file.pick.page == 1 else None
        if levels is not None and levels.shape[:2] == (header.height, header.width):
            return header, levels
    return None


def _loaded(file: File, data: bytes, kind: str) -> Image.Image:
    header = _header(file, data, kind)
    header.load()
    return header


def _header(file: File, data: bytes, kind: str) -> Image.Image:
    """A picture opened by Pillow at the requested page, with its size checked; its pixels are not decoded."""
    try:
        header = Image.open(io.BytesIO(data), formats=(kind,))
    except UnidentifiedImageError as error:  # whose first bytes are those of this kind
        raise OSError("its header cannot be read") from error
    _check(file, data, kind, header)
    place = _place(file, header)
    if place:
        header.seek(place)
        _check(file, data, kind, header)
    return header


def _check(file: File, data: bytes, kind: str, header: Image.Image) -> None:
    file.check((header.height, header.width), bits=16 if _bits(data, kind, header) > 8 else 8)


def _place(file: File, header: Image.Image) -> int:
    """The index of the requested page among the file's frames."""
    if file.pick.page == 1:
        return 0
    places = page_places(header)
    return places[chosen_page(file, len(places))]


def _mended_jpeg(file: File, data: bytes, notes: list[str]) -> tuple[Image.Image, bytes]:
    """A JPEG file that Pillow rejects, repaired: with its end marker, or without its metadata, which is noted.

    Raises Pillow's exception where no repair helps.
    """
    whole = with_end(data)
    if whole is not None:
        with contextlib.suppress(OSError, *BAFFLED):
            header = _loaded(file, whole, "JPEG")
            notes.append("it lacks its end marker; all its pixels are there")
            return header, whole
    bare = without_metadata(data if whole is None else whole)
    if jpeg_damage(bare) is None:
        header = _loaded(file, bare, "JPEG")
        notes.append("its metadata are damaged and left out: profile, orientation and resolution")
        return header, bare
    return _loaded(file, data, "JPEG"), data


def _pages(file: File, metadata: Metadata, header: Image.Image) -> tuple[str, ...]:
    return pages_note(metadata.frames, file.pick.page, _PAGES.get(header.format or "", FRAMES))


def _of_profile(file: File, kind: str, metadata: Metadata) -> tuple[str, ...]:
    return nclx_note(file.data) if kind == "AVIF" and not metadata.icc else ()


def _bits(data: bytes, kind: str, header: Image.Image) -> int:
    """Bits a channel."""
    if kind == "PNG":
        return data[24]  # the bit depth in the header chunk
    if kind == "TIFF":
        return max(header.tag_v2.get(_BITS_PER_SAMPLE_TAG, (8,)))  # type: ignore[attr-defined]
    if kind == "AVIF":
        return avif_bits(data)
    return jpeg2000_bits(data) if kind == "JPEG2000" else 8


def _levels(file: File, data: bytes, kind: str, header: Image.Image, metadata: Metadata) -> tuple[Any, Metadata]:
    """The pixels and their metadata: in their own depth where that is supported, else 8 bits."""
    bits = _bits(data, kind, header)
    deep: Any = None
    if kind in ("PNG", "TIFF") and bits == 16:
        deep = sixteen_bit_levels(data, _place(file, header))
    elif kind in ("AVIF", "JPEG2000") and bits > 8 and file.pick.page == 1:
        deep = deep_levels(data, bits)
    if deep is not None:
        return deep, metadata
    levels, profile = _eight_bit_levels(header, metadata.icc)
    return levels, metadata.with_profile(profile)


def _eight_bit_levels(header: Image.Image, profile: bytes | None) -> tuple[NDArray[np.uint8], bytes | None]:
    """8-bit RGB or RGBA and the profile it is in now."""
    mode = header.mode
    if mode == "CMYK":
        # Through the embedded printing profile where there is one, else by Pillow's plain formula.
        return np.array(in_srgb(header, profile) or header.convert("RGB")), None
    if mode in ("LAB", "HSV", "F") or (mode.startswith("I") and not mode.startswith("I;16")):
        raise InputError(f"its pixels are stored as {mode}, which is not read; save it as 8 or 16-bit RGB")
    if mode.startswith("I;16"):
        raise InputError("its 16-bit pixels are stored in a way that is not read; save it as 16-bit RGB PNG or TIFF")
    has_alpha = mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in header.info
    wanted = "RGBA" if has_alpha else "RGB"
    return np.array(header if mode == wanted else header.convert(wanted)), profile
