"""Pictures of up to 16 bits a channel, which Pillow reduces to 8: OpenCV reads PNG, tifffile reads and writes TIFF.

Tags of TIFF files define what their numbers mean (TIFF 6.0, 1992: PhotometricInterpretation, PlanarConfiguration, ExtraSamples); OpenCV
applies the orientation but ignores these.
"""

import io
import logging
import lzma
import math
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError

if TYPE_CHECKING:
    from tifffile import TiffPage

Deep = NDArray[np.uint16]

# tifffile logs oddities of a file, which Python would print without a handler.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

# Values of TIFF 6.0's tags.
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_ONE_AFTER_ANOTHER = 2
_ASSOCIATED, _UNASSOCIATED = 1, 2
_INCHES, _ASCII = "INCH", 2
_DEFLATE, _LZMA = (8, 32946), 34925


def sixteen_bit_levels(data: bytes, index: int = 0) -> Deep | None:
    """The pixels of a PNG, or of a TIFF's page of that index; None where they are others.

    They are [H, W] grey, or [H, W, C] grey, RGB or either with straight alpha. A TIFF's orientation is
    applied, that of a PNG is not. Raises InputError for a TIFF whose pixels are of that kind but compressed in a way that is not read.
    """
    return _tiff_levels(data, index) if data[:2] in (b"II", b"MM") else _decoded_by_opencv(data)


def orient(levels: Any, orientation: int) -> Any:
    """Apply the orientation 1..8 (TIFF 6.0 and Exif 2.3, tag 0x0112) to [H, W] or [H, W, C]."""
    if orientation in (5, 6, 7, 8):
        levels = levels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        levels = levels[::-1]
    if orientation in (2, 3, 6, 7):
        levels = levels[:, ::-1]
    return np.ascontiguousarray(levels)


def _decoded_by_opencv(data: bytes) -> Deep | None:
    """OpenCV's BGR as RGB; a TIFF's orientation is applied."""
    try:
        levels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:  # sides too long for OpenCV
        return None
    if levels is None or levels.dtype != np.uint16:
        return None
    if levels.ndim == 3 and levels.shape[2] >= 3:
        levels = levels[..., [2, 1, 0, 3][: levels.shape[2]]]
    return np.ascontiguousarray(levels, dtype=np.uint16)


def _tiff_levels(data: bytes, index: int) -> Deep | None:
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first if index == 0 else cast("TiffPage", file.pages[index])
        if page.dtype != np.uint16 or page.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
            return None
        stored = _stored(page, data)
        return _as_meant(stored.reshape(*stored.shape[:2], -1), int(page.photometric), [int(kind) for kind in page.extrasamples])


def _stored(page: "TiffPage", data: bytes) -> Deep:
    """A page's numbers as [H, W] or [H, W, C], upright."""
    separate = page.planarconfig == _ONE_AFTER_ANOTHER and page.samplesperpixel > 1
    _check_segments(page, data)
    try:
        stored = page.asarray()
    except ValueError as error:  # a compression for which tifffile needs another package; OpenCV's libtiff supports most
        decoded = None if separate or page.index else _decoded_by_opencv(data)
        if decoded is None:
            raise InputError(
                "its 16-bit pixels are stored in a way that is not read; save it interleaved, compressed as Deflate"
            ) from error
        return decoded
    return orient(np.moveaxis(stored, 0, -1) if separate else stored, page.tags.valueof("Orientation", 1))


def _check_segments(page: "TiffPage", data: bytes) -> None:
    """InputError for a strip or tile that would unpack to more than its pixels, because tifffile unpacks all of it."""
    most = math.prod(page.chunks) * np.dtype(np.uint16).itemsize
    for begin, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        if len(_unpacked(int(page.compression), data[begin : begin + count], most + 1)) > most:
            raise InputError("its strips hold more than its pixels; save it again with another program")


def _unpacked(compression: int, segment: bytes, most: int) -> bytes:
    """At most `most` bytes of a segment, unpacked; empty for compressions that tifffile does not unpack by itself."""
    if compression in _DEFLATE:
        return zlib.decompressobj().decompress(segment, most)
    return lzma.LZMADecompressor().decompress(segment, most) if compression == _LZMA else b""


def _as_meant(planes: Deep, photometric: int, extras: list[int]) -> Deep:
    """Colours with black as 0, and straight alpha if one of the extra channels of [H, W, C] is alpha; others are dropped."""
    count = 3 if photometric == _RGB else 1
    colours = planes[..., :count]
    if photometric == _WHITE_IS_ZERO:
        colours = 65535 - colours
    if not extras and planes.shape[2] == count + 1:
        extras = [_UNASSOCIATED]  # files older than the tag, and OpenCV's
    which = next((n for n, kind in enumerate(extras) if kind in (_ASSOCIATED, _UNASSOCIATED)), None)
    if which is None:
        return np.ascontiguousarray(colours, dtype=np.uint16)
    alpha = planes[..., count + which]
    if extras[which] == _ASSOCIATED:
        colours = _unmultiplied(colours, alpha)
    return np.dstack([colours, alpha]).astype(np.uint16, copy=False)


def _unmultiplied(colours: Deep, alpha: Deep) -> Deep:
    """Colours divided by their alpha, to the nearest level; unchanged where alpha is 0."""
    whole = np.where(alpha == 0, 65535, alpha)[..., None].astype(np.uint32)
    # 65535 squared, and half a divisor more, is just below 2 ** 32.
    return np.minimum((colours.astype(np.uint32) * 65535 + whole // 2) // whole, 65535).astype(np.uint16)


def encode_tiff(
    pixels: NDArray[np.unsignedinteger[Any]] | NDArray[np.float32],
    stream: BinaryIO,
    icc: bytes | None,
    *,
    alpha: str,
    dpi: tuple[float, float] | None = None,
    texts: Sequence[tuple[int, str]] = (),
) -> None:
    """Write [H, W] grey, [H, W, 3] RGB or [H, W, 4] RGBA, 8 or 16 bit or floats, as a TIFF.

    alpha: what a fourth channel is, unassalpha | assocalpha (premultiplied). texts: tags and what they say, such as the camera's make.
    """
    import tifffile

    tifffile.imwrite(
        tifffile.FileHandle(stream, name="picture.tif"),  # a stream opened by its descriptor has a number as its name
        pixels,
        photometric="minisblack" if pixels.ndim == 2 else "rgb",
        extrasamples=[alpha] if pixels.ndim == 3 and pixels.shape[2] == 4 else None,
        compression="adobe_deflate",
        iccprofile=icc,
        resolution=dpi,
        resolutionunit=None if dpi is None else _INCHES,
        metadata=None,
        software=False,
        extratags=[(tag, _ASCII, 0, text, True) for tag, text in texts],
    )
