"""Pictures of up to 16 bits a channel, which Pillow narrows to 8: OpenCV reads them and writes PNG, tifffile writes TIFF."""

from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.errors import OutputError


def sixteen_bit_levels(data: bytes) -> NDArray[np.uint16] | None:
    """The pixels of a PNG or TIFF as [H, W] grey, [H, W, 3] RGB or [H, W, 4] RGBA, or None where OpenCV cannot read them as such."""
    levels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if levels is None or levels.dtype != np.uint16:
        return None
    if levels.ndim == 3 and levels.shape[2] >= 3:
        levels = levels[..., [2, 1, 0, 3][: levels.shape[2]]]
    return np.ascontiguousarray(levels, dtype=np.uint16)


def encode_png(pixels: NDArray[np.unsignedinteger[Any]], icc: bytes | None) -> bytes:
    """[H, W] grey, [H, W, 3] RGB or [H, W, 4] RGBA, 8 or 16 bit, as a PNG file; grey ones carry no profile."""
    bgr: Any = pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., [2, 1, 0, 3][: pixels.shape[2]]])
    if icc and pixels.ndim == 3:
        done, data = cv2.imencodeWithMetadata(".png", bgr, [cv2.IMAGE_METADATA_ICCP], [np.frombuffer(icc, np.uint8)])
    else:
        done, data = cv2.imencode(".png", bgr)
    if not done:
        raise OutputError("the PNG encoder failed; try another format")
    return data.tobytes()


def encode_tiff(pixels: NDArray[np.unsignedinteger[Any]], stream: BinaryIO, icc: bytes | None, *, alpha: str) -> None:
    """Write pixels as encode_png takes them as a TIFF; alpha: what a fourth channel is, unassalpha | assocalpha (premultiplied)."""
    import tifffile

    tifffile.imwrite(
        stream,
        pixels,
        photometric="minisblack" if pixels.ndim == 2 else "rgb",
        extrasamples=[alpha] if pixels.ndim == 3 and pixels.shape[2] == 4 else None,
        compression="adobe_deflate",
        iccprofile=icc,
        metadata=None,
    )
