"""RGB pixels as the planes a video encoder takes, in the matrix, range and depth asked for.

The equations are those of ITU-T H.273 (matrix coefficients, section 8.3), rounded to the nearest level. FFmpeg's own converter is not
used: it reads 16-bit RGB as if 65280 were white, which makes white 943 instead of 940 in 10 bits, and it places the chroma of
4:2:2 and 4:2:0 between two pixels, where players take it to lie on every other pixel (H.273, chroma sample location type 0).
"""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.io.clips import UNSPECIFIED, Colour
from mattecli.io.images import Pixels

IDENTITY, BT709, BT601 = 0, 1, 6
SRGB_TRANSFER = 13

LUMA_WEIGHTS = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}
"""K_R and K_B of H.273, table 4, for the matrix codes that are a plain weighting of R', G' and B'."""


@dataclass(frozen=True)
class _Layout:
    """A pixel format: the component letters in the order stored, their bits, how chroma is thinned (across, down), packed or planes."""

    order: str
    bits: int = 8
    thinned: tuple[int, int] = (1, 1)
    packed: bool = False


_LAYOUTS = {
    "yuv420p": _Layout("YUV", thinned=(2, 2)),
    "yuv444p": _Layout("YUV"),
    "yuv420p10le": _Layout("YUV", 10, (2, 2)),
    "yuv422p10le": _Layout("YUV", 10, (2, 1)),
    "yuv444p10le": _Layout("YUV", 10),
    "yuva420p": _Layout("YUVA", thinned=(2, 2)),
    "yuva444p10le": _Layout("YUVA", 10),
    "bgr0": _Layout("BGR0", packed=True),
    "bgra": _Layout("BGRA", packed=True),
    "gbrp16le": _Layout("GBR", 16),
    "gbrap16le": _Layout("GBRA", 16),
    "gray": _Layout("R"),
    "gray16le": _Layout("R", 16),
}


def colour_written(colour: Colour, size: tuple[int, int], pixel_format: str, *, limited: bool = False) -> Colour:
    """The tags a result carries: the clip's own where it has them, else what players assume for its size.

    An unspecified matrix is BT.709 from 1280 pixels wide or 720 high, else BT.601. Pictures (R'G'B' as it is, in sRGB or untagged)
    become BT.709 of limited range, as players expect of video. limited: the codec knows no full range.
    """
    if "yuv" not in pixel_format:
        return replace(colour, matrix=UNSPECIFIED if "gray" in pixel_format else IDENTITY, full_range=True)
    matrix = colour.matrix if colour.matrix in LUMA_WEIGHTS else usual_matrix(colour, size)
    full_range = bool(colour.full_range) and not limited and colour.matrix != IDENTITY
    guessed = colour.matrix == UNSPECIFIED and (colour.primaries, colour.transfer) == (UNSPECIFIED, UNSPECIFIED)
    picture = colour.matrix == IDENTITY and colour.primaries in (BT709, UNSPECIFIED) and colour.transfer in (SRGB_TRANSFER, UNSPECIFIED)
    if guessed or picture:
        return Colour(matrix, matrix, matrix, full_range)  # 1 and 6 name the primaries and the transfer of BT.709 and BT.601 too
    return Colour(matrix, colour.primaries, colour.transfer, full_range)


def planes(pixels: Pixels, pixel_format: str, colour: Colour) -> list[Pixels]:
    """The planes of a frame in FFmpeg's `pixel_format`, one [rows, columns] array each; a packed format is one plane.

    pixels: grey [H, W], RGB [H, W, 3] or RGBA [H, W, 4], uint8 or uint16 over the full range. colour: matrix and range of the planes.
    Alpha always takes the full range. Grey becomes luma with neutral chroma.
    """
    layout = _LAYOUTS[pixel_format]
    if layout.order.endswith("A") and not layout.packed and pixels.ndim == 3 and pixels.shape[2] == 4:
        # OpenCV converts three channels several times as fast as four.
        opaque = replace(layout, order=layout.order[:-1])
        return [
            *_planes(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB), pixels.dtype), opaque, colour),
            _alpha(pixels[..., 3], layout.bits),
        ]
    return _planes(pixels, layout, colour)


