"""The levels of a moving guide or matte, frame by frame, as images.read_levels gives those of a still one."""

from itertools import islice

import cv2
import numpy as np

from mattecli.io.clip_types import Frame, Reader
from mattecli.io.images import Pixels
from mattecli.io.video_read import open_clip

# How far the channels of grey may lie apart, of 255: lossy coding and printing profiles tint it a little.
TINT, TINTED_SHARE = 24, 0.01
LOOKED_AT = 100  # frames


class FrameLevels:
    """Called with frames in order: grey [H, W], RGB [H, W, 3], or RGBA [H, W, 4] from the first frame on that is transparent anywhere.

    A transparency that hides nothing is none: programs store masks with one. What a codec tinted a little is grey.
    """

    def __init__(self, *, transparent: bool = False) -> None:
        self._transparent = transparent

    def __call__(self, frame: Frame) -> Pixels:
        self._transparent = self._transparent or frame.transparency is not None
        if self._transparent and frame.alpha is not None:
            return np.dstack([frame.pixels, frame.alpha])
        return frame.pixels if is_tinted(frame.pixels) else np.ascontiguousarray(frame.pixels[..., 1])


def is_transparent(reader: Reader) -> bool:
    """Whether any of a clip's next frames hides something; they are lost."""
    return reader.clip.alpha and any(frame.transparency is not None for frame in islice(reader, LOOKED_AT))


def is_cutout(source: str) -> bool:
    """Whether a clip, a video file or pictures, has a transparency that hides something."""
    with open_clip(source) as reader:
        return is_transparent(reader)


def is_tinted(pixels: Pixels) -> bool:
    """Whether RGB levels [H, W, 3] have colours, beyond what grey that was coded with loss has."""
    top = int(np.iinfo(pixels.dtype).max)
    red, green, blue = (pixels[..., channel] for channel in range(3))
    spread = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
    return bool((spread > TINT * top // 255).mean() > TINTED_SHARE)
