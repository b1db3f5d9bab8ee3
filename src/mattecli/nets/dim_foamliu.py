"""Deep Image Matting as an encoder-decoder of index unpooling and batch normalisation, without skips and without refinement.

After Xu, Price, Cohen, Huang, "Deep Image Matting", CVPR 2017 (arXiv 1703.03872); the network and its layout are those of
github.com/foamliu/Deep-Image-Matting-PyTorch (commit db6a96d).
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mattecli.nets.parts.ops import mirrored, standardise, trimap_levels, unpool, with_known, without_prefix
from mattecli.nets.parts.tiles import keep, seen, windows


class Convolution(nn.Module):
    """Convolution and batch normalisation; the encoder's are followed by a ReLU, the decoder's by nothing."""

    def __init__(self, channels: int, width: int, kernel: int, *, rectified: bool) -> None:
        super().__init__()
        self.filter = nn.Conv2d(channels, width, kernel, padding=kernel // 2)
        self.norm = nn.BatchNorm2d(width)
        self.rectified = rectified

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = self.norm(self.filter(features))
        return torch.relu(result) if self.rectified else result


class Down(nn.Module):
    """Two or three convolutions and a max-pooling that returns its indices."""

    def __init__(self, channels: int, width: int, depth: int) -> None:
        super().__init__()
        self.conv1 = Convolution(channels, width, 3, rectified=True)
        self.conv2 = Convolution(width, width, 3, rectified=True)
        self.conv3 = Convolution(width, width, 3, rectified=True) if depth == 3 else nn.Identity()

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return F.max_pool2d_with_indices(self.conv3(self.conv2(self.conv1(features))), [2, 2])


class Up(nn.Module):
    """An unpooling to the size of `like` and a convolution."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv = Convolution(channels, width, 5, rectified=False)

    def forward(self, features: Tensor, places: Tensor, like: Tensor) -> Tensor:
        result: Tensor = self.conv(unpool(features, places, like.shape[2], like.shape[3]))
        return result


class DimFoamliu(nn.Module):
    """Standardised RGB and trimap [B, 4, H, W], H and W from 32 up -> alpha [B, H, W] in 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2, self.down3 = Down(4, 64, 2), Down(64, 128, 2), Down(128, 256, 3)
        self.down4, self.down5 = Down(256, 512, 3), Down(512, 512, 3)
        self.up5, self.up4, self.up3, self.up2, self.up1 = Up(512, 512), Up(512, 256), Up(256, 128), Up(128, 64), Up(64, 1)

    def forward(self, picture: Tensor) -> Tensor:
        half, places_1 = self.down1(picture)
        quarter, places_2 = self.down2(half)
        eighth, places_3 = self.down3(quarter)
        sixteenth, places_4 = self.down4(eighth)
        features, places_5 = self.down5(sixteenth)
        features = self.up4(self.up5(features, places_5, sixteenth), places_4, eighth)
        features = self.up2(self.up3(features, places_3, quarter), places_2, half)
        return torch.sigmoid(self.up1(features, places_1, picture)[:, 0])


def build() -> DimFoamliu:
    """The bare network with random weights."""
    return DimFoamliu()


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of the published model (bare, or of its nn.DataParallel) -> ours."""
    state = without_prefix(state_dict, "module.")
    return {key.replace("cbr_unit.0.", "filter.").replace("cbr_unit.1.", "norm."): value for key, value in state.items()}


class CompleteDimFoamliu(nn.Module):
    def __init__(self, network: DimFoamliu) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, trimap: Tensor, tile: int = 0, overlap: int = 192) -> tuple[Tensor, Tensor | None]:
        """Image [B, 3, H, W], RGB, 0..1, trimap [B, 1, H, W] with 0, 0.5 (unknown), 1 -> alpha [B, 1, H, W] and no foreground.

        As in the publisher's eval.py the network runs on the whole image at its own size. Two additions: a side shorter than the 32
        pixels it needs is padded by mirroring; and with a `tile` (pixels, lowered to a multiple of 32) the network runs on squares of
        that side one at a time, which bounds memory; squares without unknown pixels are skipped. Neighbouring squares overlap by
        `overlap` pixels (lowered likewise). The receptive field reaches 183 pixels to each side, so with 192 the alpha is that of the
        whole picture up to rounding (where two values of a pooling window are nearly equal, a pixel may change).
        """
        height, width = image.shape[2], image.shape[3]
        standardised = standardise(image, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        picture = mirrored(torch.cat((standardised, trimap_levels(trimap)), 1), max(height, 32), max(width, 32), False)
        alpha = self.in_tiles(picture, tile, overlap) if tile > 0 else self.whole(picture)
        return with_known(alpha[:, :, :height, :width], trimap), None

    def whole(self, picture: Tensor) -> Tensor:
        """Standardised RGB and trimap levels [B, 4, H, W] -> alpha [B, 1, H, W], float32."""
        alpha: Tensor = self.network(picture.to(self.network.up1.conv.filter.weight.dtype))
        return alpha[:, None].float()

    def in_tiles(self, picture: Tensor, tile: int, overlap: int) -> Tensor:
        levels = picture[:, 3:]
        alpha = torch.zeros_like(levels)
        for window in windows((levels > 0.0) & (levels < 1.0), tile, overlap):
            keep(alpha, self.whole(seen(picture, window)), window)
        return alpha


def wrap(network: DimFoamliu) -> CompleteDimFoamliu:
    """The network with its publisher's pre- and post-processing: `forward(image, trimap, tile=0, overlap=192) -> (alpha, None)`."""
    return CompleteDimFoamliu(network)