def _planes(pixels: Pixels, layout: _Layout, colour: Colour) -> list[Pixels]:
    deep = layout.bits > 8 or pixels.dtype == np.uint16
    matrix = _coefficients(layout, colour, channels=1 if pixels.ndim == 2 else pixels.shape[2], top=int(np.iinfo(pixels.dtype).max))
    values: Any = cv2.transform(pixels.astype(np.uint16 if deep else np.uint8, copy=False), matrix)
    highest: Any = (float((1 << layout.bits) - 1),) * 4
    values = cv2.min(values, highest).astype(np.uint8 if layout.bits == 8 else np.uint16, copy=False)
    height, width = pixels.shape[:2]
    if layout.packed:
        return [values.reshape(height, width * len(layout.order))]
    components: Any = cv2.split(values)
    return [_thinned(one, layout.thinned) if name in "UV" else one for name, one in zip(layout.order, components, strict=True)]


def _alpha(levels: Pixels, bits: int) -> Pixels:
    """An alpha plane [H, W] in `bits` bits."""
    scale: Any = ((1 << bits) - 1) / np.iinfo(levels.dtype).max
    return np.asarray(cv2.multiply(np.ascontiguousarray(levels), scale, dtype=cv2.CV_8U if bits == 8 else cv2.CV_16U))


def without_unseen(pixels: Pixels, *, block: int = 16) -> Pixels:
    """A straight RGBA picture [H, W, 4] whose colours are black where nothing of them is seen, neither in a block nor in its neighbours.

    A codec that loses something spends most of its bytes on such colours, and none on plain ones. `block` is the side of the squares
    that it encodes by themselves, so that the edge of the black shows in none that has an alpha.
    """
    height, width = pixels.shape[:2]
    seen = (pixels[..., 3] > 0).astype(np.uint8) * np.uint8(255)
    rows, columns = -(-height // block), -(-width // block)
    whole = cv2.copyMakeBorder(seen, 0, rows * block - height, 0, columns * block - width, cv2.BORDER_CONSTANT)
    near = cv2.dilate(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), np.ones((3, 3), np.uint8))
    mask = cv2.resize(near, (columns * block, rows * block), interpolation=cv2.INTER_NEAREST)[:height, :width]
    return np.asarray(cv2.bitwise_and(pixels, pixels, mask=np.ascontiguousarray(mask)))


def _coefficients(layout: _Layout, colour: Colour, *, channels: int, top: int) -> NDArray[np.float64]:
    """[components, channels + 1]: what each component takes of each channel whose full intensity is `top`, and its offset."""
    rows = np.array([_component(name, colour, layout.bits) for name in layout.order])
    weights = rows[:, :3].sum(axis=1, keepdims=True) if channels == 1 else rows[:, :channels]
    return np.hstack([weights / top, rows[:, 4:]])


def _component(name: str, colour: Colour, bits: int) -> list[float]:
    """Weights of R, G, B and A in 0..1, then the offset, of one component in levels of `bits` bits."""
    full = float((1 << bits) - 1)
    if name in "RGBA0":
        return [full * (name == channel) for channel in "RGBA"] + [0.0]
    red, blue = LUMA_WEIGHTS[colour.matrix]
    luma = np.array([red, 1 - red - blue, blue])
    unit = 1 << (bits - 8)
    if name == "Y":
        scale, offset = (full, 0.0) if colour.full_range else (219.0 * unit, 16.0 * unit)
        return [*(scale * luma), 0.0, offset]
    scale = full if colour.full_range else 224.0 * unit
    own, weight = ([0, 0, 1], blue) if name == "U" else ([1, 0, 0], red)
    return [*(scale * (np.array(own) - luma) / (2 * (1 - weight))), 0.0, 128.0 * unit]


def _thinned(plane: Any, step: tuple[int, int]) -> Any:
    """Chroma for every other column, centred on it, and for every other pair of rows, between them."""
    across, down = step
    if across == 1:
        return plane
    below = np.array([0.5, 0.5]) if down == 2 else np.array([1.0])
    smooth = cv2.sepFilter2D(plane, -1, np.array([0.25, 0.5, 0.25]), below, anchor=(1, 0), borderType=cv2.BORDER_REPLICATE)
    return smooth[::down, ::across]


def usual_matrix(colour: Colour, size: tuple[int, int]) -> int:
    """The matrix of a clip without a tag, as players take it: BT.601 for standard definition, BT.709 for high and for pictures."""
    height, width = size
    return BT709 if colour.matrix == IDENTITY or width >= 1280 or height >= 720 else BT601
