"""Fusion: a small network that corrects the closed-form matte with the colours of the known regions.

Two classical estimates of every unknown pixel are computed first: the propagation-based matte of `closed_form`, and, as in
sampling-based matting (Gastal, Oliveira, "Shared Sampling for Real-Time Alpha Matting", Eurographics 2010), the projection of the pixel's
colour onto the line from the background colour to the foreground colour that the known regions spread there. The two fail in different
places. A U-Net (Ronneberger, Fischer, Brox, MICCAI 2015) takes both, with measures of their reliability, and predicts a residual that is
added to the closed-form matte. An untrained network predicts 0.

Most of its arithmetic is at a quarter of the resolution and below; at full resolution only the cues are computed. There is no
normalisation: blocks are residual and start as the identity (Zhang, Dauphin, Ma, "Fixup Initialization", ICLR 2019).
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mattecli.nets.closed_form import ClosedForm
from mattecli.nets.parts.ops import double, mirrored, with_known
from mattecli.nets.parts.spread import spread
from mattecli.nets.parts.tiles import keep, seen, windows

CUES = 20

RENAMED = {
    "enter": "stem",
    "see_half": "down_half",
    "see_quarter": "down_quarter",
    "see_eighth": "down_eighth",
    "see_sixteenth": "bottom",
    "mend_eighth": "up_eighth",
    "mend_quarter": "up_quarter",
    "refine_half": "up_half",
    "mend_half": "before_head",
    "leave": "head",
}
"""The layers' names in weights that were published before they were renamed."""

WIDTHS = (32, 64, 128, 192)
"""Channels at 1/2, 1/4, 1/8 and 1/16 of the resolution."""

TILE, OVERLAP = 1024, 256
"""Larger pictures are processed in square tiles. The receptive field reaches 256 pixels to each side, so tiling does not change alpha."""


def known_colours(image: Tensor, trimap: Tensor) -> Tensor:
    """Foreground and background colours spread from the known regions, and the nearness of those regions: [B, 8, H, W]."""
    foreground, near_foreground = spread(image, (trimap >= 1.0).to(image.dtype))
    background, near_background = spread(image, (trimap <= 0.0).to(image.dtype))
    return torch.cat((foreground, background, near_foreground, near_background), 1)


def cues(image: Tensor, trimap: Tensor, coarse: Tensor, colours: Tensor) -> Tensor:
    """The network's input for a picture or a tile of it: [B, 20, H, W], each channel about -1..1. colours: `known_colours`."""
    foreground, background = colours[:, :3], colours[:, 3:6]
    contrast, above = foreground - background, image - background
    projected = projection(above, contrast)
    sure = (trimap >= 1.0).to(image.dtype) - (trimap <= 0.0).to(image.dtype)
    planes = [
        sure,
        1.0 - sure.abs(),
        1.0 + 0.125 * torch.log2(colours[:, 6:] + 1.0 / 512.0),  # linear in the logarithm of the distance
        2.0 * coarse - 1.0,
        2.0 * projected - 1.0,
        2.0 * length(contrast) - 1.0,  # reliability of the projection
        3.0 * (image - 0.5),
        3.0 * (foreground - 0.5),
        3.0 * (background - 0.5),
        4.0 * (above - coarse * contrast),  # residual of the compositing equation
        4.0 * length(above - projected * contrast),
    ]
    return torch.cat(planes, 1)


def projection(above: Tensor, contrast: Tensor) -> Tensor:
    """The position of colours `above` the background along the vector `contrast`, [B, 3, H, W] each: [B, 1, H, W] in -0.5..1.5."""
    along = (contrast * above).sum(1, keepdim=True) / (contrast.square().sum(1, keepdim=True) + 1e-3)
    return along.clamp(-0.5, 1.5)


def length(colours: Tensor) -> Tensor:
    """The Euclidean norm of colours [B, 3, H, W]: [B, 1, H, W]."""
    return (colours.square().sum(1, keepdim=True) + 1e-6).sqrt()


def features(image: Tensor, trimap: Tensor, coarse: Tensor) -> Tensor:
    """The network's input [B, 20, H, W] for an image [B, 3, H, W], its trimap and its closed-form matte [B, 1, H, W], all in 0..1."""
    return cues(image, trimap, coarse, known_colours(image, trimap))


