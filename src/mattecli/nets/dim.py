"""Deep Image Matting: a VGG-16 encoder, a small decoder that unpools with the encoder's pooling indices, and a refinement stage.

Xu, Price, Cohen, Huang, "Deep Image Matting", CVPR 2017 (arXiv 1703.03872). Its authors published no code. This file computes what
two re-implementations compute, and reads the checkpoints of both:
- github.com/huochaitiantang/pytorch-deep-image-matting (commit f5f909d): skip additions since 2020-09-09, and a 3 x 3 sixth
  convolution since 2019-09-09; its checkpoints up to release v1.3 have neither, release v1.4 has the second;
- github.com/open-mmlab/mmagic (commit 0a560bba): no skips, a 1 x 1 sixth convolution, and the picture padded instead of resized.
"""

from collections.abc import Mapping
from typing import Final, List

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mattecli.errors import ModelError
from mattecli.nets.closed_form import ClosedForm
from mattecli.nets.parts.ops import (
    levels_with_prior,
    lower_to_multiple,
    mirrored,
    resize_linear,
    resize_linear_8bit,
    shrunk,
    standardise,
    trimap_levels,
    unpool,
    with_known,
)
from mattecli.nets.parts.tiles import asked_for, keep, seen, windows

WIDTHS = (64, 128, 256, 512, 512)
DEPTHS = (2, 2, 3, 3, 3)


