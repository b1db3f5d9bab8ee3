"""Atrous spatial pyramid pooling: parallel convolutions of several dilations, and global pooling.

Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation" (DeepLabV3), arXiv 1706.05587; sub-modules are named as
torchvision names them.
"""

import torch
from torch import Tensor, nn


def _norm_relu(width: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(width), nn.ReLU()]


def _dilated(channels: int, width: int, dilation: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 3, padding=dilation, dilation=dilation, bias=False), *_norm_relu(width))


class PyramidPooling(nn.Module):
    """Features [B, channels, H, W] -> [B, 256, H, W]."""

    def __init__(self, channels: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        plain = nn.Sequential(nn.Conv2d(channels, 256, 1, bias=False), *_norm_relu(256))
        whole = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, 256, 1, bias=False), *_norm_relu(256))
        branches = [plain, *(_dilated(channels, 256, dilation) for dilation in dilations), whole]
        self.convs = nn.ModuleList(branches)
        self.project = nn.Sequential(nn.Conv2d(256 * len(branches), 256, 1, bias=False), *_norm_relu(256), nn.Dropout(0.5))

    def forward(self, features: Tensor) -> Tensor:
        height, width = features.shape[2], features.shape[3]
        views = [branch(features).expand(-1, -1, height, width) for branch in self.convs]  # only the pooled one is expanded
        result: Tensor = self.project(torch.cat(views, 1))
        return result
