"""Pictures in and out: what knows EXIF, ICC and file formats.

Read: JPEG, PNG, WebP, TIFF, BMP; 8 and 16 bit; grey, palette, CMYK (turned into sRGB) and with alpha. Pillow reads headers, profiles
and 8-bit pixels and notices truncated files; what Pillow narrows to 8 bits is the work of sixteen_bit.py.
Written: PNG (OpenCV), TIFF (tifffile), WebP, JPEG, BMP (Pillow), with the ICC profile of the photo, under a temporary name first;
BMP holds no profile, so its colours are turned into sRGB.
"""

import contextlib
import io
import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

from mattecli.errors import InputError, OutputError, UsageError
from mattecli.io.files import naming, reading, written_whole
from mattecli.io.sixteen_bit import ORIENTATION_TAG, encode_png, encode_tiff, orient, sixteen_bit_levels

Pixels = NDArray[np.unsignedinteger[Any]]

READ_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
ALPHA_SUFFIXES = (".png", ".webp", ".tif", ".tiff")
WRITE_SUFFIXES = READ_SUFFIXES
SIXTEEN_BIT_SUFFIXES = (".png", ".tif", ".tiff")
MAX_MEGAPIXELS = 250
STANDARD_STREAM = "-"

# The most pixels a side: a 14-bit field of WebP, and JPEG_MAX_DIMENSION of libjpeg's jmorecfg.h.
LONGEST_SIDES = {".webp": 16383, ".jpg": 65500, ".jpeg": 65500}

# What this program opens is decided by MAX_MEGAPIXELS. Pillow's own limit is the whole process's, so it is not for a call to change.
Image.MAX_IMAGE_PIXELS = None
# What the decoders and encoders raise over data they did not foresee, beside OSError.
_BAFFLED = (
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
)

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
_BITS_PER_SAMPLE_TAG = 258


@dataclass(frozen=True)
class Photo:
    """A picture as people see it: orientation applied.

    pixels: uint8 or uint16 [H, W, 3], RGB. alpha: the file's own transparency, [H, W] of the same dtype, or None where nothing is
    transparent; opaque: whether it has an alpha channel that hides nothing.
    icc: the profile the colours are meant in, or None (sRGB). lossy: whether the file was compressed with loss (JPEG, most WebP).
    """

    pixels: Pixels
    alpha: Pixels | None
    icc: bytes | None
    lossy: bool = False
    opaque: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)"""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def top(self) -> int:
        """The value of full intensity: 255 or 65535."""
        return int(np.iinfo(self.pixels.dtype).max)


def read_photo(source: str | Path) -> Photo:
    """Read a picture file, or stdin when `source` is "-".

    Raises InputError with one sentence for what is missing, no picture, truncated, too large or in a format that is not read.
    """
    data = _read_bytes(source)
    with _explained(source), naming(_named(source)), Image.open(io.BytesIO(data), formats=_FORMATS) as header:
        _check_megapixels(source, header)
        header.load()  # decodes everything, so a truncated file is noticed here
        orientation = header.getexif().get(ORIENTATION_TAG, 1)
        profile = header.info.get("icc_profile")
        lossy = header.format in ("JPEG", "MPO") or (header.format == "WEBP" and data[12:16] != b"VP8L")
        levels: Pixels | None = sixteen_bit_levels(data) if _is_sixteen_bit(data, header) else None
        if levels is None:
            levels, profile = _eight_bit_levels(source, header, profile)
    colours, alpha = _split_alpha(orient(levels, orientation))
    opaque = alpha is not None and bool(alpha.min() == np.iinfo(alpha.dtype).max)
    return Photo(_as_rgb(colours), None if opaque else alpha, _rgb_profile(profile), lossy=lossy, opaque=opaque)


def read_levels(source: str | Path) -> Pixels:
    """Read a guide (trimap, strokes, mask) as its plain levels: [H, W], [H, W, 3] RGB or [H, W, 4] RGBA, orientation applied."""
    photo = read_photo(source)
    grey = photo.pixels[..., 0]
    is_grey = bool((photo.pixels == grey[..., None]).all())
    if photo.alpha is not None:
        return np.dstack([photo.pixels, photo.alpha])
    return np.ascontiguousarray(grey) if is_grey else photo.pixels


def write_image(pixels: Pixels, destination: str | Path, *, icc: bytes | None = None, premultiplied: bool = False) -> None:
    """Write [H, W] grey, [H, W, 3] RGB or [H, W, 4] RGBA (straight alpha), 8 or 16 bit, to a file, or as PNG to stdout when it is "-".

    The format follows the suffix. The file gets its name only when it is complete. premultiplied: the RGBA's colours are multiplied by
    its alpha, which TIFF files say of themselves (others cannot). Raises OutputError, also for sides longer than the format has, or
    UsageError for a suffix that cannot hold the picture.
    """
    if str(destination) == STANDARD_STREAM:
        sys.stdout.buffer.write(encode_png(pixels, icc))
        sys.stdout.buffer.flush()
        return
    path = Path(destination)
    check_suffix(path, has_alpha=pixels.ndim == 3 and pixels.shape[2] == 4)
    _check_sides(path, pixels)
    with written_whole(path, advice="choose another place with -o") as stream:
        try:
            _encode(pixels, path.suffix.lower(), stream, icc, premultiplied=premultiplied)
        except _BAFFLED as error:
            raise OutputError(f"{path} cannot be written ({_said(error)}); choose another format") from error


def check_suffix(path: Path, *, has_alpha: bool) -> None:
    """UsageError when the suffix is none we write, or cannot hold transparency that is there."""
    suffix = path.suffix.lower()
    if suffix not in WRITE_SUFFIXES:
        raise UsageError(f"{path.name}: pictures are written as {', '.join(WRITE_SUFFIXES)}; choose one of these endings")
    if has_alpha and suffix not in ALPHA_SUFFIXES:
        raise UsageError(
            f"{path.name}: {suffix} cannot hold transparency; use {', '.join(ALPHA_SUFFIXES)}, or lay it over something with --over"
        )


def holds_sixteen_bit(destination: str | Path) -> bool:
    """Whether a destination keeps 16 bits a channel (stdout carries PNG, which does)."""
    return str(destination) == STANDARD_STREAM or Path(destination).suffix.lower() in SIXTEEN_BIT_SUFFIXES


def _read_bytes(source: str | Path) -> bytes:
    if str(source) == STANDARD_STREAM:
        data = sys.stdin.buffer.read()
    else:
        with reading(source):
            data = Path(source).read_bytes()
    if not data:
        raise InputError(f"{_named(source)} is empty (0 bytes); give a picture")
    return data


def _named(source: str | Path) -> str:
    return "stdin" if str(source) == STANDARD_STREAM else str(source)


@contextlib.contextmanager
def _explained(source: str | Path) -> Iterator[None]:
    """The decoders' exceptions as one sentence."""
    try:
        yield
    except UnidentifiedImageError as error:
        raise InputError(f"{_named(source)} is not a picture this program reads; give JPEG, PNG, WebP, TIFF or BMP") from error
    except (OSError, *_BAFFLED) as error:
        raise InputError(f"{_named(source)} is damaged or cut off ({_said(error)}); get a whole copy") from error


