"""Background Matting, the first version: alpha and foreground of a person, from a clean photograph of the background and a rough mask.

Sengupta et al., "Background Matting: The World is Your Green Screen", CVPR 2020 (arXiv 2004.00626). Facts of the published networks
and of what is done around them: github.com/senguptaumd/Background-Matting (commit 9076585). Sub-modules are named as in its
checkpoints.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mattecli.nets.closed_form import ClosedForm
from mattecli.nets.parts.morphology import blurred, dilated, eroded, largest_blob
from mattecli.nets.parts.ops import (
    lower_to_multiple,
    resize_linear,
    resize_linear_8bit,
    shrunk,
    with_counters,
    with_known,
    without_prefix,
)


def _norm_relu(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.ReLU()]


def _first(channels: int, width: int) -> list[nn.Module]:
    return [nn.ReflectionPad2d(3), nn.Conv2d(channels, width, 7), *_norm_relu(width)]


def _halve(channels: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, 2 * channels, 3, 2, 1), *_norm_relu(2 * channels)]


def _double(channels: int, width: int) -> list[nn.Module]:
    upsample = nn.Upsample(scale_factor=2.0, mode="bilinear", align_corners=True)
    return [upsample, nn.Conv2d(channels, width, 3, padding=1), *_norm_relu(width)]


def _last(channels: int, width: int) -> list[nn.Module]:
    return [nn.ReflectionPad2d(3), nn.Conv2d(channels, width, 7)]


def _encoder(channels: int, width: int) -> nn.Sequential:
    """`channels` at full size to 4 times the width at 1/4."""
    return nn.Sequential(*_first(channels, width), *_halve(width), *_halve(2 * width))


def _combination(width: int) -> nn.Sequential:
    """The image's features beside those of one other input, condensed to `width` channels."""
    return nn.Sequential(nn.Conv2d(8 * width, width, 1, bias=False), *_norm_relu(width))


class ResidualBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        widen = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), *_norm_relu(channels)]
        self.conv_block = nn.Sequential(*widen, nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.BatchNorm2d(channels))

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = self.conv_block(features)
        return features + result


def _residual_blocks(channels: int, count: int) -> list[nn.Module]:
    return [ResidualBlock(channels) for _ in range(count)]


class BackgroundMatting(nn.Module):
    """Image and background [B, 3, H, W], RGB, segmentation [B, 1, H, W] and motion [B, 4, H, W], all -1..1, H and W multiples of 4
    from 8 up -> alpha [B, 1, H, W], -1..1, and foreground [B, 3, H, W], nominally -1..1.

    `motion` is the gray picture 40 and 20 frames before the image and 20 and 40 after it; for a photo, the image's own four times. The
    published network takes it and ignores it: where its code should combine the motion's features it combines the background's a
    second time (networks.py:99), and it was trained that way. So the motion encoder is never run here; its weights, which every
    checkpoint holds, are kept.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        deep = 4 * width
        self.model_enc1 = nn.Sequential(*_first(3, width), *_halve(width))
        self.model_enc2 = nn.Sequential(*_halve(2 * width))
        self.model_enc_back = _encoder(3, width)
        self.model_enc_seg = _encoder(1, width)
        self.model_enc_multi = _encoder(4, width)
        self.comb_back = _combination(width)
        self.comb_seg = _combination(width)
        self.comb_multi = _combination(width)
        self.model_res_dec = nn.Sequential(nn.Conv2d(deep + 3 * width, deep, 1, bias=False), *_norm_relu(deep), *_residual_blocks(deep, 7))
        self.model_res_dec_al = nn.Sequential(*_residual_blocks(deep, 3))
        self.model_res_dec_fg = nn.Sequential(*_residual_blocks(deep, 3))
        self.model_al_out = nn.Sequential(*_double(deep, 2 * width), *_double(2 * width, width), *_last(width, 1))
        self.model_dec_fg1 = nn.Sequential(*_double(deep, 2 * width))
        self.model_fg_out = nn.Sequential(*_double(deep, width), *_last(width, 3))

    def forward(self, image: Tensor, background: Tensor, segmentation: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
        half = self.model_enc1(image)
        features = self.model_enc2(half)
        beside_background = torch.cat((features, self.model_enc_back(background)), 1)
        beside_segmentation = torch.cat((features, self.model_enc_seg(segmentation)), 1)
        prior = (features, self.comb_back(beside_background), self.comb_seg(beside_segmentation), self.comb_multi(beside_background))
        features = self.model_res_dec(torch.cat(prior, 1))
        alpha = torch.tanh(self.model_al_out(self.model_res_dec_al(features)))
        foreground: Tensor = self.model_fg_out(torch.cat((self.model_dec_fg1(self.model_res_dec_fg(features)), half), 1))
        return alpha, foreground


def build(width: float = 1.0, prior: bool = False) -> BackgroundMatting:
    """The bare network with random weights; `width` multiplies its authors' channels (64 after the first convolution). `prior` is for
    `wrap`."""
    return BackgroundMatting(int(64 * width))


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' netG_epoch_*.pth (as nn.DataParallel writes it, or bare) -> ours."""
    return with_counters(without_prefix(state_dict, "module."))


