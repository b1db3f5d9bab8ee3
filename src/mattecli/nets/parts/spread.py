"""Colours that known pixels spread over all others, by pull and push.

Gortler, Grzeszczuk, Szeliski, Cohen, "The Lumigraph", SIGGRAPH 1996, with a box to pull by and a bilinear hat to push by:
a pyramid of weighted means carries colours up until somewhere in the square something is known, and the way back down fills what is
missing from there. It costs a few additions a pixel however far the colours have to go, and it has no seams.
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
    """One level down: what the weights of `sums` [B, C + 1, H, W] leave open is filled from the level above, [B, C, h, w]."""
    finer = F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)[:, :, : sums.shape[2], : sums.shape[3]]
    return torch.addcmul(sums[:, :-1], 1.0 - sums[:, -1:], finer)


def spread(colours: Tensor, known: Tensor) -> Tuple[Tensor, Tensor]:
    """Colours [B, C, H, W], trusted where `known` [B, 1, H, W] is 1 and not where it is 0, spread over the whole picture.

    Beside them comes how near the known is [B, 1, H, W]: 1 there, and about half as much with every doubling of the distance. Where
    nothing is known in the whole picture the colours are 0 and so is the nearness.
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
