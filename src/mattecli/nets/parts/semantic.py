"""Shared by the variants of Semantic Human Matting: the fusion of T-Net and M-Net, and their pre- and post-processing.

Chen et al., "Semantic Human Matting", ACM Multimedia 2018 (arXiv 1809.01354), as in github.com/lizhengwei1992/Semantic_Human_Matting.
"""

from typing import Any

import torch
from torch import Tensor, nn

from mattecli.nets.parts.ops import resize_cubic_8bit, standardise
from mattecli.nets.parts.resample import resize_cubic


class SemanticMatting(nn.Module):
    """Image [B, 3, H, W], BGR, less its mean -> trimap logits [B, 3, H, W] and alpha [B, 1, H, W], unclamped.

    The trimap's channels are background, foreground, unsure: the order in which the reference's fusion splits them.
    """

    def __init__(self, t_net: Any, m_net: Any) -> None:
        super().__init__()
        self.t_net = t_net
        self.m_net = m_net

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        trimap = self.t_net(image)
        probabilities = torch.softmax(trimap, 1)
        raw_alpha = self.m_net(torch.cat((image, probabilities), 1))
        return trimap, probabilities[:, 1:2] + probabilities[:, 2:3] * raw_alpha


def squeezed(image: Tensor, side: int) -> Tensor:
    """The whole image [B, 3, H, W], RGB, 0..1, resized to a square of `side` pixels, BGR, less the mean of the reference's scripts."""
    bgr = resize_cubic_8bit(image, side, side).flip(1).contiguous(memory_format=torch.channels_last)  # faster
    return standardise(bgr, [104.0 / 255.0, 112.0 / 255.0, 121.0 / 255.0], [1.0, 1.0, 1.0])


def stretched(alpha: Tensor, height: int, width: int) -> Tensor:
    """The square's alpha resized to the image's size, in 0..1, float32."""
    return resize_cubic(alpha.float(), height, width).clamp(0.0, 1.0)
