"""Pictures as files, with what they carry: PNG here, TIFF by tifffile, EXR by OpenImageIO, AVIF, WebP, JPEG and BMP by Pillow."""

import contextlib
import io
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from mattecli.errors import OutputError
from mattecli.io.pictures.beside import Beside
from mattecli.io.pictures.exr_write import encode_exr
from mattecli.io.pictures.file_options import DEPTHS, FLOATS, PLAIN, FileOptions
from mattecli.io.pictures.light import Floats, Light, light_of, shown, sixteen_bit
from mattecli.io.pictures.metadata import RESOLUTION_UNIT_TAG, X_RESOLUTION_TAG, Y_RESOLUTION_TAG, loaded_exif
from mattecli.io.pictures.png_write import encode_png
from mattecli.io.sixteen_bit import encode_tiff

Pixels = NDArray[np.unsignedinteger[Any]]
Resolution = tuple[float, float] | None

_INCHES = 2
_JPEG_QUALITY, _AVIF_QUALITY = 95, 90
_AVIF_SPEED = 6


def encode(picture: Pixels | Floats | Light, suffix: str, stream: BinaryIO, beside: Beside, options: FileOptions = PLAIN) -> None:
    """Write a picture as a file of a suffix, such as .png.

    picture: integers [H, W] grey, [H, W, 3] RGB or [H, W, 4] RGBA; light; or a matte of floats [H, W]. Grey ones carry no profile. Floats
    become integers where the format has none.
    """
    if options.strip:
        beside = Beside(beside.icc, premultiplied=beside.premultiplied)
    if suffix == ".exr" or options.depth in FLOATS or (_is_floats(picture) and FLOATS[1] in DEPTHS[suffix]):
        _encode_floats(as_floats(picture, beside), suffix, stream, beside, options)
    else:
        _encode_levels(as_levels(picture, deep=len(DEPTHS[suffix]) > 1), suffix, stream, beside, options)


def _encode_levels(pixels: Pixels, suffix: str, stream: BinaryIO, beside: Beside, options: FileOptions) -> None:
    profile = None if pixels.ndim == 2 else beside.icc
    if suffix == ".png":
        encode_png(pixels, stream, beside)
    elif suffix in (".tif", ".tiff"):
        alpha = "assocalpha" if beside.premultiplied else "unassalpha"
        encode_tiff(pixels, stream, profile, alpha=alpha, dpi=beside.dpi, texts=_texts_of(beside))
    elif suffix == ".avif" and pixels.dtype == np.uint16:
        _encode_deep_avif(pixels, stream, beside, options)
    else:
        _encode_with_pillow(pixels, suffix, stream, beside, options)


def _is_floats(picture: Pixels | Floats | Light) -> bool:
    return isinstance(picture, Light) or picture.dtype == np.float32


def as_floats(picture: Any, beside: Beside) -> Light | Floats:
    """Integers as light, by their profile or sRGB; greys as shares of full intensity; floats as they are."""
    if _is_floats(picture):
        return picture
    if picture.ndim == 2:
        return np.asarray(picture / np.float32(np.iinfo(picture.dtype).max), np.float32)
    alpha = picture[..., 3] if picture.shape[2] == 4 else None
    return light_of(_in_srgb_levels(np.ascontiguousarray(picture[..., :3]), beside.icc), alpha)


def as_levels(picture: Any, *, deep: bool) -> Pixels:
    """Floats as 16-bit levels, or as 8-bit ones where not `deep`; integers as they are."""
    if not _is_floats(picture):
        return picture
    levels = shown(picture) if isinstance(picture, Light) else sixteen_bit(picture)
    return levels if deep else ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _in_srgb_levels(colours: Pixels, icc: bytes | None) -> Pixels:
    if icc is None:
        return colours
    from mattecli.io.icc import converted  # here, because icc's own imports lead to this module

    return converted(colours, icc, None)


