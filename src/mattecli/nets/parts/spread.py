"""Colours of known pixels, extrapolated over all others by pull-push.

Gortler, Grzeszczuk, Szeliski, Cohen, "The Lumigraph", SIGGRAPH 1996, with a box filter to pull and a bilinear one to push: a pyramid of
weighted means is built upwards, and on the way down each level fills what it lacks from the coarser one. The cost is a few additions a
pixel at any distance, and there are no seams.
"""

from typing import List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor


def pull(sums: Tensor) -> Tensor:
    """One level up: weighted colours with their weight last [B, C + 1, H, W] -> those of the 2x2 squares, weights limited to 1."""
    height, width = sums.shape[2], sums.shape[3]
    if height % 2 + width % 2 > 0:
        sums = F.pad(sums, [0, width % 2, 0, height % 2])
    sums = F.avg_pool2d(sums, 2, divisor_override=1)
    return sums.div_(sums[:, -1:].clamp(min=1.0))


def push(sums: Tensor, coarse: Tensor) -> Tensor:
    """One level down: `sums` [B, C + 1, H, W], completed from the coarser level [B, C, h, w] where their weight is below 1."""
    finer = F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)[:, :, : sums.shape[2], : sums.shape[3]]
    return torch.addcmul(sums[:, :-1], 1.0 - sums[:, -1:], finer)


def spread(colours: Tensor, known: Tensor) -> Tuple[Tensor, Tensor]:
    """Colours [B, C, H, W], trusted where `known` [B, 1, H, W] is 1 and not where it is 0, spread over the whole picture.

    Also returns the nearness of known pixels [B, 1, H, W]: 1 on them, halved with every doubling of the distance. Without any known
    pixel the colours and the nearness are 0.
    """
    level = torch.cat((colours * known, known, known), 1)
    levels: List[Tensor] = [level]
    while level.shape[2] > 1 or level.shape[3] > 1:
        level = pull(level)
        levels.append(level)
    filled = levels.pop()[:, :-1]
    while len(levels) > 0:
        filled[:, -1:] *= 0.5
        filled = push(levels.pop(), filled)
    return filled[:, :-1], filled[:, -1:]