def _stage(channels: int, width: int, depth: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for entering in [channels] + [width] * (depth - 1):
        layers += [nn.Conv2d(entering, width, 3, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def _refinement(width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for entering in (4, width, width):
        layers += [nn.Conv2d(entering, width, 3, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(width, 1, 3, padding=1))


class Dim(nn.Module):
    """Standardised RGB and trimap [B, 4, H, W], H and W multiples of 32 -> alpha [B, 1, H, W] in 0..1, and the refined one or None."""

    skips: Final[bool]
    refines: Final[bool]

    def __init__(self, *, skips: bool, refines: bool, kernel: int, width: float) -> None:
        super().__init__()
        self.skips, self.refines = skips, refines
        widths = tuple(int(channels * width) for channels in WIDTHS)
        first, last = widths[0], widths[-1]
        self.encoder = nn.ModuleList(_stage(*shape) for shape in zip((4, *widths[:-1]), widths, DEPTHS, strict=True))
        self.conv6 = nn.Conv2d(last, last, kernel, padding=kernel // 2)
        self.deconv6 = nn.Conv2d(last, last, 1)
        decoder = zip(widths[::-1], (*widths[-2::-1], first), strict=True)
        self.decoder = nn.ModuleList(nn.Conv2d(entering, leaving, 5, padding=2) for entering, leaving in decoder)
        self.alpha = nn.Conv2d(first, 1, 5, padding=2)
        self.refinement = _refinement(first) if refines else nn.Identity()

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor | None]:
        logit = self.alpha(self.decoded(picture))
        matte = torch.sigmoid(logit)
        if self.refines:
            return matte, torch.sigmoid(logit + self.refinement(torch.cat((picture[:, :3], matte), 1)))
        return matte, None

    def decoded(self, features: Tensor) -> Tensor:
        """Features [B, 64 times the width, H, W] of the picture."""
        places: List[Tensor] = []
        encoded: List[Tensor] = []
        for stage in self.encoder:
            features = stage(features)
            if self.skips:
                encoded.append(features)
            features, place = F.max_pool2d_with_indices(features, [2, 2])
            places.append(place)
        features = torch.relu(self.deconv6(torch.relu(self.conv6(features))))
        for convolution in self.decoder:
            features = unpool(features, places.pop(), 2 * features.shape[2], 2 * features.shape[3])
            if self.skips:
                features = features + encoded.pop()
            features = F.relu(convolution(features), inplace=True)
        return features


def build(
    *, skips: bool = True, refines: bool = False, kernel: int = 3, fit: str = "resize", width: float = 1.0, prior: bool = False
) -> Dim:
    """The bare network with random weights.

    `skips`: the decoder adds the encoder's features; `refines`: with the refinement stage (the paper's stages 2 and 3); `kernel`: of
    the sixth convolution, 1 or 3; `width` multiplies all channels. `fit` and `prior` are for `wrap`.
    """
    if prior and fit != "pad":
        raise ModelError('Deep Image Matting with a prior pads its pictures; use fit = "pad"')
    if fit not in ("resize", "pad"):
        raise ModelError(f"Deep Image Matting has no fit {fit!r}; use resize or pad")
    return Dim(skips=skips, refines=refines, kernel=kernel, width=width)


def _published_names() -> dict[str, str]:
    """The names of the layers as published, in both layouts, with ours."""
    names = {"conv6_1": "conv6", "backbone.encoder.conv6": "conv6"}
    for stage, depth in enumerate(DEPTHS):
        for layer in range(depth):
            ours = f"encoder.{stage}.{2 * layer}"
            names |= {f"conv{stage + 1}_{layer + 1}": ours, f"backbone.encoder.layer{stage + 1}.{2 * layer}": ours}
    decoder = {"deconv6_1": "deconv6", "deconv1": "alpha"} | {f"deconv{5 - stage}_1": f"decoder.{stage}" for stage in range(5)}
    refinement = {f"refine_conv{layer + 1}": f"refinement.{2 * layer}" for layer in range(3)} | {"refine_pred": "refinement.6"}
    names |= decoder | {f"backbone.decoder.{name}": ours for name, ours in decoder.items()}
    return names | refinement | {f"refiner.{name}": ours for name, ours in refinement.items()}


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A checkpoint of huochaitiantang or of OpenMMLab -> ours."""
    names = _published_names()
    layers = {key: key.rpartition(".")[0] for key in state_dict}
    return {names.get(layer, layer) + key.removeprefix(layer): state_dict[key] for key, layer in layers.items()}


class TiledDim(nn.Module):
    """Image [B, 3, H, W] in 0..1 and trimap levels [B, 1, H, W], H and W multiples of 32 -> the network's last alpha, float32."""

    def __init__(self, network: Dim) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, levels: Tensor, wanted: Tensor, tile: int, overlap: int) -> Tensor:
        """With a `tile` the network runs on squares of that side, one at a time, skipping those without `wanted` pixels."""
        if tile <= 0:
            return self.whole(image, levels)
        alpha = torch.zeros_like(levels)
        for window in windows(wanted, tile, overlap):
            keep(alpha, self.whole(seen(image, window), seen(levels, window)), window)
        return alpha

    def whole(self, image: Tensor, levels: Tensor) -> Tensor:
        standardised = standardise(image, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        matte, refined = self.network(torch.cat((standardised, levels), 1).to(self.network.alpha.weight.dtype))
        return (refined if refined is not None else matte).float()


class ResizedDim(nn.Module):
    """The picture is resized to multiples of 32, as huochaitiantang's core/deploy.py does it."""

    def __init__(self, network: Dim) -> None:
        super().__init__()
        self.matte = TiledDim(network)

    def forward(
        self, image: Tensor, trimap: Tensor, max_side: int = 1600, tile: int = 0, overlap: int = 224
    ) -> tuple[Tensor, Tensor | None]:
        """Image [B, 3, H, W], RGB, 0..1, trimap [B, 1, H, W] with 0, 0.5 (unknown), 1 -> alpha [B, 1, H, W] and no foreground.

        A side longer than `max_side` is resized to it. With a `tile` (pixels, lowered to a multiple of 32) the network runs on squares
        of that side one at a time, which bounds memory; squares without unknown pixels are skipped. Neighbouring squares overlap by
        `overlap` pixels (lowered likewise). The receptive field reaches 217 pixels to each side, so with 224 the alpha is that of the
        whole picture up to rounding (where two values of a pooling window are nearly equal, a pixel may change). With 0 the picture is
        split as in the authors' deploy.py: the squares lie side by side, and those at the edges are stretched.
        """
        height, width = image.shape[2], image.shape[3]
        if tile > 0 and overlap == 0:
            alpha = self.by_squares(image, trimap_levels(trimap), lower_to_multiple(tile, 32))
        else:
            size = [lower_to_multiple(min(side, max_side), 32) for side in (height, width)]
            alpha = self.at_size(image, trimap_levels(trimap), size[0], size[1], tile, overlap)
        return with_known(alpha, trimap), None

    def at_size(self, image: Tensor, levels: Tensor, height: int, width: int, tile: int, overlap: int) -> Tensor:
        """Alpha at the image's own size, computed at another."""
        wanted = asked_for((levels > 0.0) & (levels < 1.0), height, width)
        resized = resize_linear_8bit(image, height, width), resize_linear_8bit(levels, height, width)
        return resize_linear(self.matte(resized[0], resized[1], wanted, tile, overlap), image.shape[2], image.shape[3])

    def by_squares(self, image: Tensor, levels: Tensor, tile: int) -> Tensor:
        alpha = torch.zeros_like(levels)
        for top in range(0, image.shape[2], tile):
            for left in range(0, image.shape[3], tile):
                window = levels[:, :, top : top + tile, left : left + tile]
                if bool(((window > 0.0) & (window < 1.0)).any()):
                    part = image[:, :, top : top + tile, left : left + tile]
                    alpha[:, :, top : top + tile, left : left + tile] = self.at_size(part, window, tile, tile, 0, 0)
        return alpha


class PaddedDim(nn.Module):
    """The picture is padded to multiples of 32 by mirroring, as mmagic's BaseMattor does it."""

    def __init__(self, network: Dim) -> None:
        super().__init__()
        self.matte = TiledDim(network)

    def forward(
        self, image: Tensor, trimap: Tensor, max_side: int = 2048, tile: int = 0, overlap: int = 192
    ) -> tuple[Tensor, Tensor | None]:
        """Image [B, 3, H, W], RGB, 0..1, trimap [B, 1, H, W] with 0, 0.5 (unknown), 1 -> alpha [B, 1, H, W] and no foreground.

        Two additions to mmagic: a larger image is reduced until its longer side has `max_side` pixels, because memory grows with the
        area; and `tile`, as in `ResizedDim`. With a sixth convolution of kernel 1 the receptive field reaches 189 pixels to each side,
        so an `overlap` of 192 gives the alpha of the whole picture up to rounding.
        """
        smaller, known = shrunk(image, trimap, max_side)
        alpha = self.padded(smaller, trimap_levels(known), tile, overlap)
        return with_known(resize_linear(with_known(alpha, known), image.shape[2], image.shape[3]), trimap), None

    def padded(self, image: Tensor, levels: Tensor, tile: int, overlap: int) -> Tensor:
        """Alpha [B, 1, H, W] for trimap levels of the same size."""
        height, width = image.shape[2], image.shape[3]
        sides = [side + (-side) % 32 for side in (height, width)]
        levels = mirrored(levels, sides[0], sides[1], False)
        alpha = self.matte(mirrored(image, sides[0], sides[1], False), levels, (levels > 0.0) & (levels < 1.0), tile, overlap)
        return alpha[:, :, :height, :width]


class DimWithPrior(PaddedDim):
    """The trimap's unknown pixels carry the closed-form matte, from which the network begins, instead of one value for all.

    Cho, Tai, Kweon, "Natural Image Matting Using Deep Convolutional Neural Networks", ECCV 2016, give a network that matte as well.
    """

    def __init__(self, network: Dim) -> None:
        super().__init__(network)
        self.solver = ClosedForm()

    def forward(
        self, image: Tensor, trimap: Tensor, max_side: int = 2048, tile: int = 0, overlap: int = 192, epsilon: float = 1e-8
    ) -> tuple[Tensor, Tensor | None]:
        """As `PaddedDim`; `epsilon` is that of the closed-form matte, see `closed_form`."""
        smaller, known = shrunk(image, trimap, max_side)
        levels = levels_with_prior(known, self.solver(smaller, known, epsilon))
        alpha = self.padded(smaller, levels, tile, overlap)
        return with_known(resize_linear(with_known(alpha, known), image.shape[2], image.shape[3]), trimap), None


def wrap(
    network: Dim,
    *,
    skips: bool = True,
    refines: bool = False,
    kernel: int = 3,
    fit: str = "resize",
    width: float = 1.0,
    prior: bool = False,
) -> nn.Module:
    """The network with pre- and post-processing: `forward(image, trimap, max_side=1600, tile=0, overlap=224)` when `fit` is resize,
    `forward(image, trimap, max_side=2048, tile=0, overlap=192)` when it is pad, and with `prior`, then, an epsilon=1e-8 at the end; all
    return (alpha, None). The other options are those of `build`.
    """
    if prior:
        return DimWithPrior(network)
    return PaddedDim(network) if fit == "pad" else ResizedDim(network)
