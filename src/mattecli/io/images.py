"""Pictures in and out: what knows EXIF, ICC and file formats.

Read: JPEG, PNG, WebP, TIFF, BMP; 8 and 16 bit; grey, palette, CMYK (turned into sRGB) and with alpha. Pillow reads headers, profiles
and 8-bit pixels and notices truncated files; what Pillow narrows to 8 bits is the work of sixteen_bit.py.
Written: PNG, TIFF, WebP, JPEG, BMP, with the ICC profile and the resolution of the photo, under a temporary name first; BMP holds no
profile, so its colours are turned into sRGB.
"""

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mattecli.errors import InputError, OutputError, UsageError
from mattecli.io.files import naming, read_stdin, reading, write_stdout, written_whole
from mattecli.io.pictures.encode import encode, in_srgb, with_resolution
from mattecli.io.pictures.formats import ENDINGS, format_of
from mattecli.io.pictures.grey import grey_in_srgb, is_grey_profile
from mattecli.io.pictures.jpeg import jpeg_damage, whole_jpeg, with_end
from mattecli.io.pictures.metadata import BAFFLED, Metadata, metadata_of, split_png, without_metadata
from mattecli.io.pictures.sizes import check_size, claimed_size, webp_size
from mattecli.io.sixteen_bit import encode_png, orient, sixteen_bit_levels

Pixels = NDArray[np.unsignedinteger[Any]]

ALPHA_SUFFIXES = (".png", ".webp", ".tif", ".tiff")
WRITE_SUFFIXES = (".jpg", ".jpeg", *ALPHA_SUFFIXES, ".bmp")
SIXTEEN_BIT_SUFFIXES = (".png", ".tif", ".tiff")
STANDARD_STREAM = "-"

# The most pixels a side: a 14-bit field of WebP, and JPEG_MAX_DIMENSION of libjpeg's jmorecfg.h.
LONGEST_SIDES = {".webp": 16383, ".jpg": 65500, ".jpeg": 65500}

_BITS_PER_SAMPLE_TAG = 258


