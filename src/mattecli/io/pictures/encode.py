"""Pictures as files, with profile and resolution: PNG by OpenCV, TIFF by tifffile, WebP, JPEG and BMP by Pillow."""

import contextlib
import io
import struct
import zlib
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from mattecli.io.pictures.metadata import METRES_PER_INCH, RESOLUTION_UNIT_TAG, X_RESOLUTION_TAG, Y_RESOLUTION_TAG
from mattecli.io.sixteen_bit import encode_png, encode_tiff

Pixels = NDArray[np.unsignedinteger[Any]]
Resolution = tuple[float, float] | None

_HEADER_ENDS = 33
"""A PNG's signature and its first chunk, IHDR."""
_INCHES = 2


def encode(pixels: Pixels, suffix: str, stream: BinaryIO, *, icc: bytes | None, dpi: Resolution, premultiplied: bool) -> None:
    """Write [H, W] grey, [H, W, 3] RGB or [H, W, 4] RGBA as a file of a suffix, such as .png. Grey ones carry no profile.

    dpi: pixels an inch, across and down. premultiplied: see encode_tiff.
    """
    profile = None if pixels.ndim == 2 else icc
    if suffix == ".png":
        stream.write(with_resolution(encode_png(pixels, profile), dpi))
    elif suffix in (".tif", ".tiff"):
        encode_tiff(pixels, stream, profile, alpha="assocalpha" if premultiplied else "unassalpha", dpi=dpi)
    else:
        _encode_with_pillow(pixels, suffix, stream, profile, dpi)


def with_resolution(png: bytes, dpi: Resolution) -> bytes:
    """A PNG file that states its resolution, which OpenCV does not write."""
    if dpi is None:
        return png
    across, down = (round(value / METRES_PER_INCH) for value in dpi)
    content = b"pHYs" + struct.pack(">IIB", across, down, 1)
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    return png[:_HEADER_ENDS] + chunk + png[_HEADER_ENDS:]


def in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image | None:
    """The picture turned from its profile into sRGB, or None without one that works."""
    if profile:
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            return ImageCms.profileToProfile(picture, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB")
    return None


def _encode_with_pillow(pixels: Pixels, suffix: str, stream: BinaryIO, icc: bytes | None, dpi: Resolution) -> None:
    picture = Image.fromarray(pixels)
    stated = {} if dpi is None else {"dpi": dpi}
    if suffix == ".bmp":
        (in_srgb(picture, icc) or picture).save(stream, "BMP", **stated)
    elif suffix == ".webp":
        exif = {} if dpi is None else {"exif": _exif_of(dpi)}
        picture.save(stream, "WEBP", lossless=True, exact=True, icc_profile=icc, **exif)
    else:
        picture.save(stream, "JPEG", quality=95, subsampling=0, icc_profile=icc, **stated)


def _exif_of(dpi: tuple[float, float]) -> Image.Exif:
    """Exif data that say a resolution, for WebP, which has no other place for it."""
    exif = Image.Exif()
    exif[X_RESOLUTION_TAG], exif[Y_RESOLUTION_TAG], exif[RESOLUTION_UNIT_TAG] = *dpi, _INCHES
    return exif
