"""Reading and writing of picture files, with EXIF and ICC profiles.

docs/formats.md lists the formats, the library that reads each, and what is kept. Results are written under a temporary name first. Colours
are converted to sRGB for BMP, which holds no profile, and to linear light for EXR.
"""

import contextlib
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from mattecli.errors import InputError, OutOfMemoryError, OutputError, UsageError
from mattecli.io.files import collect, naming, reading, stdin, write_stdout, written_whole
from mattecli.io.pictures.beside import NOTHING, Beside
from mattecli.io.pictures.decoders.decode import size_of
from mattecli.io.pictures.decoders.decoded import FIRST, File, Pick
from mattecli.io.pictures.encode import encode
from mattecli.io.pictures.exr_write import check_exr
from mattecli.io.pictures.file_options import PLAIN, FileOptions
from mattecli.io.pictures.light import Floats, Light
from mattecli.io.pictures.metadata import BAFFLED
from mattecli.io.pictures.photo import Photo, Pixels, photo_of_file, plain_levels
from mattecli.io.pictures.sizes import check_length

ALPHA_SUFFIXES = (".png", ".webp", ".tif", ".tiff", ".avif", ".exr")
WRITE_SUFFIXES = (".jpg", ".jpeg", *ALPHA_SUFFIXES, ".bmp")
SIXTEEN_BIT_SUFFIXES = (".png", ".tif", ".tiff", ".avif", ".exr")
"""AVIF keeps ten bits of them, and EXR half floats."""
STANDARD_STREAM = "-"
CHUNK = 1 << 20

# The most pixels a side: a 14-bit field of WebP, and JPEG_MAX_DIMENSION of libjpeg's jmorecfg.h.
LONGEST_SIDES = {".webp": 16383, ".avif": 65536, ".jpg": 65500, ".jpeg": 65500}


def read_photo(source: str | Path, *, most: int | None = None, pick: Pick = FIRST, as_levels: bool = False) -> Photo:
    """Read a picture file, or stdin when `source` is "-". most: the limit in bytes of memory, None for none. pick: which of its pictures.

    as_levels: its numbers are a matte's or guide's: greys of any profile as they are, and floats as shares of 65535, not as light.
    Raises InputError for a file that is missing, no picture, truncated, too large or in an unsupported format.
    """
    data = read_bytes(source)
    path = None if str(source) == STANDARD_STREAM else str(source)
    with _explained(source), naming(_named(source)):
        photo = photo_of_file(File(_named(source), data, path, pick, most, as_levels))
        collect(_named(source), photo.notes)
        return photo


def read_photo_bytes(data: bytes, *, named: str = "the picture") -> Photo:
    """Read a picture from the bytes of a file. Raises InputError as read_photo does, with `named` as the name."""
    if not data:
        raise InputError(f"{named} is empty (0 bytes); give a picture")
    with _explained(named), naming(named):
        return photo_of_file(File(named, data))


def picture_size(source: str | Path) -> tuple[int, int]:
    """The (height, width) that a picture file claims, orientation not applied; no pixels are decoded. Raises InputError."""
    with _explained(source), naming(_named(source)):
        return size_of(File(_named(source), read_bytes(source), str(source)))


def read_values(source: str | Path) -> Floats:
    """Read a matte as numbers in 0..1: float32, of the shapes of read_levels; those of files of floats as they are."""
    photo = read_photo(source, as_levels=True)
    if photo.light is None:
        return _shares(plain_levels(photo))
    colours, alpha = photo.light.straight, photo.light.alpha
    if alpha is not None:
        return np.dstack([colours, alpha])
    return np.ascontiguousarray(colours[..., 0]) if bool((colours == colours[..., :1]).all()) else colours


def _shares(levels: Pixels) -> Floats:
    return levels.astype(np.float32) / np.float32(np.iinfo(levels.dtype).max)


def read_levels(source: str | Path) -> Pixels:
    """Read a guide (trimap, strokes, mask) as its plain levels: [H, W], [H, W, 3] RGB or [H, W, 4] RGBA, orientation applied."""
    return plain_levels(read_photo(source, as_levels=True))


def write_image(
    picture: Pixels | Floats | Light,
    destination: str | Path,
    *,
    icc: bytes | None = None,
    dpi: tuple[float, float] | None = None,
    exif: bytes | None = None,
    premultiplied: bool = False,
    options: FileOptions = PLAIN,
) -> None:
    """Write a picture to a file, or as PNG to stdout when it is "-".

    picture: integers [H, W] grey, [H, W, 3] RGB or [H, W, 4] RGBA (straight alpha), 8 or 16 bit; light; or a matte of floats [H, W]. The
    format follows the suffix; an EXR holds light, which integers become. The file gets its name only when it is complete. dpi: pixels an
    inch, across and down. exif: Exif data. premultiplied: the RGBA's colours are multiplied by its alpha, which TIFF files say of
    themselves (others cannot). Raises OutputError, also for sides longer than the format has, or UsageError for a suffix that cannot hold
    the picture.
    """
    beside = Beside(icc, dpi, exif, premultiplied)
    if str(destination) == STANDARD_STREAM:
        write_stdout(_encoded(picture, Path("stdout.png"), beside, options))
        return
    path = Path(destination)
    _check(picture, path, options)
    with written_whole(path, advice="choose another place") as stream:
        try:
            encode(picture, path.suffix.lower(), stream, beside, options)
        except BAFFLED as error:
            raise OutputError(f"{path} cannot be written ({_said(error)}); choose another format") from error


