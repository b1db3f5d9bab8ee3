"""A small matte brought to the size of its picture along the picture's edges.

K. He, J. Sun, "Fast Guided Filter", arXiv:1505.00996, with colours as the guide: in every window alpha is an affine function of colour,
found in the small copy and applied to the colours at full size. So hair that is thinner than a pixel of the copy comes back.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

RADIUS = 2
"""Half the side of a window, in pixels of the small copy."""

EPSILON = 1e-5
"""Regularises windows of one colour, whose alpha becomes their mean; in squared units of colours in 0..1."""


def upsample_guided(alpha: Tensor, small: Tensor, image: Tensor) -> Tensor:
    """The matte [1, 1, h, w] of a small copy [1, 3, h, w], at the size of the image [1, 3, H, W]; all float32 in 0..1."""
    slopes, offset = _affine(small.double(), alpha.double())
    models = _mean(torch.cat((slopes, offset), 1)).float()
    models = F.interpolate(models, image.shape[2:], mode="bilinear", align_corners=False)
    return ((models[:, :3] * image).sum(1, keepdim=True) + models[:, 3:]).clamp(0, 1)


def _affine(colours: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """The slopes [1, 3, h, w] and the offset [1, 1, h, w] of alpha over the colours of the window around each pixel."""
    mean, mean_alpha = _mean(colours), _mean(alpha)
    slopes = _solved(_covariances(colours, mean), _mean(colours * alpha) - mean * mean_alpha)
    return slopes, mean_alpha - (slopes * mean).sum(1, keepdim=True)


def _mean(planes: Tensor) -> Tensor:
    """The mean over each window, whose part outside of the picture does not count."""
    return F.avg_pool2d(planes, 2 * RADIUS + 1, 1, RADIUS, count_include_pad=False)


def _covariances(colours: Tensor, mean: Tensor) -> Tensor:
    """The covariances [6, h, w] of red with red, green, blue, of green with green, blue, and of blue, regularised."""
    first, second = [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]
    found = _mean(colours[:, first] * colours[:, second]) - mean[:, first] * mean[:, second]
    found[:, [0, 3, 5]] += EPSILON
    return found[0]


def _solved(covariances: Tensor, right: Tensor) -> Tensor:
    """The solutions [1, 3, h, w] of the symmetric systems of `_covariances`, by elimination."""
    rr, rg, rb, gg, gb, bb = covariances
    red, green, blue = right[0]
    rg_rr, rb_rr = rg / rr, rb / rr
    gg, gb = gg - rg_rr * rg, gb - rg_rr * rb
    green = green - rg_rr * red
    gb_gg = gb / gg
    blue = (blue - rb_rr * red - gb_gg * green) / (bb - rb_rr * rb - gb_gg * gb)
    green = (green - gb * blue) / gg
    red = (red - rg * green - rb * blue) / rr
    return torch.stack((red, green, blue))[None]