def _encode_floats(picture: Light | Floats, suffix: str, stream: BinaryIO, beside: Beside, options: FileOptions) -> None:
    if suffix == ".exr":
        encode_exr(picture, stream, beside, depth=options.depth or "half", straight=options.straight)
        return
    if isinstance(picture, Light):
        seen = picture.within(None)
        colours = seen.colours if beside.premultiplied else seen.straight
        planes = colours if seen.alpha is None else np.dstack([colours, seen.alpha])
    else:
        planes = picture
    kind = "assocalpha" if beside.premultiplied else "unassalpha"
    encode_tiff(np.ascontiguousarray(planes), stream, None, alpha=kind, dpi=beside.dpi, texts=_texts_of(beside))


def in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image | None:
    """The picture converted from its profile to sRGB, or None without a valid profile."""
    if profile:
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            return ImageCms.profileToProfile(picture, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB")
    return None


def _encode_with_pillow(pixels: Pixels, suffix: str, stream: BinaryIO, beside: Beside, options: FileOptions) -> None:
    picture = Image.fromarray(pixels)
    icc = None if pixels.ndim == 2 else beside.icc
    carried: dict[str, Any] = {"icc_profile": icc}
    if beside.exif is not None or (beside.dpi is not None and suffix in (".webp", ".avif")):
        carried["exif"] = _exif_of(beside)
    if suffix == ".bmp":
        (in_srgb(picture, icc) or picture).save(stream, "BMP", **_stated(beside.dpi))
    elif suffix == ".webp" and options.quality is None:
        picture.save(stream, "WEBP", lossless=True, exact=True, **carried)
    elif suffix == ".webp":
        picture.save(stream, "WEBP", quality=options.quality, alpha_quality=100, **carried)
    elif suffix == ".avif":
        picture.save(stream, "AVIF", quality=options.quality or _AVIF_QUALITY, subsampling="4:4:4", speed=_AVIF_SPEED, **carried)
    else:
        picture.save(stream, "JPEG", quality=options.quality or _JPEG_QUALITY, subsampling=0, **carried, **_stated(beside.dpi))


def _encode_deep_avif(pixels: Pixels, stream: BinaryIO, beside: Beside, options: FileOptions) -> None:
    """Ten bits a channel, by OpenCV; Pillow writes eight."""
    levels = ((pixels.astype(np.uint32) * 1023 + 32767) // 65535).astype(np.uint16)
    order: Any = np.repeat(levels[..., None], 3, axis=2) if levels.ndim == 2 else levels[..., [2, 1, 0, 3][: levels.shape[2]]]
    exif = _exif_of(beside).tobytes() if beside.exif is not None or beside.dpi is not None else None
    carried = {cv2.IMAGE_METADATA_ICCP: beside.icc if pixels.ndim == 3 else None, cv2.IMAGE_METADATA_EXIF: exif}
    kinds = [kind for kind, content in carried.items() if content]
    contents: Any = [np.frombuffer(content, np.uint8) for content in carried.values() if content]
    quality = options.quality or _AVIF_QUALITY
    settings = [cv2.IMWRITE_AVIF_DEPTH, 10, cv2.IMWRITE_AVIF_QUALITY, quality, cv2.IMWRITE_AVIF_SPEED, _AVIF_SPEED]
    try:
        done, data = cv2.imencodeWithMetadata(".avif", np.ascontiguousarray(order), kinds, contents, settings)
    except cv2.error:
        done = False
    if not done:
        raise OutputError("the AVIF encoder failed; try another format")
    stream.write(data.tobytes())


def _stated(dpi: Resolution) -> dict[str, Any]:
    return {} if dpi is None else {"dpi": dpi}


def _exif_of(beside: Beside) -> Image.Exif:
    """Exif data with the resolution among them, for WebP and AVIF, which have no other place for it."""
    exif = loaded_exif(beside.exif)
    if beside.dpi is not None:
        exif[X_RESOLUTION_TAG], exif[Y_RESOLUTION_TAG], exif[RESOLUTION_UNIT_TAG] = *beside.dpi, _INCHES
    return exif


def _texts_of(beside: Beside) -> list[tuple[int, str]]:
    """What TIFF files have tags for themselves: description, make, model, software, date, artist, copyright."""
    return [(tag, text) for tag, text in sorted(loaded_exif(beside.exif).items()) if isinstance(text, str) and text.isascii()]