@dataclass(frozen=True)
class Photo:
    """A picture as people see it: orientation applied.

    pixels: uint8 or uint16 [H, W, 3], RGB. alpha: the file's own transparency, [H, W] of the same dtype, or None where nothing is
    transparent; opaque: whether it has an alpha channel that hides nothing.
    icc: the profile the colours are meant in, or None (sRGB). lossy: whether the file was compressed with loss (JPEG, most WebP).
    dpi: its resolution in pixels an inch, across and down, or None. notes: what a person should know of how it was read.
    """

    pixels: Pixels
    alpha: Pixels | None
    icc: bytes | None
    lossy: bool = False
    opaque: bool = False
    dpi: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)"""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def top(self) -> int:
        """The value of full intensity: 255 or 65535."""
        return int(np.iinfo(self.pixels.dtype).max)


def read_photo(source: str | Path, *, most: int | None = None) -> Photo:
    """Read a picture file, or stdin when `source` is "-"; most: bytes that this may take, None for any number.

    Raises InputError with one sentence for what is missing, no picture, truncated, too large or in a format that is not read.
    """
    return _read(source, as_levels=False, most=most)


def _read(source: str | Path, *, as_levels: bool, most: int | None = None) -> Photo:
    data = _read_bytes(source)
    with _explained(source), naming(_named(source)):
        return _decoded(source, data, as_levels=as_levels, most=most)


def read_photo_bytes(data: bytes, *, named: str = "the picture") -> Photo:
    """The picture in the bytes of a file; errors are those of read_photo and call it `named`."""
    if not data:
        raise InputError(f"{named} is empty (0 bytes); give a picture")
    with _explained(named), naming(named):
        return _decoded(named, data)


def _decoded(source: str | Path, data: bytes, *, as_levels: bool = False, most: int | None = None) -> Photo:
    """A picture file as a Photo. as_levels: its numbers count and not the colours they mean, so profiles of greys are passed over."""
    kind = format_of(data)
    data, said = split_png(data) if kind == "PNG" else (data, None)
    size = webp_size(data) if kind == "WEBP" else None
    if size is not None:
        check_size(_named(source), *size, most=most)
    with _opened(source, data, most) as (header, data, notes, levels):
        metadata = metadata_of(header, said)
        profile = metadata.icc
        if _is_sixteen_bit(data, header):
            levels = sixteen_bit_levels(data)
        if levels is None:
            levels, profile = _eight_bit_levels(source, header, profile)
        lossy = header.format in ("JPEG", "MPO") or (header.format == "WEBP" and data[12:16] != b"VP8L")
    colours, alpha = _split_alpha(orient(levels, metadata.orientation))
    if is_grey_profile(profile) and not as_levels:
        colours, told = _in_srgb_greys(colours, profile or b"")
        notes += told
    opaque = alpha is not None and bool(alpha.min() == np.iinfo(alpha.dtype).max)
    return Photo(
        _as_rgb(colours),
        None if opaque else alpha,
        _rgb_profile(profile),
        lossy=lossy,
        opaque=opaque,
        dpi=_turned(metadata),
        notes=(*notes, *metadata.notes, *_left_out(metadata.frames, header)),
    )


@contextlib.contextmanager
def _opened(source: str | Path, data: bytes, most: int | None) -> Iterator[tuple[Image.Image, bytes, list[str], Pixels | None]]:
    """A picture with its pixels decoded, so that a truncated one is noticed; the data they came from; and what was mended for that.

    The pixels are Pillow's, or, last, those of a JPEG file without any fault.
    """
    notes: list[str] = []
    kind = format_of(data)
    if kind == "JPEG" and (found := _faultless_jpeg(source, data, most)) is not None:
        with found[0]:
            yield found[0], data, notes, found[1]
        return
    try:
        header = _loaded(source, data, most)
    except (OSError, *BAFFLED):
        if kind != "JPEG":
            raise
        header, data = _mended_jpeg(source, data, notes, most)
    else:
        if kind == "JPEG" and (damage := jpeg_damage(data)):
            notes.append(f"its pixels are damaged ({damage}), so parts of the picture may be wrong")
    with header:
        yield header, data, notes, None


def _faultless_jpeg(source: str | Path, data: bytes, most: int | None) -> tuple[Image.Image, Pixels] | None:
    """A JPEG file's header and pixels, decoded once; None for a file that may have a fault, or holds no greys or colours."""
    with contextlib.suppress(OSError, *BAFFLED):
        header = _header(source, data, most)
        levels = whole_jpeg(data) if header.mode in ("L", "RGB") else None
        if levels is not None and levels.shape[:2] == (header.height, header.width):
            return header, levels
    return None


def _loaded(source: str | Path, data: bytes, most: int | None) -> Image.Image:
    header = _header(source, data, most)
    header.load()
    return header


def _header(source: str | Path, data: bytes, most: int | None) -> Image.Image:
    """A picture opened by Pillow, of a size that this program takes; its pixels are not decoded."""
    header = Image.open(io.BytesIO(data), formats=tuple(ENDINGS))
    check_size(_named(source), header.width, header.height, most=most, bits=16 if _is_sixteen_bit(data, header) else 8)
    return header


def _mended_jpeg(source: str | Path, data: bytes, notes: list[str], most: int | None) -> tuple[Image.Image, bytes]:
    """A JPEG file that Pillow refuses, with what it lacks or without what it need not have, as the notes will say.

    Raises what Pillow raises where nothing helps.
    """
    whole = with_end(data)
    if whole is not None:
        with contextlib.suppress(OSError, *BAFFLED):
            header = _loaded(source, whole, most)
            notes.append("it lacks its end marker; all its pixels are there")
            return header, whole
    bare = without_metadata(data if whole is None else whole)
    if jpeg_damage(bare) is None:
        header = _loaded(source, bare, most)
        notes.append("its metadata are damaged and left out: profile, orientation and resolution")
        return header, bare
    return _loaded(source, data, most), data


def _in_srgb_greys(colours: Any, profile: bytes) -> tuple[Any, list[str]]:
    """Greys brought from their profile into sRGB, and what a person should know of that."""
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


