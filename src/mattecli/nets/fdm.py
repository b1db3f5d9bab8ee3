"""Fast Deep Matting: a tiny dilated dense segmentation and a feathering block; needs nothing but the image.

Zhu et al., "Fast Deep Matting for Portrait Animation on Mobile Phone", ACM Multimedia 2017 (arXiv 1707.08289). Its authors published
neither code nor weights; this is the network of github.com/huochaitiantang/pytorch-fast-matting-portrait (commit 8c40b60), whose
training writes the checkpoints read here. Sub-modules are named as in them, except the feathering block.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mattecli.nets.parts.feathering import Feathering, with_feathering
from mattecli.nets.parts.ops import double_softmax, lower_to_multiple, resize_linear, resize_linear_8bit, standardise, with_counters


def largest_of_four(image: Tensor) -> Tensor:
    """Max-pooling of 2 x 2 pixels; of three channels several times as fast on a CPU as F.max_pool2d."""
    upper = torch.maximum(image[:, :, ::2, ::2], image[:, :, ::2, 1::2])
    return torch.maximum(upper, torch.maximum(image[:, :, 1::2, ::2], image[:, :, 1::2, 1::2]))


class Fdm(nn.Module):
    """Image [B, 3, H, W], BGR, -1..1; H and W even -> segmentation [B, 2, H, W], alpha and its coefficients a, b, c, [B, 1, H, W] each.

    The segmentation holds the probabilities of background and foreground.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 13, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=2, dilation=2)
        self.conv3 = nn.Conv2d(32, 16, 3, padding=4, dilation=4)
        self.conv4 = nn.Conv2d(48, 16, 3, padding=6, dilation=6)
        self.conv5 = nn.Conv2d(64, 16, 3, padding=8, dilation=8)
        self.conv6 = nn.Conv2d(64, 2, 3, padding=1)
        self.feathering = Feathering()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        probabilities = double_softmax(self.segment(image.contiguous(memory_format=torch.channels_last)))  # faster on a CPU
        alpha, a, b, c = self.feathering(image, probabilities)
        return probabilities, alpha, a, b, c

    def segment(self, image: Tensor) -> Tensor:
        """Non-negative scores of background and foreground at half the size."""
        features = torch.cat((self.conv1(image), largest_of_four(image)), 1)
        dense_2 = torch.relu(self.conv2(features))
        features = torch.cat((features, dense_2), 1)
        dense_3 = torch.relu(self.conv3(features))
        features = torch.cat((features, dense_3), 1)
        dense_4 = torch.relu(self.conv4(features))
        dense_5 = torch.relu(self.conv5(torch.cat((features, dense_4), 1)))
        return torch.relu(self.conv6(torch.cat((dense_2, dense_3, dense_4, dense_5), 1)))


def build() -> Fdm:
    """The bare network with random weights."""
    return Fdm()


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A checkpoint of the reference's training -> ours."""
    return with_counters(with_feathering(state_dict, "newconvF1", "bn1", "newconvF2"))


class CompleteFdm(nn.Module):
    def __init__(self, network: Fdm) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, side: int = 128) -> tuple[Tensor, Tensor | None]:
        """Image [B, 3, H, W], RGB, 0..1 -> alpha [B, 1, H, W] in 0..1 and no foreground.

        As in the reference's core/deploy.py, the whole image is resized to a square, here of `side` pixels (lowered to an even
        number), and alpha is resized back. That script does not switch the network to evaluation and so normalises by the statistics
        of its one image; here the running statistics are used, so that images in a batch do not affect each other.
        """
        side = lower_to_multiple(side, 2)
        bgr = resize_linear_8bit(image, side, side).flip(1)
        centred = standardise(bgr, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]).to(self.network.conv1.weight.dtype)
        alpha = self.network(centred)[1]
        return resize_linear(alpha.float(), image.shape[2], image.shape[3]).clamp(0.0, 1.0), None


def wrap(network: Fdm) -> CompleteFdm:
    """The network with its reference's pre- and post-processing: `forward(image, side=128) -> (alpha, None)`."""
    return CompleteFdm(network)
