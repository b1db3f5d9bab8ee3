"""Reading and writing of pictures, with EXIF and ICC profiles.

What is read, by which library, and what is kept of it is in docs/formats.md.
Results are written under a temporary name first. Formats without a profile (BMP, EXR) hold sRGB, or light of its primaries, into which
colours are turned.
"""

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mattecli.errors import InputError, OutOfMemoryError, OutputError, UsageError
from mattecli.io.files import hear, naming, read_stdin, reading, write_stdout, written_whole
from mattecli.io.pictures.beside import NOTHING, Beside
from mattecli.io.pictures.decoders.decode import decode, size_of
from mattecli.io.pictures.decoders.decoded import FIRST, File, Pick
from mattecli.io.pictures.encode import encode
from mattecli.io.pictures.exr_write import check_exr
from mattecli.io.pictures.file_options import PLAIN, FileOptions
from mattecli.io.pictures.grey import grey_in_srgb, is_grey_profile
from mattecli.io.pictures.light import Floats, Light
from mattecli.io.pictures.metadata import BAFFLED, Metadata
from mattecli.io.sixteen_bit import orient

Pixels = NDArray[np.unsignedinteger[Any]]

ALPHA_SUFFIXES = (".png", ".webp", ".tif", ".tiff", ".avif", ".exr")
WRITE_SUFFIXES = (".jpg", ".jpeg", *ALPHA_SUFFIXES, ".bmp")
SIXTEEN_BIT_SUFFIXES = (".png", ".tif", ".tiff", ".avif", ".exr")
"""AVIF keeps ten bits of them, and EXR half floats."""
STANDARD_STREAM = "-"

# The most pixels a side: a 14-bit field of WebP, and JPEG_MAX_DIMENSION of libjpeg's jmorecfg.h.
LONGEST_SIDES = {".webp": 16383, ".avif": 65536, ".jpg": 65500, ".jpeg": 65500}


