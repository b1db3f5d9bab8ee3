"""The fast variant of Semantic Human Matting: a trimap network, a tiny matting network and their fusion; needs nothing but the image.

Chen et al., "Semantic Human Matting", ACM Multimedia 2018 (arXiv 1809.01354), gives the scheme. The two networks are those of the
branch `fast_human_matting` of github.com/lizhengwei1992/Semantic_Human_Matting (commit 9e3ccc1), whose only published checkpoint
(commit 9b973eb971f2) this file reads. Sub-modules are named as in that checkpoint.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mattecli.nets._ops import double, lower_to_multiple, resize_cubic, resize_cubic_8bit, standardise, with_counters, without_prefix


def _convolution(channels: int, width: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.PReLU(width))


def _activation(channels: int) -> nn.Sequential:
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


def _stage(channels: int, *, parts: int) -> nn.Sequential:
    return nn.Sequential(ResidualDenseBlock(channels, parts=parts), ResidualDenseBlock(channels, parts=parts))


class TrimapNet(nn.Module):
    """T-Net: a feature pyramid of residual dense blocks. Each scale down sees the shrunken image beside the features."""

    def __init__(self) -> None:
        super().__init__()
        self.cascade = nn.AvgPool2d(3, stride=2, padding=1)
        self.head_conv = _convolution(3, 24, stride=2)
        self.stage_0 = ResidualDenseBlock(24, parts=3)
        self.ba_1, self.down_1, self.stage_1 = _activation(24 + 3), _convolution(24 + 3, 24, stride=2), _stage(24, parts=3)
        self.ba_2, self.down_2, self.stage_2 = _activation(48 + 3), _convolution(48 + 3, 48, stride=2), _stage(48, parts=4)
        self.ba_3, self.down_3, self.stage_3 = _activation(96 + 3), _convolution(96 + 3, 96, stride=2), _stage(96, parts=4)
        self.ba_4, self.down_4, self.stage_4 = _activation(192 + 3), _convolution(192 + 3, 192, stride=2), _stage(192, parts=6)
        self.classifier = nn.Conv2d(192, 3, 1)
        self.stage3_down, self.conv_3 = nn.Conv2d(96, 3, 1), nn.Conv2d(3, 3, 3, padding=1)
        self.stage2_down, self.conv_2 = nn.Conv2d(48, 3, 1), nn.Conv2d(3, 3, 3, padding=1)
        self.stage1_down, self.conv_1 = nn.Conv2d(24, 3, 1), nn.Conv2d(3, 3, 3, padding=1)
        self.stage0_down, self.conv_0 = nn.Conv2d(24, 3, 1), nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
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
        trimap = self.classifier(self.stage_4(entry_4))
        trimap = self.conv_3(double(trimap) + self.stage3_down(features_3))
        trimap = self.conv_2(double(trimap) + self.stage2_down(features_2))
        trimap = self.conv_1(double(trimap) + self.stage1_down(features_1))
        trimap = self.conv_0(double(trimap) + self.stage0_down(features_0))
        return double(trimap)


def _plain(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())


class MattingNet(nn.Module):
    """M-Net: a tiny encoder and decoder from image and trimap probabilities to a raw alpha."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.en_conv_bn_relu_1 = _plain(6, 8)
        self.en_conv_bn_relu_2 = _plain(8, 12)
        self.en_conv_bn_relu_3 = _plain(12, 16)
        self.en_conv_bn_relu_4 = _plain(16, 24)
        self.en_conv_bn_relu_5 = _plain(24, 24)  # the authors never call it; kept so that their checkpoint loads strictly
        self.de_conv_bn_relu_1 = _plain(24, 24)
        self.de_conv_bn_relu_2 = _plain(24, 16)
        self.de_conv_bn_relu_3 = _plain(16, 12)
        self.de_conv_bn_relu_4 = _plain(12, 8)
        self.conv = nn.Conv2d(8, 1, 5, padding=2, bias=False)

    def forward(self, image_and_trimap: Tensor) -> Tensor:
        features = self.pool(self.en_conv_bn_relu_1(image_and_trimap))
        features = self.pool(self.en_conv_bn_relu_2(features))
        features = self.pool(self.en_conv_bn_relu_3(features))
        features = self.pool(self.en_conv_bn_relu_4(features))
        features = double(self.de_conv_bn_relu_1(features))
        features = double(self.de_conv_bn_relu_2(features))
        features = double(self.de_conv_bn_relu_3(features))
        features = double(self.de_conv_bn_relu_4(features))
        alpha: Tensor = self.conv(features)
        return alpha


class ShmFast(nn.Module):
    """Image [B, 3, H, W], BGR, less its mean; H and W multiples of 32 -> trimap logits [B, 3, H, W] and alpha [B, 1, H, W], unclamped.

    The trimap's channels are background, foreground, unsure: the order in which the authors' code splits them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.t_net = TrimapNet()
        self.m_net = MattingNet()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        trimap = self.t_net(image)
        probabilities = torch.softmax(trimap, 1)
        raw_alpha = self.m_net(torch.cat((image, probabilities), 1))
        return trimap, probabilities[:, 1:2] + probabilities[:, 2:3] * raw_alpha


def build() -> ShmFast:
    """The bare network with random weights."""
    return ShmFast()


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' checkpoint (bare, or as nn.DataParallel writes it) -> ours."""
    return with_counters(without_prefix(state_dict, "module."))


class CompleteShmFast(nn.Module):
    def __init__(self, network: ShmFast) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, side: int = 256) -> tuple[Tensor, Tensor | None]:
        """Image [B, 3, H, W], RGB, 0..1 -> alpha [B, 1, H, W] in 0..1 and no foreground.

        As in the authors' test_camera.py, the whole image is squeezed into a square, here of `side` pixels (lowered to a multiple
        of 32), and alpha is stretched back.
        """
        side = lower_to_multiple(side, 32)
        bgr = resize_cubic_8bit(image, side, side).flip(1)
        centred = standardise(bgr, [104.0 / 255.0, 112.0 / 255.0, 121.0 / 255.0], [1.0, 1.0, 1.0])
        alpha = self.network(centred.to(self.network.t_net.classifier.weight.dtype))[1]
        return resize_cubic(alpha.float(), image.shape[2], image.shape[3]).clamp(0.0, 1.0), None


def wrap(network: ShmFast) -> CompleteShmFast:
    """The network with its authors' pre- and post-processing: `forward(image, side=256) -> (alpha, None)`."""
    return CompleteShmFast(network)
