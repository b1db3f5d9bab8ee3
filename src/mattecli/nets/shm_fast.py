"""The fast variant of Semantic Human Matting: a trimap network, a tiny matting network and their fusion; needs nothing but the image.

Chen et al., "Semantic Human Matting", ACM Multimedia 2018 (arXiv 1809.01354), gives the scheme. The two networks are those of the
branch `fast_human_matting` of github.com/lizhengwei1992/Semantic_Human_Matting (commit 9e3ccc1), whose only published checkpoint
(commit 9b973eb971f2) this file reads. Sub-modules are named as in that checkpoint.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from mattecli.nets.parts.dense import DenseEncoder, ResidualDenseBlock, stage
from mattecli.nets.parts.ops import double, lower_to_multiple, with_counters, without_prefix
from mattecli.nets.parts.semantic import SemanticMatting, squeezed, stretched


class TrimapNet(DenseEncoder):
    """T-Net: a feature pyramid of residual dense blocks."""

    def __init__(self) -> None:
        first = ResidualDenseBlock(24, parts=3)
        super().__init__(24, [first, stage(24, parts=3), stage(48, parts=4), stage(96, parts=4), stage(192, parts=6)])
        self.classifier = nn.Conv2d(192, 3, 1)
        self.stage3_down, self.conv_3 = nn.Conv2d(96, 3, 1), nn.Conv2d(3, 3, 3, padding=1)
        self.stage2_down, self.conv_2 = nn.Conv2d(48, 3, 1), nn.Conv2d(3, 3, 3, padding=1)
        self.stage1_down, self.conv_1 = nn.Conv2d(24, 3, 1), nn.Conv2d(3, 3, 3, padding=1)
        self.stage0_down, self.conv_0 = nn.Conv2d(24, 3, 1), nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        features_0, features_1, features_2, features_3, features_4 = self.encode(image)
        trimap = self.classifier(features_4)
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


class ShmFast(SemanticMatting):
    """T-Net, M-Net and their fusion; H and W are multiples of 32."""

    def __init__(self) -> None:
        super().__init__(TrimapNet(), MattingNet())


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

        As in the authors' test_camera.py, the whole image is resized to a square, here of `side` pixels (lowered to a multiple
        of 32), and alpha is resized back.
        """
        side = lower_to_multiple(side, 32)
        alpha = self.network(squeezed(image, side).to(self.network.t_net.classifier.weight.dtype))[1]
        return stretched(alpha, image.shape[2], image.shape[3]), None


def wrap(network: ShmFast) -> CompleteShmFast:
    """The network with its authors' pre- and post-processing: `forward(image, side=256) -> (alpha, None)`."""
    return CompleteShmFast(network)
