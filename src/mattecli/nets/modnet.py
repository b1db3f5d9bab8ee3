"""MODNet: portrait matting by three branches that share one pass; needs nothing but the image.

Ke et al., "MODNet: Real-Time Trimap-Free Portrait Matting via Objective Decomposition", AAAI 2022 (arXiv 2011.11961).
Facts of the published networks: github.com/ZHKKKe/MODNet (commit 28165a4). Sub-modules are named as in its checkpoints, except those
in RENAMED; the backbone, registered twice there, is here once.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mattecli.nets.parts.mobilenet import mobilenet_blocks, norm_relu6
from mattecli.nets.parts.ops import double, lower_to_multiple, resize_linear, standardise, with_counters, without_prefix
from mattecli.nets.parts.resample import resize_area

RENAMED = {
    "backbone.model.": "backbone.",
    "lr_branch.backbone.model.": "backbone.",
    "lr_branch.se_block.fc.0.": "lr_branch.se_block.squeeze.",
    "lr_branch.se_block.fc.2.": "lr_branch.se_block.excite.",
}


class MobileNetV2(nn.Module):
    """Image -> features at 1/2 (16 channels), 1/4 (24) and 1/32 (1280) of its size."""

    def __init__(self) -> None:
        super().__init__()
        last = nn.Sequential(nn.Conv2d(320, 1280, 1, bias=False), *norm_relu6(1280))
        self.features = nn.Sequential(*mobilenet_blocks(3), last)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        half, quarter, features = image, image, image
        for index, block in enumerate(self.features):
            features = block(features)
            if index == 1:
                half = features
            if index == 3:
                quarter = features
        return half, quarter, features


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance over all pixels of features [H, W, C]: [C] each.

    On a CPU the moments of each column of pixels are computed first: a float32 sum over the 262,144 pixels of a square of 512 would lose
    three digits. A GPU sums in parts anyway.
    """
    height, width, channels = features.shape
    if features.device.type != "cpu":
        variance, mean = torch.var_mean(features, [0, 1], unbiased=False)
        return mean, variance
    columns = features.reshape(1, height, 1, width * channels).permute(0, 3, 1, 2)
    means, variances = torch.batch_norm_update_stats(columns, None, None, 0.0)
    means = means.view(width, channels)
    mean = means.mean(0)
    return mean, (variances.view(width, channels) + (means - mean) ** 2).mean(0)


class HalfInstanceNorm(nn.Module):
    """Batch norm on the first half of the channels, instance norm on the second.

    The instance norm runs in float32 whatever the network's precision: at side 512 its sums leave the range of float16. In evaluation
    float32 features are normalised in place, which saves memory and bandwidth; no other layer reads them.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = channels // 2
        self.bnorm = nn.BatchNorm2d(self.first)

    def forward(self, features: Tensor) -> Tensor:
        if self.training or features.requires_grad:
            by_batch = self.bnorm(features[:, : self.first])
            by_instance = F.instance_norm(features[:, self.first :].float())
            return torch.cat((by_batch, by_instance.to(features.dtype)), 1)
        wide = features.float()
        scale, shift = self.scale_and_shift(wide)
        return torch.addcmul(shift, wide, scale, out=wide).to(features.dtype)

    def scale_and_shift(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and shift of both norms, [B, C, 1, 1] each, so that features are read twice and written once, both halves together."""
        norm = self.bnorm
        assert norm.running_mean is not None and norm.running_var is not None
        scales: list[Tensor] = []
        shifts: list[Tensor] = []
        for item in features.permute(0, 2, 3, 1):
            mean, variance = moments(item)
            mean = torch.cat((norm.running_mean.float(), mean[self.first :]))
            variance = torch.cat((norm.running_var.float(), variance[self.first :]))
            weight = torch.cat((norm.weight.float(), torch.ones_like(mean[self.first :])))
            bias = torch.cat((norm.bias.float(), torch.zeros_like(mean[self.first :])))
            scales.append(weight * torch.rsqrt(variance + norm.eps))
            shifts.append(bias - mean * scales[-1])
        return torch.stack(scales)[:, :, None, None], torch.stack(shifts)[:, :, None, None]


