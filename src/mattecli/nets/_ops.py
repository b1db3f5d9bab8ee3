"""Arithmetic and checkpoint habits that several networks share.

Functions on tensors are compiled into the exports together with the networks that call them: no Python that TorchScript lacks.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor


def without_prefix(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The state dict without `prefix`, if every key carries it (`module.` is what nn.DataParallel leaves behind)."""
    if all(key.startswith(prefix) for key in state):
        return {key[len(prefix) :]: value for key, value in state.items()}
    return dict(state)


def with_counters(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict with a zero `num_batches_tracked` for every batch norm that has none; PyTorch before 0.4.1 wrote none."""
    norms = [key.removesuffix("running_var") for key in state if key.endswith(".running_var")]
    counters = {norm + "num_batches_tracked": torch.zeros((), dtype=torch.int64) for norm in norms}
    return {**counters, **state}


def lower_to_multiple(side: int, multiple: int) -> int:
    """The largest multiple of `multiple` that is not above `side`, but at least one of them."""
    return max(side - side % multiple, multiple)


def standardise(image: Tensor, mean: list[float], deviation: list[float]) -> Tensor:
    """(image - mean) / deviation, channel by channel, for an image [B, C, H, W]."""
    shape = [1, len(mean), 1, 1]
    shift = torch.tensor(mean, dtype=image.dtype, device=image.device).view(shape)
    scale = torch.tensor(deviation, dtype=image.dtype, device=image.device).view(shape)
    return (image - shift) / scale


def double(features: Tensor) -> Tensor:
    """Features [B, C, H, W] enlarged bilinearly to [B, C, 2 H, 2 W]."""
    return F.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)


def resize_cubic(image: Tensor, height: int, width: int) -> Tensor:
    """A float image [B, C, H, W] resized as OpenCV's INTER_CUBIC resizes float arrays: no smoothing when shrinking, may overshoot."""
    return F.interpolate(image, size=[height, width], mode="bicubic", align_corners=False)


def resize_cubic_8bit(image: Tensor, height: int, width: int) -> Tensor:
    """An image [B, C, H, W] in 0..1 resized as OpenCV's INTER_CUBIC resizes uint8 arrays: saturated, in steps of 1/255.

    OpenCV has two roads here. On x86 it calls Intel's IPP, which filters in floating point and rounds once: that is this
    function. Elsewhere it filters in whole numbers of 1/2048, which differs by one step in about one sample of thirty. The factor
    comes first because whole numbers make exact ties, as when halving, and those must stay ties.
    """
    return resize_cubic(image * 255.0, height, width).round().clamp(0.0, 255.0) / 255.0
