"""Semantic Image Matting: a classifier predicts which of twenty matting classes the unknown regions are (hair, fur, net, smoke, ...),
and its class activations are a further input of the matting network.

Sun, Tang, Tai, "Semantic Image Matting", CVPR 2021 (arXiv 2104.08201); facts from github.com/nowsyn/SIM (commit dc5ed5a). Sub-modules
are named as in the authors' checkpoints.
"""

from collections.abc import Mapping
from typing import List

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mattecli.nets.closed_form import ClosedForm
from mattecli.nets.parts.distances import squared_distance
from mattecli.nets.parts.ops import (
    double,
    levels_with_prior,
    mirrored,
    resize_linear,
    shrunk,
    standardise,
    trimap_levels,
    with_counters,
    with_known,
    without_prefix,
)
from mattecli.nets.parts.resnet import Bottleneck

CLASSES = 20


class StandardisedConv2d(nn.Conv2d):
    """A convolution whose filters have mean 0 and deviation 1 (weight standardisation, Qiao et al., arXiv 1903.10520)."""

    def forward(self, input: Tensor) -> Tensor:
        weight = self.weight.float()
        weight = weight - weight.mean((1, 2, 3), keepdim=True)
        deviation = torch.sqrt(weight.flatten(1).var(1) + 1e-12) + 1e-5
        return self._conv_forward(input, (weight / deviation[:, None, None, None]).to(input.dtype), self.bias)


def _stage(channels: int, width: int, blocks: int, *, stride: int = 1, dilations: tuple[int, int] = (1, 1)) -> nn.Sequential:
    """Bottleneck blocks; `dilations` of the first one and of the others."""
    first = Bottleneck(channels, width, stride=stride, dilation=dilations[0])
    return nn.Sequential(first, *(Bottleneck(4 * width, width, stride=1, dilation=dilations[1]) for _ in range(blocks - 1)))


