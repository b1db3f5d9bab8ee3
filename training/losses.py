"""Losses of the papers: each is one differentiable number from tensors [B, C, H, W] in 0..1.

`where` [B, 1, H, W] counts the pixels that a mean is over: 1 inside the trimap's unknown region, 0 outside, or anything between.
Without it all count. A mean over no pixel is 0.

- Xu, Price, Cohen, Huang, "Deep Image Matting", CVPR 2017: alpha-prediction and composition loss, section 4.2
- Hou, Liu, "Context-Aware Image Matting for Simultaneous Foreground and Alpha Estimation", ICCV 2019: Laplacian pyramid, equation 2
- Forte, Pitie, "F, B, Alpha Matting", arXiv 2003.07711: the same on five levels, and the gradient loss of
- Tang, Aksoy, Oztireli, Gross, Aydin, "Learning-Based Sampling for Natural Image Matting", CVPR 2019
- Lin et al., "Real-Time High-Resolution Background Matting", CVPR 2021, section 4: L1 of Sobel magnitudes, the error map's square
"""

import torch
import torch.nn.functional as F
from torch import Tensor

CHARBONNIER = 1e-6
"""The epsilon of Deep Image Matting's square root, which makes an absolute value smooth at zero."""

LEVELS = 5
SOBEL_FLOOR = 1e-6
"""Under the root of the Sobel magnitude in kornia, with which Background Matting V2 was trained; without it there is no slope at 0."""


def mean_over(values: Tensor, where: Tensor | None) -> Tensor:
    """The mean of values [B, C, H, W] over the counted pixels and all channels."""
    if where is None:
        return values.mean()
    return (values * where).sum() / (where.sum() * values.shape[1]).clamp(min=1.0)


def charbonnier(predicted: Tensor, true: Tensor, where: Tensor | None = None) -> Tensor:
    """Deep Image Matting's alpha-prediction loss: the mean of sqrt(difference^2 + 1e-12)."""
    return mean_over((predicted - true).square().add(CHARBONNIER**2).sqrt(), where)


def absolute(predicted: Tensor, true: Tensor, where: Tensor | None = None) -> Tensor:
    """L1: the mean of absolute differences."""
    return mean_over((predicted - true).abs(), where)


def squared(predicted: Tensor, true: Tensor, where: Tensor | None = None) -> Tensor:
    """The mean of squared differences."""
    return mean_over((predicted - true).square(), where)


def composition(predicted: Tensor, true: Tensor, foreground: Tensor, background: Tensor, where: Tensor | None = None) -> Tensor:
    """Deep Image Matting's compositional loss: `charbonnier` between what the two mattes [B, 1, H, W] make of the true colours
    [B, 3, H, W]. An error counts by the contrast behind it."""
    contrast = foreground - background
    return charbonnier(predicted * contrast, true * contrast, where)


def laplacian(predicted: Tensor, true: Tensor, where: Tensor | None = None, *, levels: int = LEVELS) -> Tensor:
    """The sum over levels s = 0, 1, ... of 2^s |L_s(predicted) - L_s(true)|_1, by the number of pixels that count at full size.

    The pyramid is linear, so it is built once, of the difference. Differences where nothing counts are left out before. Levels end
    where a side would have fewer than 2 pixels.
    """
    difference = predicted - true if where is None else (predicted - true) * where
    count = torch.tensor(float(difference.numel()), device=difference.device) if where is None else where.sum() * difference.shape[1]
    total = difference.new_zeros(())
    for level in range(levels):
        if min(difference.shape[2:]) < 4:
            break
        smaller = halved(difference)
        total = total + 2.0**level * (difference - doubled(smaller, difference.shape[2], difference.shape[3])).abs().sum()
        difference = smaller
    return total / count.clamp(min=1.0)


def gradient(predicted: Tensor, true: Tensor, where: Tensor | None = None) -> Tensor:
    """The mean of |d/dx| + |d/dy| of the difference, by differences of neighbours; the last row and column have none."""
    difference = predicted - true
    across = F.pad(difference[..., :, 1:] - difference[..., :, :-1], [0, 1, 0, 0])
    down = F.pad(difference[..., 1:, :] - difference[..., :-1, :], [0, 0, 0, 1])
    return mean_over(across.abs() + down.abs(), where)


def edges(predicted: Tensor, true: Tensor, where: Tensor | None = None) -> Tensor:
    """L1 between the magnitudes of the two Sobel gradients, which are slopes per pixel; planes [B, 1, H, W]."""
    return absolute(sobel(predicted), sobel(true), where)


def sobel(plane: Tensor) -> Tensor:
    """The gradient's magnitude [B, 1, H, W], edges repeated: kornia.filters.sobel, whose kernels are divided by 8."""
    rows = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]], dtype=plane.dtype, device=plane.device) / 8.0
    slopes = F.conv2d(F.pad(plane, [1, 1, 1, 1], mode="replicate"), torch.stack((rows, rows.T))[:, None])
    return slopes.square().sum(1, keepdim=True).add(SOBEL_FLOOR).sqrt()


def halved(picture: Tensor) -> Tensor:
    """A picture [B, C, H, W], at least 3 x 3, smoothed by Burt and Adelson's 1 4 6 4 1, edges mirrored, of every second row and column."""
    batch, channels, height, width = picture.shape
    taps = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], dtype=picture.dtype, device=picture.device) / 16.0
    padded = F.pad(picture.reshape(-1, 1, height, width), [2, 2, 2, 2], mode="reflect")
    smaller = F.conv2d(padded, (taps[:, None] * taps)[None, None], stride=2)
    return smaller.view(batch, channels, smaller.shape[2], smaller.shape[3])


def doubled(picture: Tensor, height: int, width: int) -> Tensor:
    """A picture [B, C, h, w] at every second row and column of [B, C, height, width], the gaps filled by the same kernel.

    A kernel over a picture with gaps is two kernels, 1 6 1 where there is a sample and 4 4 between.
    """
    return _doubled_rows(_doubled_rows(picture.transpose(2, 3), width).transpose(2, 3), height)


def _doubled_rows(picture: Tensor, height: int) -> Tensor:
    below = picture[:, :, -1:] if height % 2 == 0 else picture[:, :, -2:-1]  # the mirror lies on the last row of the result
    padded = torch.cat((picture[:, :, 1:2], picture, below), 2)
    here, between = (padded[:, :, :-2] + 6.0 * picture + padded[:, :, 2:]) / 8.0, (picture + padded[:, :, 2:]) / 2.0
    return torch.stack((here, between), 3).flatten(2, 3)[:, :, :height]