class Convolution(nn.Module):
    """A convolution that keeps the size at stride 1; with norm and ReLU unless it ends a branch."""

    def __init__(self, channels: int, width: int, kernel: int, *, stride: int = 1, last: bool = False) -> None:
        super().__init__()
        tail: list[nn.Module] = [] if last else [HalfInstanceNorm(width), nn.ReLU(inplace=True)]
        self.layers: Any = nn.Sequential(nn.Conv2d(channels, width, kernel, stride, kernel // 2), *tail)

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = self.layers(features)
        return result


class EnlargingConvolution(Convolution):
    """`double`, and a `Convolution`.

    A float32 CPU multiplies before it enlarges, a quarter of the pixels: products with each of the kernel's taps are enlarged, then added
    where the taps lie. Elsewhere that would only cost memory and, in bfloat16, digits.
    """

    def forward(self, features: Tensor) -> Tensor:
        if self.training or features.device.type != "cpu" or features.dtype != torch.float32:
            result: Tensor = self.layers(double(features))
            return result
        bias = self.layers[0].bias
        assert bias is not None
        summed = enlarged_and_convolved(features, self.layers[0].weight, bias)
        normal: Tensor = self.layers[2](self.layers[1](summed))
        return normal


def enlarged_and_convolved(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Features [B, C, H, W] -> [B, N, 2 H, 2 W]: `double`, and a convolution of a square kernel that keeps the size, in another order."""
    width, channels, side, _ = weight.shape
    taps = weight.flip((2, 3)).permute(0, 2, 3, 1).reshape(width * side * side, channels, 1, 1)
    products = double(F.conv2d(features, taps).contiguous())
    size, kernel, padding = [products.shape[2], products.shape[3]], [side, side], [side // 2, side // 2]
    summed = torch.ops.aten.col2im(products.flatten(2), size, kernel, [1, 1], padding, [1, 1])
    return (summed + bias[:, None, None]).contiguous(memory_format=torch.channels_last)


class SqueezeExcitation(nn.Module):
    """Weights channels by global context (Hu et al., CVPR 2018)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, squeezed, bias=False)
        self.excite = nn.Linear(squeezed, channels, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        squeezed = torch.relu(self.squeeze(features.mean((2, 3))))
        return features * torch.sigmoid(self.excite(squeezed)).unsqueeze(2).unsqueeze(3)


class LowResolutionBranch(nn.Module):
    """Semantic estimation: where the person is, at 1/16, and its features at 1/8."""

    def __init__(self) -> None:
        super().__init__()
        self.se_block = SqueezeExcitation(1280, 320)
        self.conv_lr16x = EnlargingConvolution(1280, 96, 5)
        self.conv_lr8x = Convolution(96, 32, 5)
        self.conv_lr = Convolution(32, 1, 3, stride=2, last=True)

    def forward(self, deep: Tensor, inference: bool) -> tuple[Tensor | None, Tensor]:
        features = self.conv_lr16x(self.se_block(deep))
        features = self.conv_lr8x(double(features))
        semantic = None if inference else torch.sigmoid(self.conv_lr(features))
        return semantic, features


class HighResolutionBranch(nn.Module):
    """Detail prediction: the outline at full size, and its features at 1/2."""

    def __init__(self) -> None:
        super().__init__()
        self.tohr_enc2x = Convolution(16, 32, 1)
        self.conv_enc2x = Convolution(32 + 3, 32, 3, stride=2)
        self.tohr_enc4x = Convolution(24, 32, 1)
        self.conv_enc4x = Convolution(64, 64, 3)
        self.conv_hr4x = nn.Sequential(Convolution(96 + 3, 64, 3), Convolution(64, 64, 3), Convolution(64, 32, 3))
        self.conv_hr2x = nn.Sequential(Convolution(64, 64, 3), Convolution(64, 32, 3), Convolution(32, 32, 3), Convolution(32, 32, 3))
        self.conv_hr = nn.Sequential(Convolution(32 + 3, 32, 3), Convolution(32, 1, 1, last=True))

    def forward(self, image: Tensor, half: Tensor, quarter: Tensor, low: Tensor, inference: bool) -> tuple[Tensor | None, Tensor]:
        image_half = resize_linear(image, image.shape[2] // 2, image.shape[3] // 2)
        image_quarter = resize_linear(image, image.shape[2] // 4, image.shape[3] // 4)
        half = self.tohr_enc2x(half)
        features = self.conv_enc2x(torch.cat((image_half, half), 1))
        features = self.conv_enc4x(torch.cat((features, self.tohr_enc4x(quarter)), 1))
        features = self.conv_hr4x(torch.cat((features, double(low), image_quarter), 1))
        features = self.conv_hr2x(torch.cat((double(features), half), 1))
        detail = None if inference else torch.sigmoid(self.conv_hr(torch.cat((double(features), image), 1)))
        return detail, features


class FusionBranch(nn.Module):
    """Semantic-detail fusion: the matte at full size."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_lr4x = Convolution(32, 32, 5)
        self.conv_f2x = Convolution(64, 32, 3)
        self.conv_f = nn.Sequential(Convolution(32 + 3, 16, 3), Convolution(16, 1, 1, last=True))

    def forward(self, image: Tensor, low: Tensor, high: Tensor) -> Tensor:
        low = double(self.conv_lr4x(double(low)))
        features = self.conv_f2x(torch.cat((low, high), 1))
        return torch.sigmoid(self.conv_f(torch.cat((double(features), image), 1)))


class MODNet(nn.Module):
    """Image [B, 3, H, W], RGB, -1..1, H and W multiples of 32 -> semantic [B, 1, H/16, W/16], detail and matte [B, 1, H, W], all 0..1.

    With `inference` the first two, which only training needs, are None.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = MobileNetV2()
        self.lr_branch = LowResolutionBranch()
        self.hr_branch = HighResolutionBranch()
        self.f_branch = FusionBranch()

    def forward(self, image: Tensor, inference: bool = True) -> tuple[Tensor | None, Tensor | None, Tensor]:
        half, quarter, deep = self.backbone(image)
        semantic, low = self.lr_branch(deep, inference)
        detail, high = self.hr_branch(image, half, quarter, low, inference)
        return semantic, detail, self.f_branch(image, low, high)


def build() -> MODNet:
    """The bare network with random weights."""
    return MODNet()


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' checkpoint, with or without `module.`, its backbone under either or both of its names -> ours.

    Where both are there the one inside `lr_branch` counts, as it does when the authors load the file.
    """
    state = without_prefix(state_dict, "module.")
    for published, ours in RENAMED.items():
        for key in [key for key in state if key.startswith(published)]:
            state[ours + key.removeprefix(published)] = state.pop(key)
    return with_counters(state)


def network_size(height: int, width: int, side: int) -> tuple[int, int]:
    """The size at which the authors run an image, each side lowered to a multiple of 32.

    As in their demo/image_matting/colab/inference.py the shorter side becomes `side`, but an image that has `side` between its two
    sides keeps its size. The limit of 4 x `side` for the longer side is an addition that bounds memory; only images
    longer than 4:1 reach it.
    """
    if max(height, width) < side or min(height, width) > side:
        if width >= height:
            height, width = side, int(width / height * side)
        else:
            height, width = int(height / width * side), side
    longest = 4 * side
    return lower_to_multiple(min(height, longest), 32), lower_to_multiple(min(width, longest), 32)


class CompleteMODNet(nn.Module):
    def __init__(self, network: MODNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, side: int = 512) -> tuple[Tensor, Tensor | None]:
        """Image [B, 3, H, W], RGB, 0..1 -> alpha [B, 1, H, W] in 0..1 and no foreground.

        The network runs with its shorter side at about `side` pixels, see `network_size`: 4 x `side` bounds the longer one.
        """
        height, width = network_size(image.shape[2], image.shape[3], side)
        # Convolutions are faster in channels-last order, which an image that needs no resizing does not have yet.
        resized = resize_area(image, height, width).contiguous(memory_format=torch.channels_last)
        centred = standardise(resized, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5])
        alpha = self.network(centred.to(self.network.lr_branch.se_block.squeeze.weight.dtype), True)[2]
        return resize_area(alpha.float(), image.shape[2], image.shape[3]).clamp(0.0, 1.0), None


def wrap(network: MODNet) -> CompleteMODNet:
    """The network with its authors' pre- and post-processing: `forward(image, side=512) -> (alpha, None)`."""
    return CompleteMODNet(network)
