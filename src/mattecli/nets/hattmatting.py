"""HAttMatting: attention over a feature pyramid and over low-level cues; needs nothing but the image, of any subject.

Qiao et al., "Attention-Guided Hierarchical Structure Aggregation for Image Matting", CVPR 2020 (pp. 13673-13682). Its authors published
neither code nor weights, so nothing here could be compared with theirs. Where each choice comes from:

The paper's: a ResNeXt-101; a pyramid of dilated convolutions (ASPP) on its last block; channel-wise attention on the pyramid by global
pooling, a shared MLP and a sigmoid ("pyramidal features distillation"); spatial attention on the features of the first block by two
parallel paths of 1 x 7 and 7 x 1 convolutions ("appearance cues filtration").

Where unofficial implementations agree: five branches of 256 channels in the pyramid; upsampling by 4 before the attention and by 2 after
the fusion; a 3 x 3 convolution of the semantics before the paths and of the cues after their gate; cues before semantics in the fusion.

Our choices, where no source decides: the variant 32 x 8d; no pooling after the first convolution and a dilated last block, which give the
strides of 2 and 8 that the upsampling asks for; dilations of 6, 12 and 18; average and maximum pooling, 16 channels inside the MLP; one
gate a channel in the spatial attention; batch norm; a bare last convolution and a sigmoid; bilinear upsampling without aligned corners;
ImageNet's mean and deviation; padding by repetition; the limit on the image's size.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mattecli.nets.parts.ops import standardise, with_counters, without_prefix
from mattecli.nets.parts.resample import resize_area


class Bottleneck(nn.Module):
    """Narrow, filter in 32 groups, widen, add the input (Xie et al., "Aggregated Residual Transformations", CVPR 2017)."""

    def __init__(self, channels: int, hidden: int, width: int, *, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden)
        self.conv2 = nn.Conv2d(hidden, hidden, 3, stride, dilation, dilation, groups=32, bias=False)
        self.bn2 = nn.BatchNorm2d(hidden)
        self.conv3, self.bn3 = nn.Conv2d(hidden, width, 1, bias=False), nn.BatchNorm2d(width)
        self.downsample = nn.Sequential()
        if channels != width:
            self.downsample.extend([nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)])

    def forward(self, features: Tensor) -> Tensor:
        result = torch.relu(self.bn1(self.conv1(features)))
        result = torch.relu(self.bn2(self.conv2(result)))
        return torch.relu(self.bn3(self.conv3(result)) + self.downsample(features))


def _block(channels: int, hidden: int, width: int, units: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    first = Bottleneck(channels, hidden, width, stride=stride, dilation=dilation)
    return nn.Sequential(first, *(Bottleneck(width, hidden, width, stride=1, dilation=dilation) for _ in range(units - 1)))


class ResNeXt101(nn.Module):
    """Image -> features of the first block at 1/2 of its size (`channels`, 256 in the paper) and of the last at 1/8 (8 times as many).

    Sub-modules are named as in torchvision, so that its ImageNet weights fit.
    """

    def __init__(self, width_per_group: int, channels: int) -> None:
        super().__init__()
        hidden = 32 * width_per_group
        self.conv1, self.bn1 = nn.Conv2d(3, channels // 4, 7, 2, 3, bias=False), nn.BatchNorm2d(channels // 4)
        self.layer1 = _block(channels // 4, hidden, channels, 3)
        self.layer2 = _block(channels, 2 * hidden, 2 * channels, 4, stride=2)
        self.layer3 = _block(2 * channels, 4 * hidden, 4 * channels, 23, stride=2)
        self.layer4 = _block(4 * channels, 8 * hidden, 8 * channels, 3, dilation=2)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        low = self.layer1(torch.relu(self.bn1(self.conv1(image))))
        return low, self.layer4(self.layer3(self.layer2(low)))


class Unit(nn.Sequential):
    """Convolution, batch norm, ReLU; keeps the size."""

    def __init__(self, channels: int, width: int, kernel: tuple[int, int], *, rate: int = 1) -> None:
        padding = (kernel[0] // 2 * rate, kernel[1] // 2 * rate)
        convolution = nn.Conv2d(channels, width, kernel, padding=padding, dilation=rate, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(width), nn.ReLU())


class Pyramid(nn.Module):
    """ASPP: context at several dilations and of the whole image (Chen et al., DeepLabv3, arXiv 1706.05587).

    In training, the batch norm of the whole image's branch needs more than one image.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.here = Unit(8 * channels, channels, (1, 1))
        self.near = Unit(8 * channels, channels, (3, 3), rate=6)
        self.far = Unit(8 * channels, channels, (3, 3), rate=12)
        self.farther = Unit(8 * channels, channels, (3, 3), rate=18)
        self.everywhere = Unit(8 * channels, channels, (1, 1))
        self.fusion = Unit(5 * channels, channels, (1, 1))

    def forward(self, features: Tensor) -> Tensor:
        whole = self.everywhere(features.mean((2, 3), keepdim=True)).expand(-1, -1, features.shape[2], features.shape[3])
        views = (self.here(features), self.near(features), self.far(features), self.farther(features), whole)
        result: Tensor = self.fusion(torch.cat(views, 1))
        return result


