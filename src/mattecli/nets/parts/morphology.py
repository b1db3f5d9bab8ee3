"""Masks worked on in torch as OpenCV and scikit-image work on them."""

import torch
import torch.nn.functional as F
from torch import Tensor


def eroded(mask: Tensor, times: int) -> Tensor:
    """Each pixel the least of itself and its four neighbours, `times` over: OpenCV's 3 x 3 ellipse."""
    outside = -mask
    for _ in range(times):
        outside = torch.maximum(F.max_pool2d(outside, [3, 1], 1, [1, 0]), F.max_pool2d(outside, [1, 3], 1, [0, 1]))
    return -outside


def dilated(mask: Tensor, times: int) -> Tensor:
    """Each pixel the greatest of a 5 x 5 square whose outer rows hold their middle only, `times` over: OpenCV's 5 x 5 ellipse."""
    for _ in range(times):
        mask = torch.maximum(F.max_pool2d(mask, [5, 1], 1, [2, 0]), F.max_pool2d(mask, [3, 5], 1, [1, 2]))
    return mask


def blurred(mask: Tensor) -> Tensor:
    """A mask [1, 1, H, W] through a Gaussian of 31 x 31 pixels, sigma 5, mirrored at the edges."""
    distance = torch.arange(-15, 16, device=mask.device, dtype=mask.dtype)
    weights = torch.softmax(-(distance**2) / 50.0, 0)
    mask = F.conv2d(F.pad(mask, [15, 15, 15, 15], mode="reflect"), weights.view(1, 1, 31, 1))
    return F.conv2d(mask, weights.view(1, 1, 1, 31))


def largest_blob(inside: Tensor) -> Tensor:
    """The largest 8-connected part of a map of bools [H, W], up to 2^24 of them; of equals the one that begins first, row by row.

    Every pixel starts with its own number as label, takes the least label among its neighbours, hands that to the pixel its label
    names, and then takes that pixel's. So the number of rounds grows with the logarithm of a part's length, not with the length
    (Zhang, Azad, Buluc, "FastSV: a distributed-memory connected component algorithm with fast convergence", 2020).
    """
    height, width = inside.shape
    count = inside.numel()  # also the label of what is outside
    outside = ~inside.flatten()
    label = torch.arange(count + 1, device=inside.device)
    label[:count] = label[:count].masked_fill(outside, count)
    changed = True
    while changed:
        before = label
        numbers = -label[:count].view(1, 1, height, width).to(torch.float32)
        least = -F.max_pool2d(numbers, 3, 1, 1).flatten().to(torch.int64)
        least = least.masked_fill(outside, count)
        label = before.scatter_reduce(0, before[:count], least, "amin")
        label[:count] = label[:count].minimum(least)
        label = label[label]
        changed = not torch.equal(label, before)
    sizes = torch.zeros_like(label).scatter_add(0, label[:count], inside.flatten().to(torch.int64))
    return (label[:count] == sizes.argmax()).view(height, width) & inside