def box_of(mask: Tensor) -> list[int]:
    """Top, left, height and width of the square around a mask [H, W] above 0.2, grown by a tenth of its side all round and clipped.

    As in the authors' code (functions.py:41-60), the square starts at the mask's top left corner and a clipped square ends one pixel
    before the picture's edge. The height is 0 when the mask is empty.
    """
    found = torch.nonzero(mask > 0.2)
    if found.shape[0] == 0:
        return [0, 0, 0, 0]
    corners: list[int] = torch.cat((found.amin(0), found.amax(0))).tolist()
    side = max(corners[2] - corners[0], corners[3] - corners[1])
    box = [0, 0, 0, 0]
    for axis in range(2):
        length = mask.shape[axis]
        first, last = max(corners[axis] - 0.1 * side, 0.0), corners[axis] + 1.1 * side
        last = last if last < length else length - 1.0
        box[axis] = int(round(first))  # noqa: RUF046  (a float in TorchScript)
        box[2 + axis] = min(max(int(round(last - first)), 1), length - box[axis])  # noqa: RUF046
    return box


def without_gaps_below(mask: Tensor) -> Tensor:
    """Remove the empty rows below row 250 from a mask [1, 1, 512, 512] and repeat its last row up to 537 rows.

    The mask of a person cut off by the picture's lower edge then has no edge there. The authors also drop the two rows above the first
    empty one.
    """
    row = torch.arange(512, device=mask.device)
    empty = (mask.sum((0, 1, 3)) == 0.0) & (row > 250)
    first = empty & (empty.cumsum(0) == 1)
    dropped = empty | first.roll(-1) | first.roll(-2)
    kept = torch.sort(dropped.to(torch.uint8), stable=True).indices
    last = 511 - dropped.sum()
    return mask[:, :, kept[torch.arange(537, device=mask.device).minimum(last)]]


def soft_segmentation(mask: Tensor) -> Tensor:
    """The network's segmentation input from a mask [1, 1, 512, 512], 0..1: eroded, dilated and blurred, in steps of 1/255."""
    sure = torch.where(mask > 0.2, torch.ones_like(mask), mask)
    soft = blurred(dilated(eroded(without_gaps_below(sure), 10), 5))
    return (soft[:, :, :512] * 255.0).floor() / 255.0


def cut(picture: Tensor, box: list[int]) -> Tensor:
    """The part of a picture [1, C, H, W] in a box."""
    return picture[:, :, box[0] : box[0] + box[2], box[1] : box[1] + box[3]]


def pasted(crop: Tensor, box: list[int], height: int, width: int) -> Tensor:
    """A crop placed at `box` in a plane of zeros: [1, C, height, width].

    A clipped box ends one pixel before the picture's edge. The authors leave a line of background there; here the crop's last row and
    column are repeated.
    """
    below, beside = height - box[0] - box[2], width - box[1] - box[3]
    repeated = F.pad(crop, [0, 1 if beside == 1 else 0, 0, 1 if below == 1 else 0], mode="replicate")
    return F.pad(repeated, [box[1], 0 if beside == 1 else beside, box[0], 0 if below == 1 else below])