class Distillation(nn.Module):
    """Pyramidal features distillation: weights the channels of the pyramid by global context."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(channels, 16), nn.ReLU(), nn.Linear(16, channels))

    def gate(self, pyramid: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, 1, 1] in 0..1."""
        logits = self.shared(pyramid.mean((2, 3))) + self.shared(pyramid.amax((2, 3)))
        return torch.sigmoid(logits).unsqueeze(2).unsqueeze(3)

    def forward(self, pyramid: Tensor) -> Tensor:
        return pyramid * self.gate(pyramid)


class Filtration(nn.Module):
    """Appearance cues filtration: semantics gate the low-level cues, and both give the logits of alpha."""

    def __init__(self, channels: int, gates: int) -> None:
        super().__init__()
        self.semantics = Unit(channels, channels, (3, 3))
        self.rows_first = nn.Sequential(Unit(channels, channels, (1, 7)), Unit(channels, channels, (7, 1)))
        self.columns_first = nn.Sequential(Unit(channels, channels, (7, 1)), Unit(channels, channels, (1, 7)))
        self.map = nn.Conv2d(2 * channels, gates, 1)
        self.cues = Unit(channels, channels, (3, 3))
        self.last = nn.Conv2d(2 * channels, 1, 3, padding=1)

    def gate(self, semantics: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, gates, H, W] in 0..1."""
        return torch.sigmoid(self.map(torch.cat((self.rows_first(semantics), self.columns_first(semantics)), 1)))

    def forward(self, low: Tensor, distilled: Tensor) -> Tensor:
        semantics = self.semantics(distilled)
        cues = self.cues(low * self.gate(semantics))
        logits: Tensor = self.last(torch.cat((cues, semantics), 1))
        return logits


class HAttMatting(nn.Module):
    """Image [B, 3, H, W], RGB, less ImageNet's mean, over its deviation; H and W multiples of 8 -> alpha [B, 1, H, W] in 0..1."""

    def __init__(self, width_per_group: int, gates: int, channels: int) -> None:
        super().__init__()
        self.backbone = ResNeXt101(width_per_group, channels)
        self.pyramid = Pyramid(channels)
        self.distillation = Distillation(channels)
        self.filtration = Filtration(channels, gates)

    def forward(self, image: Tensor) -> Tensor:
        low, high = self.backbone(image)
        pyramid = F.interpolate(self.pyramid(high), scale_factor=4.0, mode="bilinear", align_corners=False)
        logits = self.filtration(low, self.distillation(pyramid))
        return torch.sigmoid(F.interpolate(logits, scale_factor=2.0, mode="bilinear", align_corners=False))


def build(*, width_per_group: int = 8, gates: int = 256, channels: int = 256) -> HAttMatting:
    """The bare network with random weights: on ResNeXt-101 32 x 8d, or with `width_per_group` 4 on 32 x 4d.

    `channels` are those of the first block; all others but the groups' are in proportion. `gates` is as many, or 1.
    """
    return HAttMatting(width_per_group, gates, channels)


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A checkpoint of this network, bare or as nn.DataParallel writes it; there is no published layout."""
    return with_counters(without_prefix(state_dict, "module."))


class CompleteHAttMatting(nn.Module):
    def __init__(self, network: HAttMatting) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, side: int = 1024) -> tuple[Tensor, Tensor | None]:
        """Image [B, 3, H, W], RGB, 0..1 -> alpha [B, 1, H, W] in 0..1 and no foreground.

        The network runs at the image's size, but with its longer side at most `side` pixels, padded to multiples of 8.
        """
        scale = min(1.0, side / max(image.shape[2], image.shape[3]))
        height, width = max(int(image.shape[2] * scale + 0.5), 1), max(int(image.shape[3] * scale + 0.5), 1)
        resized = resize_area(image, height, width)
        centred = standardise(resized, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        padded = F.pad(centred, (0, -width % 8, 0, -height % 8), mode="replicate")
        alpha = self.network(padded.to(self.network.filtration.last.weight.dtype)).float()[:, :, :height, :width]
        return F.interpolate(alpha, size=[image.shape[2], image.shape[3]], mode="bilinear", align_corners=False).clamp(0.0, 1.0), None


def wrap(network: HAttMatting, *, width_per_group: int = 8, gates: int = 256, channels: int = 256) -> CompleteHAttMatting:
    """The network with our own pre- and post-processing: `forward(image, side=1024) -> (alpha, None)`."""
    return CompleteHAttMatting(network)