def encode_image(picture: Pixels | Floats | Light, suffix: str, beside: Beside = NOTHING, options: FileOptions = PLAIN) -> bytes:
    """Encode a picture as the bytes of a file, as write_image writes it; suffix: such as ".png", or a file name with it for errors."""
    path = Path(suffix if Path(suffix).suffix else f"picture{suffix}")
    try:
        return _encoded(picture, path, beside, options)
    except BAFFLED as error:
        raise OutputError(f"the picture cannot be encoded as {suffix} ({_said(error)}); choose another format") from error


def _encoded(picture: Pixels | Floats | Light, path: Path, beside: Beside, options: FileOptions) -> bytes:
    _check(picture, path, options)
    stream = io.BytesIO()
    encode(picture, path.suffix.lower(), stream, beside, options)
    return stream.getvalue()


def _check(picture: Pixels | Floats | Light, path: Path, options: FileOptions) -> None:
    if isinstance(picture, Light):
        size, has_alpha = picture.size, picture.alpha is not None
    else:
        size, has_alpha = (picture.shape[0], picture.shape[1]), picture.ndim == 3 and picture.shape[2] == 4
    check_suffix(path, has_alpha=has_alpha, options=options)
    _check_sides(path, size)


def says_premultiplied(pattern: str) -> bool:
    """Whether files of this ending can state that their colours are premultiplied."""
    return Path(pattern).suffix.lower() in (".tif", ".tiff")


def check_suffix(path: Path, *, has_alpha: bool, options: FileOptions = PLAIN) -> None:
    """UsageError when pictures are not written with this suffix, or it cannot hold their transparency or the requested options."""
    suffix = path.suffix.lower()
    if suffix not in WRITE_SUFFIXES:
        raise UsageError(f"{path.name}: pictures are written as {', '.join(WRITE_SUFFIXES)}; choose one of these endings")
    if has_alpha and suffix not in ALPHA_SUFFIXES:
        raise UsageError(
            f"{path.name}: {suffix} cannot hold transparency; use {', '.join(ALPHA_SUFFIXES)}, or lay it over something with `backdrop`"
        )
    options.check(path)
    if suffix == ".exr":
        check_exr(path.name)


def holds_sixteen_bit(destination: str | Path) -> bool:
    """Whether a destination keeps 16 bits a channel (stdout carries PNG, which does)."""
    return str(destination) == STANDARD_STREAM or Path(destination).suffix.lower() in SIXTEEN_BIT_SUFFIXES


def read_bytes(source: str | Path) -> bytes:
    """The content of a file or pipe, or of stdin for "-". Raises InputError for an empty or an endless one, too."""
    name = _named(source)
    with reading(name):
        if str(source) == STANDARD_STREAM:
            data = _piped(stdin(), name)
        else:
            with Path(source).open("rb") as stream:
                data = _content(stream, name)
    if not data:
        raise InputError(f"{name} is empty (0 bytes); give a picture")
    return data


def _content(stream: BinaryIO, name: str) -> bytes:
    status = os.fstat(stream.fileno())
    if not stat.S_ISREG(status.st_mode):
        return _piped(stream, name)
    check_length(name, status.st_size)
    return stream.read()


def _piped(stream: BinaryIO, name: str) -> bytes:
    """What comes until the end of a pipe or device, which state no length."""
    content = io.BytesIO()
    while chunk := stream.read(CHUNK):
        content.write(chunk)
        check_length(name, content.tell())
    return content.getvalue()


def _named(source: str | Path) -> str:
    return "stdin" if str(source) == STANDARD_STREAM else str(source)


@contextlib.contextmanager
def _explained(source: str | Path) -> Iterator[None]:
    """Convert the decoders' exceptions into an InputError."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{_named(source)} has more pixels than Pillow opens in this process; raise PIL.Image.MAX_IMAGE_PIXELS, or scale it down first"
        ) from error
    except UnidentifiedImageError as error:
        raise InputError(
            f"{_named(source)} is not a picture this program reads; give JPEG, PNG, HEIC, WebP, TIFF or another of those in docs/formats.md"
        ) from error
    except MemoryError as error:
        raise OutOfMemoryError(f"there is too little memory to read {_named(source)}; free some, or scale it down first") from error
    except (OSError, *BAFFLED) as error:
        raise InputError(f"{_named(source)} is damaged or cut off ({_said(error)}); get a whole copy") from error


def _said(error: Exception) -> str:
    """An exception's message, or its class where that is empty."""
    return " ".join(str(error).split()) or type(error).__name__


def _check_sides(path: Path, size: tuple[int, int]) -> None:
    height, width = size
    longest = LONGEST_SIDES.get(path.suffix.lower())
    if longest is not None and max(height, width) > longest:
        raise OutputError(
            f"{path} cannot be written: it has {width}x{height} pixels and {path.suffix} holds {longest} a side; use .png or .tif"
        )
