"""The subject of a photo, whatever it is: a nested U-Net that needs nothing but the image.

The network is the small U2-Net of Qin et al., "U2-Net: Going Deeper with Nested U-Structure for Salient Object Detection", Pattern
Recognition 106 (2020), arXiv 2005.09007, with its batch norms folded into the convolutions, and a second answer: whether there is a
subject at all, and whether it is a person. Facts of the published network: github.com/xuebinqin/U-2-Net (Apache-2.0).
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mattecli.nets.parts.ops import lower_to_multiple, resize_linear, standardise
from mattecli.nets.parts.resample import resize_area

WIDTH, INNER = 64, 16
"""Channels between the nested blocks, and inside them."""


class Convolution(nn.Module):
    """A 3 x 3 convolution that keeps the size, and a ReLU."""

    def __init__(self, channels: int, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, width, 3, padding=dilation, dilation=dilation)

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(self.convolution(features))


def halve(features: Tensor) -> Tensor:
    """The largest of each 2 x 2 features; an odd last row or column is pooled alone."""
    return F.max_pool2d(features, 2, 2, ceil_mode=True)


def enlarge(features: Tensor, like: Tensor) -> Tensor:
    """Features at the size of others, bilinearly."""
    return resize_linear(features, like.shape[2], like.shape[3])


class NestedBlock(nn.Module):
    """A residual U-Net of `levels` levels inside one block (RSU): [B, channels, H, W] -> [B, 64, H, W]."""

    def __init__(self, channels: int, levels: int) -> None:
        super().__init__()
        self.enter = Convolution(channels, WIDTH)
        self.down = nn.ModuleList([Convolution(WIDTH if level == 0 else INNER, INNER) for level in range(levels - 1)])
        self.bottom = Convolution(INNER, INNER, 2)
        self.up = nn.ModuleList([Convolution(2 * INNER, WIDTH if level == levels - 2 else INNER) for level in range(levels - 1)])

    def forward(self, features: Tensor) -> Tensor:
        entered = self.enter(features)
        inner = entered
        levels: list[Tensor] = []
        for index, convolution in enumerate(self.down):
            inner = convolution(inner if index == 0 else halve(inner))
            levels.append(inner)
        inner = self.bottom(inner)
        for index, convolution in enumerate(self.up):
            level = levels[len(levels) - 1 - index]
            inner = convolution(torch.cat((inner if index == 0 else enlarge(inner, level), level), 1))
        return entered + inner


class DilatedBlock(nn.Module):
    """A `NestedBlock` at one resolution, with dilation instead of pooling (RSU-4F)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.enter = Convolution(channels, WIDTH)
        self.down = nn.ModuleList([Convolution(WIDTH, INNER), Convolution(INNER, INNER, 2), Convolution(INNER, INNER, 4)])
        self.bottom = Convolution(INNER, INNER, 8)
        self.up = nn.ModuleList([Convolution(2 * INNER, INNER, 4), Convolution(2 * INNER, INNER, 2), Convolution(2 * INNER, WIDTH)])

    def forward(self, features: Tensor) -> Tensor:
        entered = self.enter(features)
        inner = entered
        levels: list[Tensor] = []
        for convolution in self.down:
            inner = convolution(inner)
            levels.append(inner)
        inner = self.bottom(inner)
        for index, convolution in enumerate(self.up):
            inner = convolution(torch.cat((inner, levels[len(levels) - 1 - index]), 1))
        return entered + inner


class Subject(nn.Module):
    """Standardised RGB [B, 3, H, W] -> logits: alpha [B, 7, H, W], the fused one first, then one of each level; verdict [B, 2].

    The verdict's two logits say whether there is a subject, and whether it is a person.
    """

    def __init__(self) -> None:
        super().__init__()
        levels = (7, 6, 5, 4)
        self.encoder = nn.ModuleList(
            [*(NestedBlock(3 if index == 0 else WIDTH, depth) for index, depth in enumerate(levels)), DilatedBlock(WIDTH)]
        )
        self.deepest = DilatedBlock(WIDTH)
        self.decoder = nn.ModuleList([DilatedBlock(2 * WIDTH), *(NestedBlock(2 * WIDTH, depth) for depth in reversed(levels))])
        self.side = nn.ModuleList([nn.Conv2d(WIDTH, 1, 3, padding=1) for _ in range(6)])
        self.fuse = nn.Conv2d(6, 1, 1)
        self.verdict = nn.Linear(2 * WIDTH, 2)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features = image
        levels: list[Tensor] = []
        for index, block in enumerate(self.encoder):
            features = block(features if index == 0 else halve(features))
            levels.append(features)
        features = self.deepest(halve(features))
        verdict = self.verdict(torch.cat((features.mean((2, 3)), features.amax((2, 3))), 1))
        decoded = [features]
        for index, block in enumerate(self.decoder):
            level = levels[len(levels) - 1 - index]
            features = block(torch.cat((enlarge(features, level), level), 1))
            decoded.append(features)
        sides: list[Tensor] = []
        for index, convolution in enumerate(self.side):
            sides.append(enlarge(convolution(decoded[len(decoded) - 1 - index]), image))
        coarse = torch.cat(sides, 1)
        return torch.cat((self.fuse(coarse), coarse), 1), verdict


def build() -> Subject:
    """The bare network with random weights."""
    return Subject()


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published names are ours."""
    return dict(state_dict)


def prepared(image: Tensor, side: int) -> Tensor:
    """An image [B, 3, H, W] in 0..1 as the network's input: resized to a square, scaled to a maximum of 1, standardised."""
    squeezed = resize_area(image.float(), side, side)
    brightest = squeezed.amax((1, 2, 3), keepdim=True).clamp(min=1.0 / 255.0)
    return standardise(squeezed / brightest, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def mean(tensors: list[Tensor]) -> Tensor:
    """The mean of tensors of one shape, at least one."""
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return total / len(tensors)


class CompleteSubject(nn.Module):
    def __init__(self, network: Subject) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, side: int = 320, second: int = 256) -> tuple[Tensor, Tensor | None, Tensor]:
        """Image [B, 3, H, W], RGB, 0..1 -> alpha [B, 1, H, W] in 0..1, no foreground, and the verdict [B, 2] in 0..1.

        The whole image is resized to a square of `side` pixels and to one of `second` (both lowered to a multiple of 32; 0: to none), and
        the mean of both answers is resized back. Two sizes make fewer mistakes than either: benchmarks/results/subject_sides.json.
        """
        alphas: list[Tensor] = []
        verdicts: list[Tensor] = []
        for length in [side, second] if second > 0 else [side]:  # a loop: the compiled file has the network once
            alpha, verdict = self.at_side(image, lower_to_multiple(length, 32))
            alphas.append(alpha)
            verdicts.append(verdict)
        return mean(alphas), None, mean(verdicts)

    def at_side(self, image: Tensor, side: int) -> tuple[Tensor, Tensor]:
        """Alpha at the image's size and the verdict, of one look at a square."""
        logits, verdict = self.network(prepared(image, side).to(self.network.fuse.weight.dtype))
        alpha = torch.sigmoid(logits[:, :1].float())
        return enlarge(alpha, image), torch.sigmoid(verdict.float())


def wrap(network: Subject) -> CompleteSubject:
    """The network with its pre- and post-processing: `forward(image, side=320, second=256) -> (alpha, None, verdict)`."""
    return CompleteSubject(network)
