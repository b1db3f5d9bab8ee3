"""What the parts of a screen's keying share: its channels, its excess over the others, and their limits.

The measure is the excess of the colour difference key (Vlahos, US patent 3595987, 1971): by how much the screen's channel exceeds the
larger of the other two. Colours are encoded sRGB values, float32 [H, W, 3] in 0..1; alphas are float32 [H, W] in 0..1.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

CHANNELS = {"green": 1, "blue": 2}
AUTO = "auto"
# A pixel may be screen from this excess on.
LEAST_EXCESS = 0.06
# A screen of a colour that is given looks no more different from it than this, as a distance of RGB in 0..1: lamps fall off.
NEAR_COLOUR = 0.4
# The plate is found on a picture of this many pixels a side: it is smooth, and small pictures have little noise.
PLATE_SIDE = 256
# The least noise: one 8-bit step.
NOISE_FLOOR = 1 / 255


def screen_channel(plate: Plane) -> int:
    """The index of the channel, green or blue, in which a plate has the most excess."""
    return max(CHANNELS.values(), key=lambda channel: float(excess_of(plate, channel).mean()))


def other_channels(image: Plane, channel: int) -> tuple[Plane, Plane]:
    """The larger of the two channels that are not the screen's, and their mean, [H, W] each."""
    first, second = (image[..., index] for index in range(3) if index != channel)
    return np.maximum(first, second), np.asarray((first + second) / 2, np.float32)


def excess_of(image: Plane, channel: int) -> Plane:
    """By how much a channel exceeds the larger of the other two, [H, W], -1..1."""
    return image[..., channel] - other_channels(image, channel)[0]


def shrunk(image: Plane) -> Plane:
    """A copy of an image of any channels, no larger than PLATE_SIDE a side."""
    scale = min(1.0, PLATE_SIDE / max(image.shape[:2]))
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)


def blurred(plane: Plane, sigma: float) -> Plane:
    """A plane convolved with a Gaussian of this standard deviation in pixels, at least 0.5."""
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), max(sigma, 0.5), borderType=cv2.BORDER_REPLICATE), np.float32)


def depth_in(mask: Mask) -> Plane:
    """How far, in pixels, each pixel of a mask is from the nearest pixel outside it."""
    return np.asarray(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5), np.float32)
