"""A decoder's frames as RGB pixels: chroma upsampled, matrix and range inverted, rotation applied.

FFmpeg's own converter (swscale) is used only to repack unusual layouts. Its conversion to RGB assumes chroma between two pixels, where
players assume it on every other one; its 16-bit white is 65283; and extreme codes wrap around (Y = Cb = 255 gives no blue).
The equations are those of ITU-T H.273, section 8.3.
"""

import math
from typing import Any

import av
import cv2
import numpy as np
from av.video.format import VideoFormat
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, VideoReformatter
from numpy.typing import NDArray

from mattecli.errors import InputError
from mattecli.io.clip_types import UNSPECIFIED, Colour
from mattecli.io.pictures.photo import Pixels
from mattecli.io.yuv import IDENTITY, LUMA_WEIGHTS, usual_matrix

_FULL_RANGE = {1: False, 2: True}  # AVColorRange, whose 0 is unspecified
_CHROMA_NAMES = {(2, 2): "420", (2, 1): "422"}


class YuvToRgb:
    """Converts the decoded frames of one clip to RGB. Common properties are read from the first frame.

    bits: per channel, as stored. size: (height, width), upright. turned: whether upright is a quarter turn from stored. colour: the tags
    as stored. centred: whether chroma lies between two pixels, as in JPEG, and not on every other one (H.273, chroma sample location 0).
    has_alpha: whether the frames are stored with alpha, possibly opaque. scaled: how many frames so far had another size than the first.
    Raises InputError for colours that are not a plain weighting of R, G and B, such as ICtCp.
    """

    def __init__(self, first: av.VideoFrame, *, centred: bool) -> None:
        self.bits = min(16, max(8, *(component.bits for component in first.format.components)))
        self.colour = _colour(first)
        self.turned, self._upside_down, self._mirrored = _orientation(first)
        self._stored = (first.height, first.width)
        self.size = self._stored[::-1] if self.turned else self._stored
        self._layout = _layout(first.format, self.bits)
        self._equations = None if _is_rgb(first.format) else _equations(first.format, self.colour, self._stored, self.bits)
        self._centred = centred
        self.has_alpha = first.format.has_palette or any(component.is_alpha for component in first.format.components)
        self._repacker = VideoReformatter()
        self.scaled = 0

    def __call__(self, frame: av.VideoFrame) -> Pixels:
        """The frame's colours [H, W, 3], uint8 for 8 bits, else uint16 over the full range."""
        self.scaled += (frame.height, frame.width) != self._stored
        frame = self._repacked(frame, self._layout)
        if self._equations is None:
            return self._upright(self._samples(frame.planes[0], 3).copy().reshape(*self._stored, 3))
        luma, *chroma = (self._samples(plane) for plane in frame.planes[:3])
        components = cv2.merge([luma, *(_widened(plane, self._stored, centred=self._centred) for plane in chroma)])
        return self._upright(cv2.transform(components, self._equations))

    def alpha(self, frame: av.VideoFrame) -> Pixels:
        """The frame's transparency [H, W], uint8 for 8 bits, else uint16 over the full range, of a clip that has one."""
        apart = frame.format.name if _has_alpha_plane(frame.format) else "gbrap" if self.bits == 8 else "gbrap16le"
        frame = self._repacked(frame, apart)
        levels, bits = self._samples(frame.planes[3]), frame.format.components[3].bits
        scale = (255 if self.bits == 8 else 65535) / ((1 << bits) - 1)
        return self._upright(levels if scale == 1 else cv2.transform(levels, np.array([[scale]])))

    def _repacked(self, frame: av.VideoFrame, layout: str) -> av.VideoFrame:
        """The frame in the working layout, and in the first frame's size if the stream changes its own."""
        if frame.format.name == layout and (frame.height, frame.width) == self._stored:
            return frame
        height, width = self._stored
        same = ColorRange.JPEG  # the same on both sides, so that levels are unchanged
        return self._repacker.reformat(frame, width, height, layout, src_color_range=same, dst_color_range=same)

    def _samples(self, plane: VideoPlane, channels: int = 1) -> Any:
        """A view of a plane's rows without their padding, [rows, columns * channels]."""
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height]
        return rows.view(np.uint8 if self.bits == 8 else "<u2")[:, : plane.width * channels]

    def _upright(self, pixels: Any) -> Pixels:
        if self.turned:
            pixels = pixels.swapaxes(0, 1)
        return np.ascontiguousarray(pixels[:: -1 if self._upside_down else 1, :: -1 if self._mirrored else 1])


def _colour(frame: av.VideoFrame) -> Colour:
    if _is_rgb(frame.format):
        return Colour(IDENTITY, int(frame.color_primaries), int(frame.color_trc), True)
    return Colour(int(frame.colorspace), int(frame.color_primaries), int(frame.color_trc), _FULL_RANGE.get(int(frame.color_range)))


