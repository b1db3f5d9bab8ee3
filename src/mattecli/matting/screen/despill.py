"""Colours without a screen's spill.

Limit: a subject's own green survives only where it is solid and strong, or far from the edge.
Colours are encoded sRGB values, float32 [H, W, 3] in 0..1; alphas are float32 [H, W] in 0..1.
"""

from __future__ import annotations

import cv2
import numpy as np

from mattecli.matting.screen.excess import LEAST_EXCESS, Plane, blurred, depth_in, excess_of, other_channels, screen_channel, shrunk

# Spill reaches into the subject this far, as a share of the square root of the picture's area.
SPILL_REACH = 0.03
# A pixel is entirely soft from this transparency on.
SOFT = 0.2
# The default of a subject's green where no solid part is near, between the mean (0) and the larger (1) of red and blue: brown hair.
TYPICAL_SLOPE, FEW = 0.2, 1e-5
# A soft pixel's green is at least this share of what red and blue predict from the colours inside the subject.
LEAST_SHARE = 0.85
# In a solid pixel, up to the first share of the plate's excess is spill and beyond the second is the subject's own colour.
SPILL, OWN_COLOUR = 0.25, 0.5
# Rec. 709 luma.
LUMA = (0.2126, 0.7152, 0.0722)


def despill(colours: Plane, alpha: Plane, plate: Plane) -> Plane:
    """Foreground colours without the screen's spill: [H, W, 3], with luma kept.

    The screen's channel is limited to a level between the mean and the larger of the other two, taken from the subject's inside nearby:
    hair and skin lie near the mean, yellow and cyan cloth near the larger. The limit applies fully to soft pixels, less to solid ones with
    growing distance from the edge, and not where a strong excess is the subject's own colour. A soft pixel that lost more of the screen
    than it had, and so has the opposite colour, gets some back.
    """
    channel = screen_channel(plate)
    larger, mean = other_channels(colours, channel)
    slope, share = _own_hue(colours, alpha, channel)
    softness = np.clip((1 - alpha) / SOFT, 0, 1)
    spilt = np.maximum(colours[..., channel] - mean - slope * (larger - mean), 0)
    own = np.clip((spilt / np.maximum(excess_of(plate, channel), LEAST_EXCESS) - SPILL) / (OWN_COLOUR - SPILL), 0, 1)
    near = np.clip(1 - depth_in(alpha > 0.99) / (SPILL_REACH * np.sqrt(alpha.size)), 0, 1)
    spilt = spilt * np.maximum(softness, near * (1 - own))
    cleaned = colours + (spilt * LUMA[channel])[..., None]
    cleaned[..., channel] += softness * np.maximum(LEAST_SHARE * share * mean - colours[..., channel], 0) - spilt
    return cleaned.clip(0, 1)


def _own_hue(colours: Plane, alpha: Plane, channel: int) -> tuple[Plane, Plane]:
    """The screen's channel inside the subject nearby, [H, W] each.

    Returns its position between the mean of the others (0) and the larger (1), and its ratio to the mean, both limited to 0..1. They are
    least-squares slopes over solid pixels away from the edge, in a Gaussian window, extrapolated outwards; without such pixels, those of
    brown hair and of grey.
    """
    deep = depth_in(alpha > 0.99) > SPILL_REACH / 2 * np.sqrt(alpha.size)
    small = shrunk(np.dstack([colours, deep]).astype(np.float32))
    larger, mean = other_channels(small, channel)
    reach = SPILL_REACH * max(small.shape[:2])

    def slope(rise: Plane, run: Plane, otherwise: float) -> Plane:
        weight = small[..., 3] * run
        found = (blurred(weight * rise, reach) + FEW * otherwise) / (blurred(weight * run, reach) + FEW)
        return np.asarray(cv2.resize(found.clip(0, 1), alpha.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)

    return slope(small[..., channel] - mean, larger - mean, TYPICAL_SLOPE), slope(small[..., channel], mean, 1.0)
