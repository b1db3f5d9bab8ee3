"""Morphology of masks in torch, equal to that of OpenCV and scikit-image."""

import torch
import torch.nn.functional as F
from torch import Tensor


def eroded(mask: Tensor, times: int) -> Tensor:
    """Erosion by OpenCV's 3 x 3 ellipse (a pixel and its four neighbours), `times` times."""
    outside = -mask
    for _ in range(times):
        outside = torch.maximum(F.max_pool2d(outside, [3, 1], 1, [1, 0]), F.max_pool2d(outside, [1, 3], 1, [0, 1]))
    return -outside


def dilated(mask: Tensor, times: int) -> Tensor:
    """Dilation by OpenCV's 5 x 5 ellipse (a square whose first and last row hold their middle only), `times` times."""
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
    """The largest 8-connected part of a map of bools [H, W], of up to 2^24 pixels; ties go to the part that begins first in reading order.

    Each label starts as the pixel's own index. A round takes the least label among the neighbours, assigns it to the pixel that the label
    points to as well, and follows that pointer once. The number of rounds grows with the logarithm of a part's length (Zhang, Azad, Buluc,
    "FastSV: a distributed-memory connected component algorithm with fast convergence", 2020).
    """
    height, width = inside.shape
    count = inside.numel()  # also the label outside
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