def _left_out(frames: int, header: Image.Image) -> tuple[str, ...]:
    if frames < 2:
        return ()
    if header.format == "TIFF":
        return (f"it has {frames} pages, of which the first is taken; save the others as files of their own",)
    if header.format == "MPO":
        return (f"it holds {frames} pictures, of which the first is taken",)
    return (f"it has {frames} frames, of which the first is taken; `matte video` takes them all",)


def picture_size(source: str | Path) -> tuple[int, int]:
    """The (height, width) that a picture file claims, orientation not applied; no pixels are decoded. Raises InputError."""
    data = _read_bytes(source)
    size = claimed_size(data)
    if size is None:
        with _explained(source), Image.open(io.BytesIO(data), formats=tuple(ENDINGS)) as header:
            size = header.size
    return size[1], size[0]


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
    pixels: Pixels,
    destination: str | Path,
    *,
    icc: bytes | None = None,
    dpi: tuple[float, float] | None = None,
    premultiplied: bool = False,
) -> None:
    """Write [H, W] grey, [H, W, 3] RGB or [H, W, 4] RGBA (straight alpha), 8 or 16 bit, to a file, or as PNG to stdout when it is "-".

    The format follows the suffix. The file gets its name only when it is complete. dpi: pixels an inch, across and down. premultiplied:
    the RGBA's colours are multiplied by its alpha, which TIFF files say of themselves (others cannot). Raises OutputError, also for sides
    longer than the format has, or UsageError for a suffix that cannot hold the picture.
    """
    if str(destination) == STANDARD_STREAM:
        write_stdout(with_resolution(encode_png(pixels, icc), dpi))
        return
    path = Path(destination)
    check_suffix(path, has_alpha=pixels.ndim == 3 and pixels.shape[2] == 4)
    _check_sides(path, pixels)
    with written_whole(path, advice="choose another place with -o") as stream:
        try:
            encode(pixels, path.suffix.lower(), stream, icc=icc, dpi=dpi, premultiplied=premultiplied)
        except BAFFLED as error:
            raise OutputError(f"{path} cannot be written ({_said(error)}); choose another format") from error


def says_premultiplied(pattern: str) -> bool:
    """Whether pictures of this ending say of themselves that their colours are premultiplied."""
    return Path(pattern).suffix.lower() in (".tif", ".tiff")


def encode_image(pixels: Pixels, suffix: str, *, icc: bytes | None = None, dpi: tuple[float, float] | None = None) -> bytes:
    """A picture file as bytes, pixels as write_image takes them; `suffix` decides the format: ".png", or a name with it for errors."""
    path = Path(suffix if Path(suffix).suffix else f"picture{suffix}")
    check_suffix(path, has_alpha=pixels.ndim == 3 and pixels.shape[2] == 4)
    _check_sides(path, pixels)
    stream = io.BytesIO()
    try:
        encode(pixels, path.suffix.lower(), stream, icc=icc, dpi=dpi, premultiplied=False)
    except BAFFLED as error:
        raise OutputError(f"the picture cannot be encoded as {suffix} ({_said(error)}); choose another format") from error
    return stream.getvalue()


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
    """The decoders' exceptions as one sentence."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{_named(source)} has more pixels than Pillow opens in this process; raise PIL.Image.MAX_IMAGE_PIXELS, or scale it down first"
        ) from error
    except UnidentifiedImageError as error:
        raise InputError(f"{_named(source)} is not a picture this program reads; give JPEG, PNG, WebP, TIFF or BMP") from error
    except (OSError, *BAFFLED) as error:
        raise InputError(f"{_named(source)} is damaged or cut off ({_said(error)}); get a whole copy") from error


def _said(error: Exception) -> str:
    """What an exception says; its kind where it says nothing."""
    return str(error) or type(error).__name__


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
        return np.array(in_srgb(header, profile) or header.convert("RGB")), None
    if mode in ("LAB", "HSV", "F") or (mode.startswith("I") and not mode.startswith("I;16")):
        raise InputError(f"{_named(source)} stores its pixels as {mode}, which is not read; save it as 8 or 16-bit RGB")
    if mode.startswith("I;16"):
        raise InputError(f"{_named(source)} stores its 16-bit pixels in a way that is not read; save it as 16-bit RGB PNG or TIFF")
    has_alpha = mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in header.info
    return np.array(header.convert("RGBA" if has_alpha else "RGB")), profile


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