def own_colours(image: Tensor, alpha: Tensor, foreground: Tensor) -> Tensor:
    """The foreground with the image's own colours where alpha is above 0.975, and without any where it is 0.01 or less."""
    return torch.where(alpha > 0.975, image, foreground) * (alpha > 0.01)


class SquareMatting(nn.Module):
    """The network on the square of a box of each picture."""

    def __init__(self, network: BackgroundMatting) -> None:
        super().__init__()
        self.network = network

    def answer(self, image: Tensor, background: Tensor, segmentation: Tensor) -> tuple[Tensor, Tensor]:
        """All [1, ..., S, S], 0..1 -> alpha and the predicted foreground, 0..1."""
        gray = 0.114 * image[:, :1] + 0.587 * image[:, 1:2] + 0.299 * image[:, 2:]  # the authors swap the weights of red and blue
        weight = self.network.comb_back[0].weight
        assert isinstance(weight, Tensor)  # for the type checker
        pictures = (image, background, segmentation, gray.expand(-1, 4, -1, -1))
        centred = [(picture * 2.0 - 1.0).to(weight.dtype) for picture in pictures]
        alpha, foreground = self.network(centred[0], centred[1], centred[2], centred[3])
        alpha = ((alpha.float() + 1.0) / 2.0).clamp(0.0, 1.0)
        return alpha, ((foreground.float() + 1.0) / 2.0).clamp(0.0, 1.0)

    def each(self, image: Tensor, background: Tensor, guide: Tensor, side: int) -> tuple[Tensor, Tensor]:
        """`matte_one` of each picture of a batch."""
        alphas: list[Tensor] = []
        foregrounds: list[Tensor] = []
        for index in range(image.shape[0]):
            item = slice(index, index + 1)
            alpha, foreground = self.matte_one(image[item], background[item], guide[item], side)
            alphas.append(alpha)
            foregrounds.append(foreground)
        return torch.cat(alphas), torch.cat(foregrounds)

    def matte_one(self, image: Tensor, background: Tensor, guide: Tensor, side: int) -> tuple[Tensor, Tensor]:
        """Alpha [1, 1, H, W] and foreground [1, 3, H, W] of one picture, by the network's square of `side` pixels."""
        raise NotImplementedError


class CompleteBackgroundMatting(SquareMatting):
    def matte_one(self, image: Tensor, background: Tensor, guide: Tensor, side: int) -> tuple[Tensor, Tensor]:
        """One picture [1, 3, H, W] and its mask: alpha and foreground inside the box around the mask, zeros outside."""
        box = box_of(guide[0, 0])
        if box[2] == 0:
            return torch.zeros_like(guide), torch.zeros_like(image)
        segmentation = resize_linear(soft_segmentation(resize_linear_8bit(cut(guide, box), 512, 512)), side, side)
        squares = [resize_linear_8bit(cut(picture, box), side, side) for picture in (image, background)]
        alpha, foreground = self.answer(squares[0], squares[1], segmentation)
        alpha = resize_linear(alpha * largest_blob(alpha[0, 0] > 0.05), box[2], box[3])
        foreground = own_colours(cut(image, box), alpha, resize_linear(foreground, box[2], box[3]))
        return pasted(alpha, box, image.shape[2], image.shape[3]), pasted(foreground, box, image.shape[2], image.shape[3])

    def forward(self, image: Tensor, background: Tensor, mask: Tensor, side: int = 512) -> tuple[Tensor, Tensor | None]:
        """Image and background [B, 3, H, W], RGB, 0..1, and a mask [B, 1, H, W] of the person -> alpha [B, 1, H, W] and foreground
        [B, 3, H, W], 0..1; all 0 where the mask is empty.

        As in the authors' test_background-matting_image.py: a box around the mask is resized to a square of `side` pixels (lowered
        to a multiple of 8), and only the largest blob of the alpha found there is kept. Unlike theirs the result is not rounded to
        8 bits, and where alpha is above 0.975 the foreground is the image itself, not its resized copy.
        """
        return self.each(image, background, mask, lower_to_multiple(side, 8))


