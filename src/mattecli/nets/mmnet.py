"""MMNet: portrait matting for mobile devices by blocks of many dilated branches; needs nothing but the image.

Seo et al., "Towards Real-Time Automatic Portrait Matting on Mobile Devices", 2019 (arXiv 1904.03816). Facts of the network:
github.com/hyperconnect/MMNet (commit aa423b5), in TensorFlow; its authors published no weights. Sub-modules are named as the
variables of its checkpoints, except for the replacements in RENAMED.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mattecli.nets.parts.ops import lower_to_multiple, with_counters

RENAMED = (
    ("MMNet/", ""),
    ("init_block/conv/", "init_block/"),
    ("/branch", "/branches/"),
    ("merge/pointwise_conv/", "merge/"),
    ("dec_block4/pointwise_conv/", "dec_block4/"),
    ("BatchNorm/gamma", "norm.weight"),
    ("BatchNorm/beta", "norm.bias"),
    ("BatchNorm/moving_mean", "norm.running_mean"),
    ("BatchNorm/moving_variance", "norm.running_var"),
    ("depthwise_weights", "conv.weight"),
    ("weights", "conv.weight"),
    ("biases", "conv.bias"),
    ("_block/pointwise_conv/conv", "_block"),
    ("/", "."),
)
# TensorFlow's kernels are [height, width, input, output], depthwise ones [height, width, channel, 1].
LAYOUTS = {"weights": (3, 2, 0, 1), "depthwise_weights": (2, 3, 0, 1)}
TRAINING_ONLY = ("/Adam", "/Adam_1", "/ExponentialMovingAverage")

WIDE = 8
"""oneDNN's depthwise convolutions pad themselves only below this dilation; padding beforehand is four times as fast from here on."""


