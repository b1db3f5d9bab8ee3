"""The exact Euclidean distance transform, on tensors: separable, after Felzenszwalb and Huttenlocher, "Distance Transforms of Sampled
Functions", Theory of Computing 2012, with every distance up to a reach tried instead of their lower envelope.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def squared_distance(seeds: Tensor, reach: int) -> Tensor:
    """Squared distance of every pixel to the nearest True of its plane, at most reach²: bool [N, H, W] -> float32 [N, H, W]."""
    columns = _along_columns(seeds, float(reach)).square()
    rows = max((1 << 17) // (seeds.shape[0] * seeds.shape[2]), 1)  # a part that fits the CPU's cache
    return torch.cat([_along_rows(part, min(reach, seeds.shape[2] - 1), float(reach * reach)) for part in columns.split(rows, 1)], 1)


def _along_columns(seeds: Tensor, reach: float) -> Tensor:
    """Distance to the nearest seed of the same column: passes with steps of 1, 2, 4, ... up and down reach every distance."""
    distance = torch.where(seeds, 0.0, reach).to(torch.float32)
    step = 1
    while step < min(int(reach) + 1, seeds.shape[1]):
        distance[:, step:] = torch.minimum(distance[:, step:], distance[:, :-step] + float(step))
        step *= 2
    step = 1
    while step < min(int(reach) + 1, seeds.shape[1]):
        distance[:, :-step] = torch.minimum(distance[:, :-step], distance[:, step:] + float(step))
        step *= 2
    return distance


def _along_rows(squares: Tensor, reach: int, limit: float) -> Tensor:
    """The least of squares[x + k] + k² over all k up to `reach` to the left and the right."""
    width = squares.shape[2]
    padded = F.pad(squares, [reach, reach], value=limit)
    least = squares
    for step in range(1, reach + 1):
        left, right = padded[:, :, reach - step : reach - step + width], padded[:, :, reach + step : reach + step + width]
        least = torch.minimum(least, torch.minimum(left, right).add_(float(step * step)))
    return least
