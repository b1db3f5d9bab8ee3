"""Portrait matting for mobile phones: an encoder of residual dense blocks, with the feathering block of Fast Deep Matting behind it.

The network of github.com/lizhengwei1992/mobile_phone_human_matting (commit 0af9699), which has no paper of its own; the feathering is
that of Zhu et al., "Fast Deep Matting for Portrait Animation on Mobile Phone", ACM Multimedia 2017 (arXiv 1707.08289). Sub-modules are
named as in its published checkpoint, except the feathering block.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mattecli.nets.parts.dense import DenseEncoder, ResidualDenseBlock, convolution, stage
from mattecli.nets.parts.feathering import Feathering, with_feathering
from mattecli.nets.parts.ops import double, double_softmax, lower_to_multiple, resize_cubic_8bit, standardise, with_counters, without_prefix
from mattecli.nets.parts.resample import resize_cubic


class Segmenter(DenseEncoder):
    """Image -> logits of background and person at half its size, from coarse to fine. All four levels share one PReLU."""

    def __init__(self) -> None:
        single = [ResidualDenseBlock(channels, parts=3) for channels in (12, 24, 48)]
        super().__init__(12, [*single, stage(96, parts=6), stage(192, parts=6)])
        self.classifier = nn.Conv2d(192, 2, 1, bias=False)
        self.prelu = nn.PReLU(2)
        self.stage3_down, self.bn3, self.conv_3 = convolution(96, 2), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3, padding=1, bias=False)
        self.stage2_down, self.bn2, self.conv_2 = convolution(48, 2), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3, padding=1, bias=False)
        self.stage1_down, self.bn1, self.conv_1 = convolution(24, 2), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3, padding=1, bias=False)
        self.stage0_down, self.bn0, self.conv_0 = convolution(12, 2), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3, padding=1, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        features_0, features_1, features_2, features_3, features_4 = self.encode(image)
        logits = self.classifier(features_4)
        logits = self.conv_3(double(logits) + self.prelu(self.bn3(self.stage3_down(features_3))))
        logits = self.conv_2(double(logits) + self.prelu(self.bn2(self.stage2_down(features_2))))
        logits = self.conv_1(double(logits) + self.prelu(self.bn1(self.stage1_down(features_1))))
        return self.conv_0(double(logits) + self.prelu(self.bn0(self.stage0_down(features_0))))


class FdmErd(nn.Module):
    """Image [B, 3, H, W], BGR, less its mean; H and W multiples of 32 -> segmentation [B, 2, H, W] and alpha [B, 1, H, W].

    The segmentation holds the logits of background and person.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seg_extract = Segmenter()
        self.feathering = Feathering()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.seg_extract(image.contiguous(memory_format=torch.channels_last))  # faster on a CPU
        return double(logits), self.feathering(image, double_softmax(logits))[0]


def build() -> FdmErd:
    """The bare network with random weights."""
    return FdmErd()


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' checkpoint (bare, or as nn.DataParallel writes it) -> ours."""
    return with_counters(with_feathering(without_prefix(state_dict, "module."), "convF1", "bn", "convF2"))


class CompleteFdmErd(nn.Module):
    def __init__(self, network: FdmErd) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, side: int = 256) -> tuple[Tensor, Tensor | None]:
        """Image [B, 3, H, W], RGB, 0..1 -> alpha [B, 1, H, W] in 0..1 and no foreground.

        As in the authors' deploy.py and test.sh, the whole image is resized to a square, here of `side` pixels (lowered to a
        multiple of 32), and alpha is resized back.
        """
        side = lower_to_multiple(side, 32)
        bgr = resize_cubic_8bit(image, side, side).flip(1)
        centred = standardise(bgr, [104.0 / 255.0, 112.0 / 255.0, 121.0 / 255.0], [1.0, 1.0, 1.0])
        alpha = self.network(centred.to(self.network.seg_extract.classifier.weight.dtype))[1]
        return resize_cubic(alpha.float(), image.shape[2], image.shape[3]).clamp(0.0, 1.0), None


def wrap(network: FdmErd) -> CompleteFdmErd:
    """The network with its authors' pre- and post-processing: `forward(image, side=256) -> (alpha, None)`."""
    return CompleteFdmErd(network)