def scaled(channels: int, width: float) -> int:
    """Channels times the width multiplier, to the nearest multiple of 8, but at least 8."""
    return max(8, (round(channels * width) + 4) // 8 * 8)


def resize_corners_aligned(image: Tensor, height: int, width: int) -> Tensor:
    """An image [B, C, H, W] resized bilinearly so that corner pixels land on corner pixels; no smoothing when shrinking."""
    if image.shape[2] == height and image.shape[3] == width:
        return image
    # F.interpolate's own operator: that function's checks, compiled at each call, are much of what loading an export parses.
    return torch.ops.aten.upsample_bilinear2d(image, [height, width], True)


def resize_from_corner(image: Tensor, height: int, width: int) -> Tensor:
    """An image [B, C, H, W] resized as TensorFlow 1 resizes bilinearly: sample k of n is taken at k * (old n) / n.

    With the last row and column repeated, and one more of each in the result, that is a resize with aligned corners.
    """
    if image.shape[2] == height and image.shape[3] == width:
        return image
    wider = F.pad(image, (0, 1, 0, 1), mode="replicate")
    return resize_corners_aligned(wider, height + 1, width + 1)[:, :, :height, :width]


class Unit(nn.Module):
    """A convolution with TensorFlow's SAME padding, batch norm and, unless `linear`, ReLU6; at stride 2 the padding is uneven."""

    def __init__(
        self, channels: int, width: int, kernel: int, *, stride: int = 1, rate: int = 1, groups: int = 1, linear: bool = False
    ) -> None:
        super().__init__()
        self.margin = rate if rate >= WIDE else 0
        padding = rate * (kernel // 2) if stride == 1 and rate < WIDE else 0
        self.conv = nn.Conv2d(channels, width, kernel, stride, padding, rate, groups, bias=False)
        self.norm = nn.BatchNorm2d(width, eps=1e-3, momentum=1e-3)
        self.strided = stride == 2
        self.linear = linear

    def forward(self, features: Tensor) -> Tensor:
        if self.strided:
            features = F.pad(features, (features.shape[3] % 2, 1, features.shape[2] % 2, 1))
        if self.margin > 0:
            features = F.pad(features, (self.margin, self.margin, self.margin, self.margin))
        result: Tensor = self.norm(self.conv(features))
        return result if self.linear else F.relu6(result)


def _depthwise(channels: int, *, stride: int = 1, rate: int = 1) -> Unit:
    return Unit(channels, channels, 3, stride=stride, rate=rate, groups=channels)


class Branch(nn.Sequential):
    """Each channel is filtered alone: once to halve the size, if it is to be halved, and once with the branch's dilation."""

    def __init__(self, channels: int, expanded: int, *, rate: int, stride: int) -> None:
        super().__init__()
        self.pointwise_conv = Unit(channels, expanded, 1)
        if stride == 2:
            self.depthwise_conv_stride = _depthwise(expanded, stride=2)
        self.depthwise_conv_dilation = _depthwise(expanded, rate=rate)


class Branches(nn.Module):
    """The encoder block: branches of growing dilation, side by side, merged by a 1 x 1 convolution."""

    def __init__(self, channels: int, expanded: int, width: int, rates: tuple[int, ...], *, stride: int = 1, linear: bool = True) -> None:
        super().__init__()
        self.branches = nn.ModuleList(Branch(channels, expanded, rate=rate, stride=stride) for rate in rates)
        self.merge = Unit(expanded * len(rates), width, 1, linear=linear)

    def forward(self, features: Tensor) -> Tensor:
        seen: list[Tensor] = []
        for branch in self.branches:
            seen.append(branch(features))
        result: Tensor = self.merge(torch.cat(seen, 1))
        return result


class Shortcut(nn.Sequential):
    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.depthwise_conv = _depthwise(channels)
        self.pointwise_conv = Unit(channels, width, 1)


class Decoder(nn.Module):
    """Narrows the features, enlarges them twofold and concatenates the encoder's features of that size."""

    def __init__(self, channels: int, skipped: int, width: int) -> None:
        super().__init__()
        self.pointwise_conv = Unit(channels, width, 1)
        self.shortcut = Shortcut(skipped, width)

    def forward(self, features: Tensor, skipped: Tensor) -> Tensor:
        enlarged = resize_from_corner(self.pointwise_conv(features), 2 * features.shape[2], 2 * features.shape[3])
        return torch.cat((enlarged, self.shortcut(skipped)), 1)


class MMNet(nn.Module):
    """Image [B, 3, H, W], RGB, 0..1; H and W multiples of 16 -> logits [B, 2, H, W] of background and person, and at 1/16 of the size.

    The second logits, which only training needs, come from the end of the encoder. `width` multiplies the channels of all layers between.
    """

    def __init__(self, width: float) -> None:
        super().__init__()
        w16, w24, w32, w40, w64, w80, w120 = (scaled(channels, width) for channels in (16, 24, 32, 40, 64, 80, 120))
        self.init_block = Unit(3, w32, 3, stride=2)
        self.enc_block0 = Branches(w32, w16, w16, (1, 2, 4, 8), stride=2)
        self.enc_block1 = Branches(w16, w16, w24, (1, 2, 4, 8))
        self.enc_block2 = Branches(w24, w24, w24, (1, 2, 4, 8))
        self.enc_block3 = Branches(w24, w24, w24, (1, 2, 4, 8))
        self.enc_block4 = Branches(w24, w32, w40, (1, 2, 4), stride=2)
        self.enc_block5 = Branches(w40, w64, w40, (1, 2, 4))
        self.enc_block6 = Branches(w40, w64, w40, (1, 2, 4))
        self.enc_block7 = Branches(w40, w64, w40, (1, 2, 4))
        self.enc_block8 = Branches(w40, w80, w80, (1, 2), stride=2)
        self.enc_block9 = Branches(w80, w120, w80, (1, 2), linear=False)
        self.dec_block0 = Decoder(w80, w40, w64)
        self.dec_block1 = Decoder(2 * w64, w16, w40)
        self.dec_block2 = Branches(2 * w40, w40, w40, (1, 2, 4))
        self.dec_block3 = Branches(w40, w40, w40, (1, 2, 4))
        self.dec_block4 = Unit(w40, w16, 1)
        self.final_block = nn.Conv2d(w16, 2, 1)
        self.aux_block = nn.Conv2d(w80, 2, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        scores, deep = self.scores(image)
        return resize_from_corner(scores, image.shape[2], image.shape[3]), self.aux_block(deep)

    def scores(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, 2, H/4, W/4], and the encoder's last features."""
        quarter = self.enc_block0(self.init_block(image))
        eighth = self.enc_block4(self.enc_block3(self.enc_block2(self.enc_block1(quarter))))
        deep = self.enc_block8(self.enc_block7(self.enc_block6(self.enc_block5(eighth))))
        deep = self.enc_block9(deep)
        features = self.dec_block1(self.dec_block0(deep, eighth), quarter)
        features = self.dec_block4(self.dec_block3(self.dec_block2(features)))
        # The authors enlarge first. The last convolution is 1x1, so that the order changes rounding alone.
        return self.final_block(features), deep


def build(*, width: float = 1.0) -> MMNet:
    """The bare network with random weights; its authors measure the width multipliers 0.5, 0.75, 1.0 and 1.4."""
    return MMNet(width)


def _is_variable(name: str) -> bool:
    return name.startswith("MMNet/") and not name.endswith(TRAINING_ONLY)


def _renamed(name: str) -> str:
    for published, ours in RENAMED:
        name = name.replace(published, ours)
    return name


def _rearranged(name: str, value: Tensor) -> Tensor:
    order = LAYOUTS.get(name.rpartition("/")[2])
    return value.permute(order).contiguous() if order and value.dim() == 4 else value


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The variables of the authors' TensorFlow checkpoint, under their names and in their layout, as tensors -> ours.

    What only training needs (counters, moments, shadow variables of moving averages) is left out.
    """
    if not any(name.startswith("MMNet/") for name in state_dict):
        return dict(state_dict)
    return with_counters({_renamed(name): _rearranged(name, value) for name, value in state_dict.items() if _is_variable(name)})


class CompleteMMNet(nn.Module):
    def __init__(self, network: MMNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, side: int = 256) -> tuple[Tensor, Tensor | None]:
        """Image [B, 3, H, W], RGB, 0..1 -> alpha [B, 1, H, W] in 0..1 and no foreground.

        As in the authors' training and evaluation, the whole image is stretched to a square, here of `side` pixels (lowered to a
        multiple of 16), with aligned corners, and alpha is resized to the image's size with `resize_from_corner`.
        """
        side = lower_to_multiple(side, 16)
        square = resize_corners_aligned(image, side, side)
        square = square.to(self.network.final_block.weight.dtype)
        scores = self.network.scores(square.contiguous(memory_format=torch.channels_last))[0].float()  # faster on a CPU
        alpha = torch.sigmoid(resize_from_corner(scores[:, 1:2] - scores[:, 0:1], side, side))  # the softmax of both
        return resize_from_corner(alpha, image.shape[2], image.shape[3]).clamp(0.0, 1.0), None


def wrap(network: MMNet, *, width: float = 1.0) -> CompleteMMNet:
    """The network with its authors' pre- and post-processing: `forward(image, side=256) -> (alpha, None)`; `width` is that of build()."""
    return CompleteMMNet(network)