class Classifier(nn.Module):
    """ResNet-50 on standardised RGB and trimap [B, 4, H, W] -> logits [B, 20], class activations [B, 20, H/32, W/32], pooled features.

    `width` is 64 in the authors' networks, here and below; all channels but the heads' are multiples of it.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(4, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = _stage(width, width, 3)
        self.layer2 = _stage(4 * width, 2 * width, 4, stride=2)
        self.layer3 = _stage(8 * width, 4 * width, 6, stride=2)
        self.layer4 = _stage(16 * width, 8 * width, 3, stride=2)
        self.fc = nn.Linear(32 * width, CLASSES)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = F.max_pool2d(torch.relu(self.bn1(self.conv1(picture))), 3, 2, 1)
        features = self.layer4(self.layer3(self.layer2(self.layer1(features))))
        activations = F.conv2d(features, self.fc.weight[:, :, None, None])
        pooled = features.mean((2, 3), keepdim=True)
        return self.fc(pooled.flatten(1)), activations, pooled


class Encoder(nn.Module):
    """ResNet-50 with a stem of three convolutions, the last two stages dilated: features at 1/2 (128), 1/4 (256) and 1/8 (2048)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(11, width, 3, 2, 1, bias=False)
        self.conv1_side = nn.Conv2d(CLASSES, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 2 * width, 3, padding=1, bias=False), nn.BatchNorm2d(2 * width)
        self.layer1 = _stage(2 * width, width, 3)
        self.layer2 = _stage(4 * width, 2 * width, 4, stride=2)
        self.layer3 = _stage(8 * width, 4 * width, 6, dilations=(1, 2))
        self.layer4 = _stage(16 * width, 8 * width, 3, dilations=(2, 4))

    def forward(self, picture: Tensor, semantics: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = torch.relu(self.bn1(self.conv1(picture) + self.conv1_side(semantics)))
        half = torch.relu(self.bn3(self.conv3(torch.relu(self.bn2(self.conv2(features))))))
        quarter = self.layer1(F.max_pool2d(half, 3, 2, 1))
        return half, quarter, self.layer4(self.layer3(self.layer2(quarter)))


def _rectified(channels: int, width: int, kernel: int, dilation: int) -> list[nn.Module]:
    padding = dilation * (kernel // 2)
    convolution = StandardisedConv2d(channels, width, kernel, padding=padding, dilation=dilation, bias=False)
    return [convolution, nn.BatchNorm2d(width), nn.ReLU()]


class PyramidPooling(nn.Module):
    """ASPP on the deepest features: [B, 2048, H, W] -> [B, 256, H, W]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        deep, shallow = 32 * width, 4 * width
        dilated = [nn.Sequential(*_rectified(deep, shallow, 3, dilation)) for dilation in (12, 24, 36)]
        whole = nn.Sequential(nn.AdaptiveAvgPool2d(1), *_rectified(deep, shallow, 1, 1))
        self.convs = nn.ModuleList([nn.Sequential(*_rectified(deep, shallow, 1, 1)), *dilated, whole])
        self.project = nn.Sequential(*_rectified(5 * shallow, shallow, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        height, width = features.shape[2], features.shape[3]
        views = [view(features).expand(-1, -1, height, width) for view in self.convs]  # only the pooled one is expanded
        result: Tensor = self.project(torch.cat(views, 1))
        return result


def _leaky(channels: int, width: int) -> list[nn.Module]:
    return [StandardisedConv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.LeakyReLU()]


def _head(channels: int, width: int) -> nn.Sequential:
    hidden = [nn.Conv2d(channels, 32, 3, padding=1), nn.LeakyReLU(), nn.Conv2d(32, 16, 3, padding=1), nn.LeakyReLU()]
    return nn.Sequential(*hidden, nn.Conv2d(16, width, 1, bias=False))


class Decoder(nn.Module):
    """Features and `guide` (the standardised RGB, the image and the trimap, [B, 8, H, W]) -> alpha, fg, bg and, if asked, r1, r2, r3."""

    def __init__(self, width: int) -> None:
        super().__init__()
        shallow = 4 * width
        self.global_module = PyramidPooling(width)
        self.conv_up1 = nn.Sequential(*_leaky(32 * width + shallow, shallow), *_leaky(shallow, shallow))
        self.conv_up2 = nn.Sequential(*_leaky(shallow + shallow, shallow))
        self.conv_up3 = nn.Sequential(*_leaky(shallow + 2 * width, width))
        self.conv_up4_alpha = _head(width + 8, 1)
        self.conv_up4_fb = _head(width + 8, 6)
        self.conv_up4_attn = _head(width, 3)

    def forward(self, half: Tensor, quarter: Tensor, deep: Tensor, guide: Tensor, attention: bool) -> List[Tensor]:
        features = double(self.conv_up1(torch.cat((deep, self.global_module(deep)), 1)))
        features = double(self.conv_up2(torch.cat((features, quarter), 1)))
        features = double(self.conv_up3(torch.cat((features, half), 1)))
        guided = torch.cat((features, guide), 1)
        colours = torch.sigmoid(self.conv_up4_fb(guided))
        result = [self.conv_up4_alpha(guided).clamp(0.0, 1.0), colours[:, :3], colours[:, 3:]]
        if attention:
            result += torch.sigmoid(self.conv_up4_attn(features)).split(1, 1)
        return result


class Matting(nn.Module):
    """Image [B, 3, H, W], RGB, 0..1, H and W multiples of 8; where it is background and foreground [B, 2, H, W]; the image
    standardised; nearness to background and foreground [B, 6, H, W]; semantics [B, 20, H, W] -> alpha [B, 1, H, W], foreground and
    background colours [B, 3, H, W], all 0..1, and with `attention` the training's three weight maps r1, r2, r3 [B, 1, H, W].
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.encoder = Encoder(width)
        self.decoder = Decoder(width)

    def forward(
        self, image: Tensor, known: Tensor, standardised: Tensor, nearness: Tensor, semantics: Tensor, attention: bool = False
    ) -> List[Tensor]:
        half, quarter, deep = self.encoder(torch.cat((standardised, nearness, known), 1), semantics)
        result: List[Tensor] = self.decoder(half, quarter, deep, torch.cat((standardised, image, known), 1), attention)
        return result


class Sim(nn.Module):
    """The two networks; the authors train and run them separately, so this has no forward of its own."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.matting = Matting(width)
        self.classifier = Classifier(width)


def build(width: float = 1.0, prior: bool = False) -> Sim:
    """The bare networks with random weights; `width` multiplies the authors' channels. `prior` is for `wrap`."""
    return Sim(int(64 * width))


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The checkpoint of the matting network or that of the classifier, bare or as nn.DataParallel writes it -> that part of ours."""
    state = without_prefix(state_dict, "module.")
    if any(key.startswith(("encoder.", "decoder.")) for key in state):
        state = {f"matting.{key}": value for key, value in state.items()}
    elif any(key.startswith("fc.") for key in state):
        state = {f"classifier.{key}": value for key, value in state.items()}
    return with_counters(state)


def windows(side: int, window: int) -> List[List[int]]:
    """Beginning and end of the classifier's windows along one side, as in the authors' scripts/main.py: at half-window steps.

    On a side shorter than the window the authors' code counts the negative start from the far end, so a side between half a window and
    a whole one is covered only in part. Kept, because their published numbers were computed so.
    """
    found = [[start, start + window] for start in range(0, side - window, window // 2)]
    found.append([side - window if side >= window else max(0, 2 * side - window), side])
    return found


def nearness(known: Tensor) -> Tensor:
    """Three Gaussians of the distance to the known background, then to the known foreground: bool [1, 2, H, W] -> [1, 6, H, W].

    Beyond the reach the widest is below 1e-7. An absent class gives 0.
    """
    squares = squared_distance(known[0], 292)
    planes: List[Tensor] = []
    for index in range(2):
        present = known[0, index].any().float()
        for share in [0.02, 0.08, 0.16]:
            planes.append(torch.exp(-squares[index] / (2.0 * (share * 320.0) ** 2)) * present)
    return torch.stack(planes)[None]


def rescaled(planes: Tensor) -> Tensor:
    """Planes [B, C, H, W] of each image from 0, their least value, to 1, their greatest."""
    least, greatest = planes.amin((1, 2, 3), True), planes.amax((1, 2, 3), True)
    return (planes - least) / (greatest - least).clamp(min=1e-12)


class CompleteSim(nn.Module):
    def __init__(self, network: Sim) -> None:
        super().__init__()
        self.matting = network.matting
        self.classifier = network.classifier

    def forward(self, image: Tensor, trimap: Tensor, max_side: int = 2048) -> tuple[Tensor, Tensor | None]:
        """Image [B, 3, H, W], RGB, 0..1, trimap [B, 1, H, W] with 0, 0.5 (unknown), 1 -> alpha [B, 1, H, W], foreground [B, 3, H, W].

        Two additions to the authors' code: a larger image is reduced until its longer side has `max_side` pixels, because memory grows
        with the area; and where alpha is 1 the foreground is the image itself.
        """
        smaller, known = shrunk(image, trimap, max_side)
        alpha, foreground = self.padded(smaller, trimap_levels(known))
        return self.enlarged(with_known(alpha, known), foreground, image, trimap)

    def padded(self, image: Tensor, levels: Tensor) -> tuple[Tensor, Tensor]:
        """Alpha [B, 1, H, W] and foreground [B, 3, H, W] for trimap levels of the same size."""
        height, width = image.shape[2], image.shape[3]
        sides = [(side // 8 + 1) * 8 for side in (height, width)]  # as in the authors' code: up to 8 more, never none
        picture, levels = mirrored(image, sides[0], sides[1], True), mirrored(levels, sides[0], sides[1], True)
        alphas: List[Tensor] = []
        colours: List[Tensor] = []
        for index in range(image.shape[0]):
            result = self.matte_one(picture[index : index + 1], levels[index : index + 1])
            alphas.append(result[0][:, :, :height, :width].float())
            colours.append(result[1][:, :, :height, :width].float())
        return torch.cat(alphas), torch.cat(colours)

    def enlarged(self, alpha: Tensor, foreground: Tensor, image: Tensor, trimap: Tensor) -> tuple[Tensor, Tensor]:
        """Both at the size of the image, as far as the trimap leaves them open."""
        height, width = image.shape[2], image.shape[3]
        alpha = with_known(resize_linear(alpha, height, width), trimap)
        return alpha, torch.where(alpha >= 1.0, image, resize_linear(foreground, height, width))

    def matte_one(self, image: Tensor, levels: Tensor) -> List[Tensor]:
        """What the matting network returns for one image [1, 3, H, W] and its trimap levels."""
        dtype = self.classifier.fc.weight.dtype
        standardised = standardise(image, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        known = torch.cat((levels <= 0.0, levels >= 1.0), 1)
        semantics = self.semantics(standardised, levels)
        near = nearness(known)
        regions = self.regions(levels, known)
        result: List[Tensor] = self.matting(image.to(dtype), regions.to(dtype), standardised.to(dtype), near.to(dtype), semantics.to(dtype))
        return result

    def regions(self, levels: Tensor, known: Tensor) -> Tensor:
        """What the network gets of trimap levels [B, 1, H, W] and of where these are background and foreground: [B, 2, H, W]."""
        return known.float()

    def semantics(self, standardised: Tensor, levels: Tensor) -> Tensor:
        """How much each pixel of the unknown region looks like each class, 0..1, zero elsewhere: [1, 20, H, W]."""
        height, width = levels.shape[2], levels.shape[3]
        unknown = (levels > 0.0) & (levels < 1.0)
        total = levels.new_zeros([1, 20, height, width])
        count = torch.zeros_like(levels)
        picture = torch.cat((standardised, levels), 1).to(self.classifier.fc.weight.dtype)
        for window in [320, 800]:
            for top, bottom in windows(height, window):
                for left, right in windows(width, window):
                    if bool(unknown[:, :, top:bottom, left:right].any()):
                        activations = self.classifier(picture[:, :, top:bottom, left:right])[1].float()
                        total[:, :, top:bottom, left:right] += resize_linear(activations, bottom - top, right - left)
                        count[:, :, top:bottom, left:right] += 1.0
        mean = total / count.clamp(min=1.0)
        return rescaled(mean) * unknown.float()


def regions_with_prior(levels: Tensor, known: Tensor) -> Tensor:
    """Where trimap levels [B, 1, H, W] are background and foreground (`known`, [B, 2, H, W]); a half of an unknown pixel is shared by its
    prior."""
    shares = torch.cat((0.75 - levels, levels - 0.25), 1)
    return torch.where((levels > 0.0) & (levels < 1.0), shares, known.float())


class SimWithPrior(CompleteSim):
    """The trimap carries the closed-form matte, see `dim.DimWithPrior`."""

    def __init__(self, network: Sim) -> None:
        super().__init__(network)
        self.solver = ClosedForm()

    def forward(self, image: Tensor, trimap: Tensor, max_side: int = 2048, epsilon: float = 1e-8) -> tuple[Tensor, Tensor | None]:
        """As `CompleteSim`; `epsilon` is that of the closed-form matte, see `closed_form`."""
        smaller, known = shrunk(image, trimap, max_side)
        alpha, foreground = self.padded(smaller, levels_with_prior(known, self.solver(smaller, known, epsilon)))
        return self.enlarged(with_known(alpha, known), foreground, image, trimap)

    def regions(self, levels: Tensor, known: Tensor) -> Tensor:
        return regions_with_prior(levels, known)


def wrap(network: Sim, *, width: float = 1.0, prior: bool = False) -> CompleteSim:
    """The networks with their authors' pre- and post-processing: `forward(image, trimap, max_side=2048) -> (alpha, foreground)`, and with
    `prior` an epsilon=1e-8 more."""
    return SimWithPrior(network) if prior else CompleteSim(network)
