"""RGB pixels as the planes of a video encoder, in the requested matrix, range and depth.

The equations are those of ITU-T H.273 (matrix coefficients, section 8.3), rounded to the nearest level. FFmpeg's own converter is not
used: it reads 16-bit RGB as if 65280 were white, which makes white 943 instead of 940 in 10 bits, and it places the chroma of
4:2:2 and 4:2:0 between two pixels, where players take it to lie on every other pixel (H.273, chroma sample location type 0).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.io.clip_types import UNSPECIFIED, Colour
from mattecli.io.pictures.photo import Pixels

IDENTITY, BT709, BT601 = 0, 1, 6
SRGB_TRANSFER = 13

LUMA_WEIGHTS = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}
"""K_R and K_B of H.273, table 4, for the matrix codes that are plain weightings of R', G' and B'."""

# The side of a codec's independent transform blocks: ProRes uses no others, VP9 also larger ones.
BLOCK = 8


@dataclass(frozen=True)
class _Layout:
    """A pixel format: the component letters in stored order, their bits, chroma subsampling (across, down), packed or planar."""

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
    "yuv444p16le": _Layout("YUV", 16),
    "yuva420p10le": _Layout("YUVA", 10, (2, 2)),
    "bgr0": _Layout("BGR0", packed=True),
    "bgra": _Layout("BGRA", packed=True),
    "gbrp16le": _Layout("GBR", 16),
    "gbrap16le": _Layout("GBRA", 16),
    "rgb24": _Layout("RGB", packed=True),
    "rgb48le": _Layout("RGB", 16, packed=True),
    "rgb48be": _Layout("RGB", 16, packed=True),
    "rgba": _Layout("RGBA", packed=True),
    "rgba64le": _Layout("RGBA", 16, packed=True),
    "rgba64be": _Layout("RGBA", 16, packed=True),
    "gray": _Layout("R"),
    "gray16be": _Layout("R", 16),
    "gray16le": _Layout("R", 16),
}


def colour_written(colour: Colour, size: tuple[int, int], pixel_format: str, *, limited: bool = False) -> Colour:
    """A result's colour tags: the clip's own where it has them, else what players assume for its size.

    An unspecified matrix is BT.709 from 1280 pixels wide or 720 high, else BT.601. Pictures (R'G'B' as it is, in sRGB or untagged)
    become BT.709 of limited range, as players expect of video. limited: the codec has no full range.
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


def fill(rooms: Sequence[Pixels], pixels: Pixels, pixel_format: str, colour: Colour) -> None:
    """Write a picture into the planes of a frame in FFmpeg's `pixel_format`; a packed format has one.

    rooms: [rows, columns] each, uint8, or uint16 for more bits; rows may be padded. pixels: grey [H, W],
    RGB [H, W, 3] or RGBA [H, W, 4], uint8 or uint16 over the full range. colour: matrix and range of the planes. Alpha always takes
    the full range. Formats of Y, Cb, Cr and alpha belong to lossy codecs, so hidden colours become black there. Grey becomes
    luma with neutral chroma.
    """
    layout = _LAYOUTS[pixel_format]
    if not layout.order.endswith("A") or layout.packed:
        _fill(rooms, pixels, layout, colour)
        return
    # OpenCV converts three channels several times as fast as four.
    colours, alpha = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB), pixels.dtype), np.ascontiguousarray(pixels[..., 3])
    seen = without_unseen(colours, alpha, block=BLOCK * max(layout.thinned)) if "Y" in layout.order else colours
    _fill(rooms[:-1], seen, replace(layout, order=layout.order[:-1]), colour)
    rooms[-1][:, : alpha.shape[1]] = _alpha(alpha, layout.bits)


def _fill(rooms: Sequence[Pixels], pixels: Pixels, layout: _Layout, colour: Colour) -> None:
    values: Any = _components(pixels, layout, colour)
    height, width = pixels.shape[:2]
    if layout.packed:
        rooms[0][:, : width * len(layout.order)] = values.reshape(height, -1)
    elif layout.thinned == (1, 1):
        cv2.split(values, [room[:, :width] for room in rooms])
    else:
        for room, name, one in zip(rooms, layout.order, cv2.split(values), strict=True):
            plane = _thinned(one, layout.thinned) if name in "UV" else one
            room[:, : plane.shape[1]] = plane


def _components(pixels: Pixels, layout: _Layout, colour: Colour) -> Pixels:
    """The components of each pixel, [H, W] or [H, W, components], in the bits of the layout."""
    deep, top = layout.bits > 8 or pixels.dtype == np.uint16, int(np.iinfo(pixels.dtype).max)
    matrix = _coefficients(layout, colour, channels=1 if pixels.ndim == 2 else pixels.shape[2], top=top)
    values: Any = cv2.transform(pixels.astype(np.uint16 if deep else np.uint8, copy=False), matrix)
    highest: Any = (float((1 << layout.bits) - 1),) * 4
    if (top * matrix[:, :-1].clip(0).sum(axis=1) + matrix[:, -1]).max() > highest[0]:  # only chroma of the full range may
        values = cv2.min(values, highest)
    return np.asarray(values, np.uint8 if layout.bits == 8 else np.uint16)


def _alpha(levels: Pixels, bits: int) -> Pixels:
    """An alpha plane [H, W] in `bits` bits."""
    scale = ((1 << bits) - 1) / np.iinfo(levels.dtype).max
    if scale == 1:
        return levels
    values = cv2.transform(levels.astype(np.uint16, copy=False), np.array([[scale]]))
    return np.asarray(values, np.uint8 if bits == 8 else np.uint16)


def without_unseen(colours: Pixels, alpha: Pixels, *, block: int) -> Pixels:
    """Colours [H, W, 3], black where the alpha [H, W] is 0 in a whole block and its neighbours.

    A lossy codec would spend most of its bytes on hidden colours, and none on plain ones. `block` is the side of its independent blocks, so
    that the edge of the black affects no visible block.
    """
    height, width = alpha.shape
    rows, columns = -(-height // block), -(-width // block)
    seen = cv2.threshold(alpha, 0, 255, cv2.THRESH_BINARY)[1].astype(np.uint8)  # cv2.compare would treat a single pixel as a scalar
    whole = cv2.copyMakeBorder(seen, 0, rows * block - height, 0, columns * block - width, cv2.BORDER_CONSTANT)
    near = cv2.dilate(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), np.ones((3, 3), np.uint8))
    mask = cv2.resize(near, (columns * block, rows * block), interpolation=cv2.INTER_NEAREST)[:height, :width]
    return np.asarray(cv2.copyTo(colours, np.ascontiguousarray(mask)))


def _coefficients(layout: _Layout, colour: Colour, *, channels: int, top: int) -> NDArray[np.float64]:
    """[components, channels + 1]: the weight in each component of each channel with full intensity `top`, and its offset."""
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
    """Subsampled chroma: co-sited with every other column, and centred between pairs of rows."""
    across, down = step
    if across == 1:
        return plane
    below = np.array([0.5, 0.5]) if down == 2 else np.array([1.0])
    smooth = cv2.sepFilter2D(plane, -1, np.array([0.25, 0.5, 0.25]), below, anchor=(1, 0), borderType=cv2.BORDER_REPLICATE)
    return smooth[::down, ::across]


def usual_matrix(colour: Colour, size: tuple[int, int]) -> int:
    """The matrix that players assume for a clip without a tag: BT.601 for standard definition, BT.709 for high and for pictures."""
    height, width = size
    return BT709 if colour.matrix == IDENTITY or width >= 1280 or height >= 720 else BT601
