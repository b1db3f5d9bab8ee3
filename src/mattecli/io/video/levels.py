"""The levels of a moving guide or matte, frame by frame, like those of images.read_levels for a still one."""

from itertools import islice

import cv2
import numpy as np

from mattecli.io.clip_types import Frame, Reader
from mattecli.io.pictures.photo import Pixels
from mattecli.io.video_read import open_clip

# The largest difference between the channels of grey, of 255: lossy coding and printing profiles tint it slightly.
TINT, TINTED_SHARE = 24, 0.01
LOOKED_AT = 100  # frames


class FrameLevels:
    """Called with frames in order: grey [H, W], RGB [H, W, 3], or RGBA [H, W, 4] from the first frame on that is transparent anywhere.

    An opaque alpha channel is ignored, because programs store masks with one. Pixels that a codec tinted slightly are grey.
    """

    def __init__(self, *, transparent: bool = False) -> None:
        self._transparent = transparent

    def __call__(self, frame: Frame) -> Pixels:
        self._transparent = self._transparent or frame.transparency is not None
        if self._transparent and frame.alpha is not None:
            return np.dstack([frame.pixels, frame.alpha])
        return frame.pixels if is_tinted(frame.pixels) else np.ascontiguousarray(frame.pixels[..., 1])


def is_transparent(reader: Reader) -> bool:
    """Whether any of a clip's next frames is partly transparent; they are consumed."""
    return reader.clip.alpha and any(frame.transparency is not None for frame in islice(reader, LOOKED_AT))


def is_cutout(source: str) -> bool:
    """Whether a clip, a video file or pictures, is partly transparent."""
    with open_clip(source) as reader:
        return is_transparent(reader)


def is_tinted(pixels: Pixels) -> bool:
    """Whether RGB levels [H, W, 3] have colours, beyond the tint of lossily coded grey."""
    top = int(np.iinfo(pixels.dtype).max)
    red, green, blue = (pixels[..., channel] for channel in range(3))
    spread = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
    return bool((spread > TINT * top // 255).mean() > TINTED_SHARE)
