"""Arithmetic and checkpoint conversions that several networks share.

Functions on tensors are compiled into the exports with the networks that call them, so they use only what TorchScript supports.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mattecli.nets.parts.resample import counted, resize_area


def without_prefix(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The state dict without `prefix`, if every key carries it (nn.DataParallel adds `module.`)."""
    if all(key.startswith(prefix) for key in state):
        return {key[len(prefix) :]: value for key, value in state.items()}
    return dict(state)


def with_counters(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict with a zero `num_batches_tracked` for every batch norm that has none; PyTorch before 0.4.1 wrote none."""
    norms = [key.removesuffix("running_var") for key in state if key.endswith(".running_var")]
    counters = {norm + "num_batches_tracked": torch.zeros((), dtype=torch.int64) for norm in norms}
    return {**counters, **state}


def lower_to_multiple(side: int, multiple: int) -> int:
    """The largest multiple of `multiple` that is not above `side`, but at least `multiple`."""
    return max(side - side % multiple, multiple)


def standardise(image: Tensor, mean: list[float], deviation: list[float]) -> Tensor:
    """(image - mean) / deviation, channel by channel, for an image [B, C, H, W]."""
    return (image - of_channels(mean, image)) / of_channels(deviation, image)


def of_channels(values: list[float], image: Tensor) -> Tensor:
    """One value per channel, [1, C, 1, 1], created on the image's device: a copy from the host would synchronise a GPU."""
    return torch.cat([torch.full([1, 1, 1, 1], value, dtype=image.dtype, device=image.device) for value in values], 1)


def double(features: Tensor) -> Tensor:
    """Features [B, C, H, W] enlarged bilinearly to [B, C, 2 H, 2 W]."""
    if features.shape[1] == 2:
        features = features.contiguous()  # four times as fast on a CPU as channels-last; more channels are slower
    return resize_linear(features, 2 * features.shape[2], 2 * features.shape[3])


def double_softmax(scores: Tensor) -> Tensor:
    """The softmax of two enlarged scores: [B, 2, H, W] -> [B, 2, 2 H, 2 W]; only their difference is enlarged."""
    second = torch.sigmoid(double(scores[:, 1:2] - scores[:, 0:1]))
    return torch.cat((1.0 - second, second), 1)


def resize_linear(image: Tensor, height: int, width: int) -> Tensor:
    """A float image [B, C, H, W] resized as OpenCV's INTER_LINEAR resizes float arrays: no smoothing when shrinking.

    By F.interpolate's own operator: that function's checks, compiled at each call, are much of what loading an export parses.
    """
    return torch.ops.aten.upsample_bilinear2d(image, [height, width], False)


def _linear_taps(side: int, new_side: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """OpenCV's INTER_LINEAR along one axis: indices of the first and second sample, and their weights in units of 1/2048."""
    centres = ((counted(new_side, device) + 0.5) * (side / new_side) - 0.5).float().to(device)
    first = centres.floor()
    share = torch.where((first < 0) | (first >= side - 1), torch.zeros_like(centres), centres - first)
    first = first.clamp(0, side - 1).long()
    weights = ((1.0 - share) * 2048.0).round().int(), (share * 2048.0).round().int()
    return first, (first + 1).clamp(max=side - 1), weights[0], weights[1]


def resize_linear_8bit(image: Tensor, height: int, width: int) -> Tensor:
    """An image [B, C, H, W] in 0..1 resized as OpenCV's INTER_LINEAR resizes uint8 arrays, to the last bit: in steps of 1/255.

    An image that already has the size is returned unchanged, without rounding.
    """
    if image.shape[2] == height and image.shape[3] == width:
        return image
    samples = (image * 255.0).round().clamp(0.0, 255.0).int()
    first, second, weight, other = _linear_taps(image.shape[3], width, image.device)
    samples = samples.index_select(3, first) * weight + samples.index_select(3, second) * other
    samples = samples // 16
    first, second, weight, other = _linear_taps(image.shape[2], height, image.device)
    upper = samples.index_select(2, first) * weight[:, None] // 65536
    lower = samples.index_select(2, second) * other[:, None] // 65536
    return ((upper + lower + 2) // 4).float() / 255.0


def resize_cubic_8bit(image: Tensor, height: int, width: int) -> Tensor:
    """An image [B, C, H, W] in 0..1 resized as OpenCV's INTER_CUBIC resizes uint8 arrays: saturated, in steps of 1/255.

    OpenCV has two implementations. On x86 it calls Intel's IPP, which filters in floating point and rounds once, as this function
    does. Elsewhere it filters in units of 1/2048, which differs by one step in about one sample of thirty. The factor of 255 comes first
    because integers make exact ties, as when halving, and those must stay ties.
    """
    resized = image * 255.0
    if image.shape[2] != height or image.shape[3] != width:  # at the same size the kernel is the identity
        resized = torch.ops.aten.upsample_bicubic2d(resized, [height, width], False)
    return resized.round().clamp(0.0, 255.0) / 255.0


def mirrored(image: Tensor, height: int, width: int, repeat_edge: bool) -> Tensor:
    """An image [B, C, H, W] padded to `height` x `width` at the bottom and the right by mirroring, repeatedly if needed.

    With `repeat_edge` the last row and column come twice (OpenCV's BORDER_REFLECT), else once (torch's "reflect").
    """
    rows, columns = torch.arange(height, device=image.device), torch.arange(width, device=image.device)
    return image.index_select(2, _mirror(rows, image.shape[2], repeat_edge)).index_select(3, _mirror(columns, image.shape[3], repeat_edge))


def _mirror(places: Tensor, side: int, repeat_edge: bool) -> Tensor:
    period = 2 * side if repeat_edge else max(2 * side - 2, 1)
    places = places % period
    return torch.minimum(places, period - places - int(repeat_edge))


def trimap_levels(trimap: Tensor) -> Tensor:
    """A trimap in the values of its 8-bit file: 0 background, 128/255 unknown, 1 foreground."""
    unknown = (trimap > 0.0) & (trimap < 1.0)
    return torch.where(unknown, torch.full_like(trimap, 128.0 / 255.0), trimap.clamp(0.0, 1.0))


def levels_with_prior(trimap: Tensor, prior: Tensor) -> Tensor:
    """A trimap whose unknown pixels are 0.25 where a `prior` matte is 0, and 0.75 where it is 1, all [B, 1, H, W]."""
    unknown = (trimap > 0.0) & (trimap < 1.0)
    return torch.where(unknown, 0.25 + 0.5 * prior, trimap.clamp(0.0, 1.0))


def with_known(alpha: Tensor, trimap: Tensor) -> Tensor:
    """Alpha where the trimap is unknown; 0 on background and 1 on foreground."""
    return torch.where((trimap > 0.0) & (trimap < 1.0), alpha.clamp(0.0, 1.0), trimap.clamp(0.0, 1.0))


def shrunk(image: Tensor, trimap: Tensor, longest: int) -> tuple[Tensor, Tensor]:
    """Image and trimap with a longer side of at most `longest` pixels, proportions kept; a pixel is known where all it covers was."""
    height, width = image.shape[2], image.shape[3]
    scale = longest / max(height, width)
    if scale >= 1.0:
        return image, trimap
    size = [max(int(height * scale + 0.5), 1), max(int(width * scale + 0.5), 1)]
    return resize_area(image, size[0], size[1]), resized_trimap(trimap, size[0], size[1])


def resized_trimap(trimap: Tensor, height: int, width: int) -> Tensor:
    """A trimap [B, 1, H, W] of another size; a pixel is known where all it covers was."""
    levels = resize_area(trimap_levels(trimap), height, width)
    trimap = torch.full_like(levels, 0.5)
    trimap = torch.where(levels < 1e-4, torch.zeros_like(levels), trimap)
    return torch.where(levels > 1.0 - 1e-4, torch.ones_like(levels), trimap)


def unpool(features: Tensor, places: Tensor, height: int, width: int) -> Tensor:
    """Undo a 2 x 2 max-pooling: features [B, C, h, w] at its indices `places`, zeros elsewhere: [B, C, height, width]."""
    return F.max_unpool2d(features, places, [2, 2], [2, 2], [0, 0], [height, width])
