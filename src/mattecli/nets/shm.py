"""Semantic Human Matting: a trimap network, a matting network and their fusion; needs nothing but the image.

Chen et al., "Semantic Human Matting", ACM Multimedia 2018 (arXiv 1809.01354), whose authors published neither code nor weights; these are
the networks of the main branch of github.com/lizhengwei1992/Semantic_Human_Matting (commit 5b93644), whose training writes the checkpoints
read here. Sub-modules are named as in them.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from mattecli.nets.parts.mobilenet import InvertedResidual, norm_relu6
from mattecli.nets.parts.ops import lower_to_multiple, with_counters, without_prefix
from mattecli.nets.parts.semantic import SemanticMatting, squeezed, stretched


class FirstBlock(InvertedResidual):
    """An inverted residual whose widening convolution is there although it widens nothing."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__(channels, width, stride=1, expansion=1)
        self.conv = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), *norm_relu6(channels), *self.conv)


def _blocks(channels: int, width: int, repeats: int, *, stride: int) -> nn.Sequential:
    first = InvertedResidual(channels, width, stride=stride, expansion=6)
    return nn.Sequential(first, *(InvertedResidual(width, width, stride=1, expansion=6) for _ in range(repeats - 1)))


class Features(nn.Module):
    """MobileNetV2 whose first convolution keeps the size: features at 1/1, 1/2, 1/4, 1/8 and 1/16 of the image."""

    def __init__(self) -> None:
        super().__init__()
        self.head_conv = _norm_relu(nn.Conv2d(3, 32, 3, padding=1, bias=False), 32)
        self.block_1 = FirstBlock(32, 16)
        self.block_2 = _blocks(16, 24, 2, stride=2)
        self.block_3 = _blocks(24, 32, 3, stride=2)
        self.block_4 = _blocks(32, 64, 4, stride=2)
        self.block_5 = _blocks(64, 96, 3, stride=1)
        self.block_6 = _blocks(96, 160, 3, stride=2)
        self.block_7 = InvertedResidual(160, 320, stride=1, expansion=6)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        full = self.block_1(self.head_conv(image))
        half = self.block_2(full)
        quarter = self.block_3(half)
        eighth = self.block_5(self.block_4(quarter))
        return full, half, quarter, eighth, self.block_7(self.block_6(eighth))


def _norm_relu(convolution: nn.Conv2d, width: int) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU())


def _up(channels: int, width: int) -> nn.Sequential:
    enlarge = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
    return nn.Sequential(enlarge, *_norm_relu(nn.Conv2d(channels, width, 3, padding=1), width))


def _fusion(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width))


class TrimapNet(nn.Module):
    """T-Net: a U-shaped network on MobileNetV2."""

    def __init__(self) -> None:
        super().__init__()
        self.feature = Features()
        self.s5_up_conv, self.s4_fusion = _up(320, 96), _fusion(96)
        self.s4_up_conv, self.s3_fusion = _up(96, 32), _fusion(32)
        self.s3_up_conv, self.s2_fusion = _up(32, 24), _fusion(24)
        self.s2_up_conv, self.s1_fusion = _up(24, 16), _fusion(16)
        self.last_conv = nn.Conv2d(16, 3, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        full, half, quarter, eighth, features = self.feature(image)
        features = self.s4_fusion(self.s5_up_conv(features) + eighth)
        features = self.s3_fusion(self.s4_up_conv(features) + quarter)
        features = self.s2_fusion(self.s3_up_conv(features) + half)
        features = self.s1_fusion(self.s2_up_conv(features) + full)
        trimap: Tensor = self.last_conv(features)
        return trimap


def _plain(channels: int, width: int) -> nn.Sequential:
    return _norm_relu(nn.Conv2d(channels, width, 3, padding=1, bias=False), width)


def _enlarge(channels: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(channels, channels, 5, stride=2, padding=2, output_padding=1, bias=False)


class MattingNet(nn.Module):
    """M-Net: an encoder and decoder from image and trimap probabilities to a raw alpha."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.en_conv_bn_relu_1 = _plain(6, 16)
        self.en_conv_bn_relu_2 = _plain(16, 32)
        self.en_conv_bn_relu_3 = _plain(32, 64)
        self.en_conv_bn_relu_4 = _plain(64, 128)
        self.en_conv_bn_relu_5 = _plain(128, 128)  # the reference never calls it; kept so that its checkpoints load strictly
        self.de_conv_bn_relu_1, self.deconv_1 = _plain(128, 128), _enlarge(128)
        self.de_conv_bn_relu_2, self.deconv_2 = _plain(128, 64), _enlarge(64)
        self.de_conv_bn_relu_3, self.deconv_3 = _plain(64, 32), _enlarge(32)
        self.de_conv_bn_relu_4, self.deconv_4 = _plain(32, 16), _enlarge(16)
        self.conv = nn.Conv2d(16, 1, 5, padding=2, bias=False)

    def forward(self, image_and_trimap: Tensor) -> Tensor:
        features = self.pool(self.en_conv_bn_relu_1(image_and_trimap))
        features = self.pool(self.en_conv_bn_relu_2(features))
        features = self.pool(self.en_conv_bn_relu_3(features))
        features = self.pool(self.en_conv_bn_relu_4(features))
        features = self.deconv_1(self.de_conv_bn_relu_1(features))
        features = self.deconv_2(self.de_conv_bn_relu_2(features))
        features = self.deconv_3(self.de_conv_bn_relu_3(features))
        features = self.deconv_4(self.de_conv_bn_relu_4(features))
        alpha: Tensor = self.conv(features)
        return alpha


class Shm(SemanticMatting):
    """T-Net, M-Net and their fusion; H and W are multiples of 16.

    The reference trains the trimap with labels in the order background, unsure, foreground, though its fusion reads them otherwise; the
    weights of a checkpoint trained with it unchanged have adapted to that.
    """

    def __init__(self) -> None:
        super().__init__(TrimapNet(), MattingNet())


def build() -> Shm:
    """The bare network with random weights."""
    return Shm()


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A checkpoint of the reference's training (bare, or as nn.DataParallel writes it) -> ours."""
    return with_counters(without_prefix(state_dict, "module."))


class CompleteShm(nn.Module):
    def __init__(self, network: Shm) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, side: int = 320) -> tuple[Tensor, Tensor | None]:
        """Image [B, 3, H, W], RGB, 0..1 -> alpha [B, 1, H, W] in 0..1 and no foreground.

        As in the reference's test_camera.py and test_camera.sh, the whole image is resized to a square, here of `side` pixels
        (lowered to a multiple of 16), less the mean of that script (its training subtracts another), and alpha is resized back.
        """
        side = lower_to_multiple(side, 16)
        alpha = self.network(squeezed(image, side).to(self.network.t_net.last_conv.weight.dtype))[1]
        return stretched(alpha, image.shape[2], image.shape[3]), None


def wrap(network: Shm) -> CompleteShm:
    """The network with its reference's pre- and post-processing: `forward(image, side=320) -> (alpha, None)`."""
    return CompleteShm(network)
