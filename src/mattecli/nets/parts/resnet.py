"""ResNet with bottleneck blocks, as an encoder whose last stage is dilated instead of halved.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016 (arXiv 1512.03385); the stride sits in the 3x3 convolution, and
sub-modules are named as torchvision names them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Bottleneck(nn.Module):
    """Narrow to `width`, filter, widen to four times that, and add the input."""

    def __init__(self, channels: int, width: int, *, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or channels != 4 * width:
            self.downsample = nn.Sequential(nn.Conv2d(channels, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width))

    def forward(self, features: Tensor) -> Tensor:
        result = torch.relu(self.bn1(self.conv1(features)))
        result = torch.relu(self.bn2(self.conv2(result)))
        return torch.relu(self.bn3(self.conv3(result)) + self.downsample(features))


def _stage(channels: int, width: int, blocks: int, *, stride: int, dilation: int) -> nn.Sequential:
    """The first block changes the size and is not dilated, the others keep it."""
    first = Bottleneck(channels, width, stride=stride, dilation=1)
    return nn.Sequential(first, *(Bottleneck(4 * width, width, stride=1, dilation=dilation) for _ in range(blocks - 1)))


class ResNetEncoder(nn.Module):
    """Picture [B, channels, H, W] -> features at 1/2 (64 channels), 1/4 (256), 1/8 (512) and 1/16 (2048) of its size.

    `blocks` in the third stage: 6 make ResNet-50, 23 make ResNet-101.
    """

    def __init__(self, channels: int, *, blocks: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _stage(64, 64, 3, stride=1, dilation=1)
        self.layer2 = _stage(256, 128, 4, stride=2, dilation=1)
        self.layer3 = _stage(512, 256, blocks, stride=2, dilation=1)
        self.layer4 = _stage(1024, 512, 3, stride=1, dilation=2)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        half = torch.relu(self.bn1(self.conv1(picture)))
        quarter = self.layer1(F.max_pool2d(half, 3, 2, 1))
        eighth = self.layer2(quarter)
        return half, quarter, eighth, self.layer4(self.layer3(eighth))
