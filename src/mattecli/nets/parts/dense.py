"""The encoder of residual dense blocks that two of Zhengwei Li's portrait networks share, apart from its widths.

Facts: github.com/lizhengwei1992/Semantic_Human_Matting, branch fast_human_matting (commit 9e3ccc1), and
github.com/lizhengwei1992/mobile_phone_human_matting (commit 0af9699). Sub-modules are named as in their checkpoints.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def convolution(channels: int, width: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.PReLU(width))


def activation(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(channels), nn.PReLU(channels))


class DenseLayer(nn.Module):
    """Appends `growth` channels, computed from all channels so far."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, growth, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(growth)

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat((features, torch.relu(self.bn(self.conv(features)))), 1)


class DenseBlock(nn.Module):
    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self.dense_layers = nn.Sequential(*(DenseLayer(channels * (layer + 1), channels) for layer in range(layers)))

    def forward(self, features: Tensor) -> Tensor:
        grown: Tensor = self.dense_layers(features)
        return grown


class ResidualDenseBlock(nn.Module):
    """Squeezes the channels to one part in `parts`, grows them back densely and adds the input."""

    def __init__(self, channels: int, *, parts: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels // parts, 1, bias=False)
        self.dense_block = DenseBlock(channels // parts, parts - 1)
        self.bn = nn.BatchNorm2d(channels)
        self.act = nn.PReLU(channels)

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = self.act(self.bn(features + self.dense_block(self.conv(features))))
        return result


def stage(channels: int, *, parts: int) -> nn.Sequential:
    """Two blocks, one after the other."""
    return nn.Sequential(ResidualDenseBlock(channels, parts=parts), ResidualDenseBlock(channels, parts=parts))


class Cascade(nn.Module):
    """The mean of each 3 x 3 pixels at stride 2, zeros around the image counted: [B, 3, H, W] -> [B, 3, H/2, W/2].

    As a convolution of each channel, which a CPU computes several times as fast as F.avg_pool2d.
    """

    ones: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("ones", torch.ones(3, 1, 3, 3), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        return F.conv2d(image, self.ones, None, 2, 1, 1, 3) / 9.0


class DenseEncoder(nn.Module):
    """Features at 1/2, 1/4, 1/8, 1/16 and 1/32 of the image. Each downsampling also takes the reduced image.

    `stages` are the five sets of blocks, of `width`, 24, 48, 96 and 192 channels.
    """

    def __init__(self, width: int, stages: list[nn.Module]) -> None:
        super().__init__()
        self.stage_0, self.stage_1, self.stage_2, self.stage_3, self.stage_4 = stages
        self.cascade = Cascade()
        self.head_conv = convolution(3, width, stride=2)
        self.ba_1, self.down_1 = activation(width + 3), convolution(width + 3, 24, stride=2)
        self.ba_2, self.down_2 = activation(48 + 3), convolution(48 + 3, 48, stride=2)
        self.ba_3, self.down_3 = activation(96 + 3), convolution(96 + 3, 96, stride=2)
        self.ba_4, self.down_4 = activation(192 + 3), convolution(192 + 3, 192, stride=2)

    def encode(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        half = self.cascade(image)
        quarter = self.cascade(half)
        eighth = self.cascade(quarter)
        sixteenth = self.cascade(eighth)
        features_0 = self.stage_0(self.head_conv(image))
        entry_1 = self.down_1(self.ba_1(torch.cat((half, features_0), 1)))
        features_1 = self.stage_1(entry_1)
        entry_2 = self.down_2(self.ba_2(torch.cat((quarter, entry_1, features_1), 1)))
        features_2 = self.stage_2(entry_2)
        entry_3 = self.down_3(self.ba_3(torch.cat((eighth, entry_2, features_2), 1)))
        features_3 = self.stage_3(entry_3)
        entry_4 = self.down_4(self.ba_4(torch.cat((sixteenth, entry_3, features_3), 1)))
        return features_0, features_1, features_2, features_3, self.stage_4(entry_4)