def _said(error: Exception) -> str:
    """What an exception says; its kind where it says nothing."""
    return str(error) or type(error).__name__


def _check_megapixels(source: str | Path, header: Image.Image) -> None:
    megapixels = header.width * header.height / 1e6
    if megapixels > MAX_MEGAPIXELS:
        raise InputError(
            f"{_named(source)} claims {header.width}x{header.height} pixels ({megapixels:.0f} megapixels), more than the {MAX_MEGAPIXELS} "
            "this program opens; scale it down first"
        )


def _check_sides(path: Path, pixels: Pixels) -> None:
    height, width = pixels.shape[:2]
    longest = LONGEST_SIDES.get(path.suffix.lower())
    if longest is not None and max(height, width) > longest:
        raise OutputError(
            f"{path} cannot be written: it has {width}x{height} pixels and {path.suffix} holds {longest} a side; use .png or .tif"
        )


def _is_sixteen_bit(data: bytes, header: Image.Image) -> bool:
    if header.format == "PNG":
        return data[24] == 16  # the bit depth in the header chunk
    if header.format == "TIFF":
        return 16 in header.tag_v2.get(_BITS_PER_SAMPLE_TAG, ())  # type: ignore[attr-defined]
    return False


def _eight_bit_levels(source: str | Path, header: Image.Image, profile: bytes | None) -> tuple[NDArray[np.uint8], bytes | None]:
    """8-bit RGB or RGBA and the profile it is in now."""
    mode = header.mode
    if mode == "CMYK":
        # Through the embedded printing profile where there is one, else by Pillow's plain formula.
        return np.array(_in_srgb(header, profile) or header.convert("RGB")), None
    if mode in ("LAB", "HSV", "F") or (mode.startswith("I") and not mode.startswith("I;16")):
        raise InputError(f"{_named(source)} stores its pixels as {mode}, which is not read; save it as 8 or 16-bit RGB")
    if mode.startswith("I;16"):
        raise InputError(f"{_named(source)} stores its 16-bit pixels in a way that is not read; save it as 16-bit RGB PNG or TIFF")
    has_alpha = mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in header.info
    return np.array(header.convert("RGBA" if has_alpha else "RGB")), profile


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image | None:
    """The picture turned from its profile into sRGB, or None without one that works."""
    if profile:
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            return ImageCms.profileToProfile(picture, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB")
    return None


def _split_alpha(levels: Any) -> tuple[Any, Any]:
    """Colours and alpha, None where there is no such channel."""
    if levels.ndim == 2 or levels.shape[2] in (1, 3):
        return levels, None
    return np.ascontiguousarray(levels[..., :-1]), np.ascontiguousarray(levels[..., -1])


def _as_rgb(colours: Any) -> Any:
    grey = colours if colours.ndim == 2 else colours[..., 0]
    return colours if colours.ndim == 3 and colours.shape[2] == 3 else np.repeat(grey[..., None], 3, axis=2)


def _rgb_profile(profile: bytes | None) -> bytes | None:
    """The profile if it describes RGB (bytes 16 to 20 name the colour space): a grey profile on an RGB result would be a lie."""
    return profile if profile and profile[16:20] == b"RGB " else None


def _encode(pixels: Pixels, suffix: str, stream: BinaryIO, icc: bytes | None, *, premultiplied: bool) -> None:
    profile = None if pixels.ndim == 2 else icc
    if suffix == ".png":
        stream.write(encode_png(pixels, profile))
    elif suffix in (".tif", ".tiff"):
        encode_tiff(pixels, stream, profile, alpha="assocalpha" if premultiplied else "unassalpha")
    else:
        _encode_with_pillow(pixels, suffix, stream, profile)


def _encode_with_pillow(pixels: Pixels, suffix: str, stream: BinaryIO, icc: bytes | None) -> None:
    picture = Image.fromarray(pixels)
    if suffix == ".bmp":
        (_in_srgb(picture, icc) or picture).save(stream, "BMP")
    elif suffix == ".webp":
        picture.save(stream, "WEBP", lossless=True, exact=True, icc_profile=icc)
    else:
        picture.save(stream, "JPEG", quality=95, subsampling=0, icc_profile=icc)