@dataclass(frozen=True)
class Photo:
    """A picture with its orientation applied.

    pixels: uint8 or uint16 [H, W, 3], RGB. alpha: the file's own transparency, [H, W] of the same dtype, or None where nothing is
    transparent; opaque: whether it has an alpha channel that is opaque.
    icc: the profile of the colours, or None (sRGB). lossy: whether the file was compressed with loss (JPEG, most WebP).
    dpi: its resolution in pixels an inch, across and down, or None. notes: notes for the user about reading it. exif: what it says
    of camera and date, as Exif data, or None. light: of a file of floats the floats; `pixels` are then what a screen shows of them.
    """

    pixels: Pixels
    alpha: Pixels | None
    icc: bytes | None
    lossy: bool = False
    opaque: bool = False
    dpi: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()
    exif: bytes | None = None
    light: Light | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)"""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def top(self) -> int:
        """The value of full intensity: 255 or 65535."""
        return int(np.iinfo(self.pixels.dtype).max)


def read_photo(source: str | Path, *, most: int | None = None, pick: Pick = FIRST) -> Photo:
    """Read a picture file, or stdin when `source` is "-"; most: bytes that this may take, None for any number; pick: which of its pictures.

    Raises InputError for a file that is missing, no picture, truncated, too large or in an unsupported format.
    """
    return _read(source, as_levels=False, most=most, pick=pick)


def _read(source: str | Path, *, as_levels: bool, most: int | None = None, pick: Pick = FIRST) -> Photo:
    data = _read_bytes(source)
    path = None if str(source) == STANDARD_STREAM else str(source)
    with _explained(source), naming(_named(source)):
        photo = _photo_of(File(_named(source), data, path, pick, most, as_levels))
        hear(_named(source), photo.notes)
        return photo


def read_photo_bytes(data: bytes, *, named: str = "the picture") -> Photo:
    """The picture in the bytes of a file; errors are those of read_photo and call it `named`."""
    if not data:
        raise InputError(f"{named} is empty (0 bytes); give a picture")
    with _explained(named), naming(named):
        return _photo_of(File(named, data))


def _photo_of(file: File) -> Photo:
    """A picture file as a Photo. Profiles of greys that are no colours (File.as_levels) are ignored."""
    decoded = decode(file)
    metadata, notes = decoded.metadata, decoded.notes
    colours, alpha = _split_alpha(orient(decoded.levels, metadata.orientation))
    if is_grey_profile(metadata.icc) and not file.as_levels:
        colours, told = _in_srgb_greys(colours, metadata.icc or b"")
        notes = (*notes, *told)
    profile = _rgb_profile(metadata.icc)
    if metadata.icc and profile is None and not (file.as_levels or is_grey_profile(metadata.icc)):
        notes = (*notes, "its colour profile is damaged or none of RGB and left out, so its colours are taken for sRGB")
    opaque = alpha is not None and bool(alpha.min() == np.iinfo(alpha.dtype).max)
    return Photo(
        _as_rgb(colours),
        None if opaque else alpha,
        profile,
        lossy=decoded.lossy,
        opaque=opaque,
        dpi=_turned(metadata),
        notes=notes,
        exif=metadata.exif,
        light=None if decoded.light is None else _upright(decoded.light, metadata.orientation),
    )


def _upright(light: Light, orientation: int) -> Light:
    alpha = None if light.alpha is None else orient(light.alpha, orientation)
    return replace(light, colours=orient(light.colours, orientation), alpha=alpha)


def _in_srgb_greys(colours: Any, profile: bytes) -> tuple[Any, list[str]]:
    """Greys converted from their profile to sRGB, and notes for the user."""
    grey = colours if colours.ndim == 2 else colours[..., 0]
    found = grey_in_srgb(grey, profile)
    if found is None:
        return colours, ["its colour profile is damaged and left out, so its greys are taken for sRGB"]
    return found, []


def _turned(metadata: Metadata) -> tuple[float, float] | None:
    """The resolution of the upright picture."""
    if metadata.dpi is None or metadata.orientation < 5:
        return metadata.dpi
    return metadata.dpi[1], metadata.dpi[0]


def picture_size(source: str | Path) -> tuple[int, int]:
    """The (height, width) that a picture file claims, orientation not applied; no pixels are decoded. Raises InputError."""
    with _explained(source), naming(_named(source)):
        return size_of(File(_named(source), _read_bytes(source), str(source)))


def read_values(source: str | Path) -> Floats:
    """Read a matte as numbers in 0..1: float32, of the shapes of read_levels; those of files of floats as they are."""
    photo = _read(source, as_levels=True)
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
    return plain_levels(_read(source, as_levels=True))


def plain_levels(photo: Photo) -> Pixels:
    """A picture's levels: [H, W] where it is grey, [H, W, 3] RGB, or [H, W, 4] RGBA where something is transparent."""
    grey = photo.pixels[..., 0]
    is_grey = bool((photo.pixels == grey[..., None]).all())
    if photo.alpha is not None:
        return np.dstack([photo.pixels, photo.alpha])
    return np.ascontiguousarray(grey) if is_grey else photo.pixels


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
    """A picture file as bytes, the picture as write_image takes it; `suffix` decides the format: ".png", or a name with it for errors."""
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
    """UsageError when the suffix is none we write, or cannot hold transparency that is there, or what the options ask for."""
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


def _read_bytes(source: str | Path) -> bytes:
    if str(source) == STANDARD_STREAM:
        data = read_stdin()
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


def _split_alpha(levels: Any) -> tuple[Any, Any]:
    """Colours and alpha, None where there is no such channel."""
    if levels.ndim == 2 or levels.shape[2] in (1, 3):
        return levels, None
    return np.ascontiguousarray(levels[..., :-1]), np.ascontiguousarray(levels[..., -1])


def _as_rgb(colours: Any) -> Any:
    grey = colours if colours.ndim == 2 else colours[..., 0]
    return colours if colours.ndim == 3 and colours.shape[2] == 3 else np.repeat(grey[..., None], 3, axis=2)


def _rgb_profile(profile: bytes | None) -> bytes | None:
    """The profile if it is sound and describes RGB (bytes 16 to 20 name the colour space): a grey one on an RGB result would be wrong."""
    from mattecli.io.icc import is_sound

    return profile if profile and profile[16:20] == b"RGB " and is_sound(profile) else None