def _is_rgb(stored: VideoFormat) -> bool:
    return stored.is_rgb or stored.has_palette


def _has_alpha_plane(stored: VideoFormat) -> bool:
    return len(stored.components) == 4 and stored.components[3].plane == 3 and not stored.is_big_endian


def _is_grey(stored: VideoFormat) -> bool:
    return len(stored.components) <= 2 and not _is_rgb(stored)


def _layout(stored: VideoFormat, bits: int) -> str:
    """The working layout, by FFmpeg's name: planes of Y, Cb and Cr, or packed RGB; lossless for the stored one."""
    depth = "" if bits == 8 else f"{bits}le"
    if _is_rgb(stored):
        return "rgb24" if bits == 8 else "rgb48le"
    if _is_grey(stored):
        return f"gray{depth}"
    if stored.name.startswith("yuv") and stored.is_planar and not stored.is_big_endian:
        return stored.name
    thinned = (round(16 / stored.chroma_width(16)), round(16 / stored.chroma_height(16)))
    return f"yuv{_CHROMA_NAMES.get(thinned, '444')}p{depth}"


def _equations(stored: VideoFormat, colour: Colour, size: tuple[int, int], bits: int) -> NDArray[np.float64]:
    """[3, components + 1]: R, G and B (full intensity 255, or 65535 for more than 8 bits) of stored levels, and the offset."""
    full_range = colour.full_range
    if full_range is None:  # files without the tag are limited, except JPEG's layouts and grey
        full_range = stored.name.startswith("yuvj") or _is_grey(stored)
    unit = 1 << (bits - 8)
    most = float((1 << bits) - 1)
    black, white_span, chroma_span = (0.0, most, most) if full_range else (16.0 * unit, 219.0 * unit, 224.0 * unit)
    of_luma = np.full((3, 1), 1 / white_span)
    of_chroma = np.zeros((3, 0)) if _is_grey(stored) else _chroma_weights(colour, size) / chroma_span
    offset = -of_luma * black - of_chroma.sum(axis=1, keepdims=True) * 128 * unit
    return (255 if bits == 8 else 65535) * np.hstack([of_luma, of_chroma, offset])


def _chroma_weights(colour: Colour, size: tuple[int, int]) -> NDArray[np.float64]:
    """The coefficients [3, 2] of Cb and Cr, in -0.5..0.5, for R, G and B."""
    matrix = colour.matrix
    if matrix in (UNSPECIFIED, IDENTITY):
        matrix = usual_matrix(Colour(), size)
    if matrix not in LUMA_WEIGHTS:
        raise InputError(
            f"the clip's colours are stored in a way that is not read (matrix {matrix} of H.273); convert it to BT.709 first, "
            "with ffmpeg -i CLIP -vf scale=out_color_matrix=bt709 NEW"
        )
    red, blue = LUMA_WEIGHTS[matrix]
    green = 1 - red - blue
    to_red, to_blue = 2 * (1 - red), 2 * (1 - blue)
    return np.array([[0, to_red], [-to_blue * blue / green, -to_red * red / green], [to_blue, 0]])


def _widened(plane: Any, size: tuple[int, int], *, centred: bool) -> Any:
    """Chroma [rows, columns] for every pixel of `size`, linear between samples; vertically it is always centred between its rows."""
    across, down = round(size[1] / plane.shape[1]), round(size[0] / plane.shape[0])
    middled = across if centred else 1
    if (middled, down) != (1, 1):
        plane = cv2.resize(plane, None, fx=middled, fy=down, interpolation=cv2.INTER_LINEAR)
    if not centred and across > 1:
        right = np.concatenate([plane[:, 1:], plane[:, -1:]], axis=1)
        shares = [number / across for number in range(1, across)]
        columns = [plane, *(cv2.addWeighted(plane, 1 - share, right, share, 0) for share in shares)]
        plane = cv2.merge(columns).reshape(plane.shape[0], -1)
    return plane[: size[0], : size[1]]


def _orientation(frame: av.VideoFrame) -> tuple[bool, bool, bool]:
    """(quarter turn, upside down, mirrored): swap rows and columns first, then reverse the rows, then the columns, to stand upright.

    The display matrix takes a stored point (x, y) to (a x + c y, b x + d y), y pointing down (ISO/IEC 14496-12, track header box).
    """
    a, b, c, d = _display_matrix(frame)
    if abs(a) >= abs(b):
        return False, d < 0, a < 0
    return True, b < 0, c < 0


def _display_matrix(frame: av.VideoFrame) -> tuple[float, float, float, float]:
    try:
        side_data: Any = frame.side_data
    except ValueError:  # PyAV rejects all side data where one kind is unknown to it, as in stereo HEVC; the angle is still available
        angle = math.radians(-frame.rotation)
        return math.cos(angle), math.sin(angle), -math.sin(angle), math.cos(angle)
    matrix = side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return 1, 0, 0, 1
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
    return a, b, c, d