def coarse_change(alpha: Tensor, segmentation: Tensor) -> Tensor:
    """What the network changes of its segmentation, both [B, 1, S, S], as means of 8 x 8 pixels: [B, 1, S/8, S/8].

    Its way to alpha has no skip connections: it computes alpha from features at a quarter of the side, so what it says is coarse.
    """
    return F.avg_pool2d(alpha - segmentation, 8)


def large_change(change: Tensor, least: float = 0.2) -> Tensor:
    """A change without what is smaller than `least`, by which the rest is shrunk: soft thresholding (Donoho, "De-noising by
    Soft-Thresholding", IEEE Transactions on Information Theory 41, 1995). At edges the network's features are too coarse to know better.
    """
    return F.softshrink(change, least)


class BackgroundMattingWithPrior(SquareMatting):
    """The segmentation is the closed-form matte of a trimap, as that of the difference from the plate, instead of a rough mask.

    What the network changes of it coarsely and by much is added to it, and details stay those of the closed-form matte.
    """

    def __init__(self, network: BackgroundMatting) -> None:
        super().__init__(network)
        self.solver = ClosedForm()

    def forward(
        self, image: Tensor, trimap: Tensor, background: Tensor, side: int = 512, max_side: int = 2048, epsilon: float = 1e-8
    ) -> tuple[Tensor, Tensor | None]:
        """Image and background [B, 3, H, W], RGB, 0..1, and a trimap [B, 1, H, W] with 0, 0.5 (unknown), 1 -> alpha [B, 1, H, W] and
        foreground [B, 3, H, W], 0..1; all 0 where the trimap is.

        A box around all that is not background is resized to a square of `side` pixels (lowered to a multiple of 8) for the network; any
        number of blobs is kept. The closed-form matte is that of the picture, whose longer side is reduced to `max_side`; `epsilon` is
        its, see `closed_form`.
        """
        smaller, known = shrunk(image, trimap, max_side)
        prior = with_known(resize_linear(self.solver(smaller, known, epsilon), image.shape[2], image.shape[3]), trimap)
        alpha, foreground = self.each(image, background, prior, lower_to_multiple(side, 8))
        alpha = with_known(alpha, trimap)
        return alpha, own_colours(image, alpha, foreground)

    def matte_one(self, image: Tensor, background: Tensor, guide: Tensor, side: int) -> tuple[Tensor, Tensor]:
        """One picture [1, 3, H, W] and its prior: the prior with the network's changes, and foreground inside the box around the prior."""
        box = box_of((guide > 0.0).to(guide.dtype)[0, 0])
        if box[2] == 0:
            return guide, torch.zeros_like(image)
        squares = [resize_linear_8bit(cut(picture, box), side, side) for picture in (image, background)]
        segmentation = resize_linear(cut(guide, box), side, side)
        alpha, foreground = self.answer(squares[0], squares[1], segmentation)
        change = large_change(coarse_change(alpha, segmentation))
        places = [pasted(resize_linear(found, box[2], box[3]), box, image.shape[2], image.shape[3]) for found in (change, foreground)]
        return guide + places[0], places[1]


def wrap(network: BackgroundMatting, *, width: float = 1.0, prior: bool = False) -> SquareMatting:
    """The network with its authors' pre- and post-processing: `forward(image, background, mask, side=512) -> (alpha, foreground)`, or
    with `prior` `forward(image, trimap, background, side=512, max_side=2048, epsilon=1e-8) -> (alpha, foreground)`.

    The motion input is that of a photo: the image's gray four times. For a video's motion, call the bare network. `width` is that of
    `build`.
    """
    return BackgroundMattingWithPrior(network) if prior else CompleteBackgroundMatting(network)