class Block(nn.Module):
    """A residual block of two convolutions; it starts as the identity."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.second(F.relu(self.first(F.relu(features))))


class Fusion(nn.Module):
    """Cues [B, `cues`, H, W], H and W multiples of 16 -> the residual of the closed-form matte [B, 1, H, W]; 0 before training."""

    def __init__(self, cues: int, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth = widths
        self.stem, self.down_half = nn.Conv2d(4 * cues, half, 1), Block(half)
        self.to_quarter, self.down_quarter = nn.Conv2d(half, quarter, 3, 2, 1), Block(quarter)
        self.to_eighth, self.down_eighth = nn.Conv2d(quarter, eighth, 3, 2, 1), Block(eighth)
        self.to_sixteenth = nn.Conv2d(eighth, sixteenth, 3, 2, 1)
        self.bottom = nn.Sequential(*(Block(sixteenth, dilation) for dilation in (1, 2, 2)))
        self.from_sixteenth, self.up_eighth = nn.Conv2d(sixteenth, eighth, 1), Block(eighth)
        self.from_eighth, self.up_quarter = nn.Conv2d(eighth, quarter, 1), Block(quarter)
        self.from_quarter, self.up_half = nn.Conv2d(quarter, half, 1), Block(half)
        self.before_head, self.head = nn.Conv2d(half, half, 3, padding=1), nn.Conv2d(half, 4, 3, padding=1)
        self.apply(_initialise)
        nn.init.zeros_(self.head.weight)

    def forward(self, cues: Tensor) -> Tensor:
        half = self.down_half(self.stem(F.pixel_unshuffle(cues, 2).contiguous(memory_format=torch.channels_last)))  # faster on a CPU
        quarter = self.down_quarter(self.to_quarter(F.relu(half)))
        eighth = self.down_eighth(self.to_eighth(F.relu(quarter)))
        sixteenth = self.bottom(self.to_sixteenth(F.relu(eighth)))
        eighth = self.up_eighth(eighth + double(self.from_sixteenth(F.relu(sixteenth))))
        quarter = self.up_quarter(quarter + double(self.from_eighth(F.relu(eighth))))
        half = self.up_half(half + double(self.from_quarter(F.relu(quarter))))
        return F.pixel_shuffle(self.head(F.relu(self.before_head(F.relu(half)))), 2)


def _initialise(module: nn.Module) -> None:
    """He initialisation (ICCV 2015), and zeros for the last convolution of a block."""
    if isinstance(module, nn.Conv2d) and module.bias is not None:
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.bias)
    if isinstance(module, Block):
        nn.init.zeros_(module.second.weight)


def build() -> Fusion:
    """The bare network with random weights; its residual is 0 before training."""
    return Fusion(CUES, WIDTHS)


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of this network, with its layers' names as published or as they are now -> the names of now."""
    renamed = {}
    for name, value in state_dict.items():
        layer, dot, rest = name.partition(".")
        renamed[RENAMED.get(layer, layer) + dot + rest] = value
    return renamed


def coarse_matte(image: Tensor, trimap: Tensor, epsilon: float = 1e-8) -> Tensor:
    """The closed-form matte [B, 1, H, W] that the network corrects; see `closed_form`."""
    matte: Tensor = ClosedForm()(image, trimap, epsilon)
    return matte


class BehindSolver(nn.Module):
    """The closed-form solver and the network that corrects its matte, in tiles where a side is longer than `tile`."""

    def __init__(self, network: Fusion, tile: int) -> None:
        super().__init__()
        self.tile = tile
        self.overlap = OVERLAP
        self.network = network
        self.solver = ClosedForm()


class CompleteFusion(BehindSolver):
    """A picture with a side longer than `tile` is processed in tiles, with the same result."""

    def forward(self, image: Tensor, trimap: Tensor, epsilon: float = 1e-8) -> tuple[Tensor, Tensor | None]:
        """Image [B, 3, H, W], RGB, 0..1, trimap [B, 1, H, W] with 0, 0.5 (unknown), 1 -> alpha [B, 1, H, W] and no foreground.

        `epsilon` is that of the closed-form matte, see `closed_form`. The closed-form matte and the spread colours are computed on the
        whole picture; the network runs on tiles of a large one, skipping those without unknown pixels.
        """
        coarse = self.solver(image, trimap, epsilon)
        height, width = image.shape[2], image.shape[3]
        padded = [side + (-side) % 16 for side in (height, width)]
        picture, known, coarse = [mirrored(plane, padded[0], padded[1], True) for plane in (image.float(), trimap.float(), coarse)]
        alpha = self.corrected(picture, known, coarse, known_colours(picture, known))
        return with_known(alpha[:, :, :height, :width], trimap), None

    def corrected(self, image: Tensor, trimap: Tensor, coarse: Tensor, colours: Tensor) -> Tensor:
        """Alpha from planes whose sides are multiples of 16."""
        alpha = coarse.clone()
        for window in windows((trimap > 0.0) & (trimap < 1.0), self.tile, self.overlap):
            planes = [seen(plane, window) for plane in (image, trimap, coarse, colours)]
            residual = self.network(cues(planes[0], planes[1], planes[2], planes[3]).to(self.network.stem.weight.dtype))
            keep(alpha, planes[2] + residual.float(), window)
        return alpha


def wrap(network: Fusion) -> CompleteFusion:
    """The network behind the solver: `forward(image, trimap, epsilon=1e-8) -> (alpha, None)`."""
    return CompleteFusion(network, TILE)
