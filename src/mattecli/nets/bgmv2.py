"""Background Matting V2: alpha and foreground of whatever differs from a clean photograph of the background.

Lin et al., "Real-Time High-Resolution Background Matting", CVPR 2021 (arXiv 2012.07810): a base network processes both pictures at
reduced size and predicts its own error; a refiner recomputes, at full size, the patches of 4 x 4 pixels where that error is largest.
Facts of the published networks: github.com/PeterL1n/BackgroundMattingV2 (commit a8e82df). Sub-modules are named as in its
checkpoints, except that MobileNetV2's blocks are not nested (see `convert`).
"""

import re
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mattecli.errors import MatteError, ModelError
from mattecli.nets.parts.aspp import PyramidPooling
from mattecli.nets.parts.mobilenet import mobilenet_blocks
from mattecli.nets.parts.ops import resize_linear, with_counters, without_prefix
from mattecli.nets.parts.patches import bilinear_taps, cut_out, pixels, select_cells, squares
from mattecli.nets.parts.resnet import ResNetEncoder

BACKBONES = ("mobilenetv2", "resnet50", "resnet101")


class MobileNetV2Encoder(nn.Module):
    """Picture [B, 6, H, W] -> features at 1/2 (16 channels), 1/4 (24), 1/8 (32) and 1/16 (320) of its size."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(*mobilenet_blocks(6, dilated=True))

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        half, quarter, eighth, features = picture, picture, picture, picture
        for index, block in enumerate(self.features):
            features = block(features)
            if index == 1:
                half = features
            if index == 3:
                quarter = features
            if index == 6:
                eighth = features
        return half, quarter, eighth, features


class Decoder(nn.Module):
    """Features at 1/16 (256 channels) -> the base network's output at the picture's size, [B, 37, H, W].

    Skip connections: the encoder's features at 1/8, 1/4 and 1/2, of `channels` channels, and the picture.
    """

    def __init__(self, channels: tuple[int, int, int]) -> None:
        super().__init__()
        eighth, quarter, half = channels
        self.conv1 = nn.Conv2d(256 + eighth, 128, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(128)
        self.conv2 = nn.Conv2d(128 + quarter, 64, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        self.conv3 = nn.Conv2d(64 + half, 48, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(48)
        self.conv4 = nn.Conv2d(48 + 6, 1 + 3 + 1 + 32, 3, padding=1)

    def beside(self, features: Tensor, skipped: Tensor) -> Tensor:
        return torch.cat((resize_linear(features, skipped.shape[2], skipped.shape[3]), skipped), 1)

    def forward(self, features: Tensor, eighth: Tensor, quarter: Tensor, half: Tensor, picture: Tensor) -> Tensor:
        features = torch.relu(self.bn1(self.conv1(self.beside(features, eighth))))
        features = torch.relu(self.bn2(self.conv2(self.beside(features, quarter))))
        features = torch.relu(self.bn3(self.conv3(self.beside(features, half))))
        result: Tensor = self.conv4(self.beside(features, picture))
        return result


class Base(nn.Module):
    """Encoder, pyramid pooling and decoder after DeepLabV3+: shared by the base network alone and by the whole one."""

    def __init__(self, backbone: str) -> None:
        super().__init__()
        small = backbone == "mobilenetv2"
        self.backbone = MobileNetV2Encoder() if small else ResNetEncoder(6, blocks=6 if backbone == "resnet50" else 23)
        self.aspp = PyramidPooling(320 if small else 2048, (3, 6, 9))
        self.decoder = Decoder((32, 24, 16) if small else (512, 256, 64))

    def coarse(self, image: Tensor, background: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """alpha [B, 1, H, W], foreground less the image [B, 3, H, W], expected error [B, 1, H, W], hidden features [B, 32, H, W]."""
        picture = torch.cat((image, background), 1)
        half, quarter, eighth, deep = self.backbone(picture)
        result = self.decoder(self.aspp(deep), eighth, quarter, half, picture)
        return result[:, :1].clamp(0.0, 1.0), result[:, 1:4], result[:, 4:5].clamp(0.0, 1.0), torch.relu(result[:, 5:])


class MattingBase(Base):
    """The base network alone, which its authors train first: image and background [B, 3, H, W], RGB, 0..1 -> alpha [B, 1, H, W],
    foreground [B, 3, H, W] and expected error [B, 1, H, W], 0..1, and hidden features [B, 32, H, W]."""

    def forward(self, image: Tensor, background: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        alpha, residual, error, hidden = self.coarse(image, background)
        return alpha, (residual + image).clamp(0.0, 1.0), error, hidden


class Refiner(nn.Module):
    """Recomputes alpha and foreground (less the image) at full size where the base network expects an error."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(32 + 1 + 3 + 6, 24, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(24)
        self.conv2 = nn.Conv2d(24, 16, 3, bias=False)
        self.bn2 = nn.BatchNorm2d(16)
        self.conv3 = nn.Conv2d(16 + 6, 12, 3, bias=False)
        self.bn3 = nn.BatchNorm2d(12)
        self.conv4 = nn.Conv2d(12, 4, 3)

    def convolve(self, half: Tensor, full: Tensor) -> Tensor:
        """Features at half size with 3 pixels of margin and pictures at full size with 2 -> alpha and foreground without margin."""
        features = torch.relu(self.bn1(self.conv1(half)))
        features = torch.relu(self.bn2(self.conv2(features)))
        features = F.interpolate(features, scale_factor=2.0, mode="nearest")
        features = torch.relu(self.bn3(self.conv3(torch.cat((features, full), 1))))
        result: Tensor = self.conv4(features)
        return result

    def everywhere(self, image: Tensor, background: Tensor, features: Tensor, rows: int = 512) -> Tensor:
        """`convolve` on whole pictures, `rows` rows at a time, which bounds memory."""
        half, full = self.with_margins(image, background, features)
        height = image.shape[2]
        edges = [[top, min(top + rows, height)] for top in range(0, height, rows)]
        bands = [self.convolve(half[:, :, top // 2 : bottom // 2 + 6], full[:, :, top : bottom + 4]) for top, bottom in edges]
        return torch.cat(bands, 2)

    def with_margins(self, image: Tensor, background: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """The inputs of `convolve` for whole pictures: half-size features and pictures padded by 3 pixels, full-size pictures by 2."""
        pictures = torch.cat((image, background), 1)
        half = [resize_linear(picture, pictures.shape[2] // 2, pictures.shape[3] // 2) for picture in (features, pictures)]
        return F.pad(torch.cat(half, 1), [3, 3, 3, 3]), F.pad(pictures, [2, 2, 2, 2])

    def among_cells(self, image: Tensor, background: Tensor, features: Tensor, cells: Tensor) -> Tensor:
        """`convolve` on the squares of 4 pixels at `cells` [N, 3]: [N, 4, 4, 4].

        A CPU samples only what these squares need, for as many squares at a time as the authors refine in an HD picture, which bounds
        memory. A GPU is faster with the whole picture at half size and more squares at a time.
        """
        if image.device.type == "cpu":
            return torch.cat([self.at_cells(image, background, features, part) for part in cells.split(5000)])
        half, full = self.with_margins(image, background, features)
        return torch.cat([self.convolve(cut_out(half, part, 2, 8), cut_out(full, part, 4, 8)) for part in cells.split(40000)])

    def at_cells(self, image: Tensor, background: Tensor, features: Tensor, cells: Tensor) -> Tensor:
        """`convolve` on squares that are interpolated from the pictures directly."""
        size, small = [image.shape[2], image.shape[3]], [features.shape[2], features.shape[3]]
        middle = [size[0] // 2, size[1] // 2]
        coarsely, by_halves = bilinear_taps(cells, 2, 3, small, middle), bilinear_taps(cells, 2, 3, size, middle)
        exactly = bilinear_taps(cells, 4, 2, size, size)
        half = [pixels(features, coarsely), pixels(image, by_halves), pixels(background, by_halves)]
        full = [pixels(image, exactly), pixels(background, exactly)]
        return self.convolve(squares(half, 8), squares(full, 8))

    def forward(
        self,
        image: Tensor,
        background: Tensor,
        coarse: Tensor,
        error: Tensor,
        hidden: Tensor,
        mode: str,
        sample_pixels: int,
        threshold: float,
    ) -> tuple[Tensor, Tensor]:
        """Image and background [B, 3, H, W], coarse alpha and foreground [B, 4, h, w] -> refined ones [B, 4, H, W], and a map
        [B, 1, H/4, W/4] that is 1 where they were refined."""
        batch, _, height, width = image.shape
        features = torch.cat((hidden, coarse), 1)
        if mode == "full":
            refined = self.everywhere(image, background, features)
            return refined, torch.ones_like(refined[:, :1, ::4, ::4])
        cells, counts = select_cells(resize_linear(error, height // 4, width // 4), mode, sample_pixels, threshold)
        picture, row, column = cells[:, 0], cells[:, 1], cells[:, 2]
        result = resize_linear(coarse.contiguous(), height, width)
        patches = result.view(batch, 4, height // 4, 4, width // 4, 4).permute(0, 2, 4, 1, 3, 5)
        refined = self.among_cells(image, background, features, cells)
        patches[picture, row, column] = torch.where(counts[:, None, None, None], refined, patches[picture, row, column])
        refinement = torch.zeros_like(result[:, 0, ::4, ::4])
        refinement[picture, row, column] = counts.to(refinement.dtype)
        return result, refinement[:, None]


class MattingRefine(Base):
    """Image and background [B, 3, H, W], RGB, 0..1, H and W multiples of 4 -> alpha [B, 1, H, W] and foreground [B, 3, H, W]; coarse
    alpha, foreground and error at `scale` times the size; and a map [B, 1, H/4, W/4] that is 1 where the refiner ran.

    The arguments after the pictures are those of `CompleteBackgroundMattingV2`, with the defaults of the authors' code.
    """

    def __init__(self, backbone: str) -> None:
        super().__init__(backbone)
        self.refiner = Refiner()

    def forward(
        self,
        image: Tensor,
        background: Tensor,
        mode: str = "sampling",
        scale: float = 0.25,
        sample_pixels: int = 80000,
        threshold: float = 0.1,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        height, width = max(int(image.shape[2] * scale), 1), max(int(image.shape[3] * scale), 1)
        seen = [picture.contiguous(memory_format=torch.channels_last) for picture in (image, background)]  # once for all convolutions
        small = resize_linear(seen[0], height, width)
        alpha, residual, error, hidden = self.coarse(small, resize_linear(seen[1], height, width))
        coarse = torch.cat((alpha, residual), 1)
        refined, refinement = self.refiner(seen[0], seen[1], coarse, error, hidden, mode, sample_pixels, threshold)
        foreground = (refined[:, 1:] + image).clamp(0.0, 1.0)
        return refined[:, :1].clamp(0.0, 1.0), foreground, alpha, (residual + small).clamp(0.0, 1.0), error, refinement


LONGEST = 480
"""The longer side of the base network's input that the authors advise."""


def build(backbone: str = "mobilenetv2", refine: bool = True, longest: int = LONGEST) -> MattingBase | MattingRefine:
    """The bare network with random weights; the base network alone without `refine`. `longest` is for `wrap`."""
    if backbone not in BACKBONES:
        raise ModelError(f"Background Matting V2 has no backbone {backbone!r}; its backbones are {', '.join(BACKBONES)}")
    return MattingRefine(backbone) if refine else MattingBase(backbone)


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' pytorch_<backbone>.pth -> ours.

    torchvision nests the layers of a MobileNetV2 block: a convolution, its norm and its activation are one entry, the last
    convolution and its norm two more. Here they stand in one row.
    """
    state = with_counters(without_prefix(state_dict, "module."))
    nested = re.compile(r"(backbone\.features\.\d+\.conv\.)(\d)\.(\d)\.")
    if not any(nested.match(key) for key in state):
        return state
    return {_in_a_row(key): value for key, value in state.items()}


def _in_a_row(key: str) -> str:
    match = re.fullmatch(r"(backbone\.features\.(\d+)\.conv)\.(\d)(?:\.(\d))?\.(\w+)", key)
    if match is None:
        return key
    block, number, outer, inner, leaf = match.groups()
    entries = 1 if number == "1" else 2  # the first block does not widen
    place = 3 * int(outer) + int(inner) if inner else int(outer) + 2 * entries
    return f"{block}.{place}.{leaf}"


def advised_scale(height: int, width: int, longest: int = LONGEST) -> float:
    """The scale that gives the base network a longer side of `longest` pixels, at most one half.

    The authors advise 0.25 for HD and 0.125 for 4K pictures (doc/model_usage.md): both are 480 x 270. They allow at most one half.
    """
    return min(float(longest) / max(height, width), 0.5)


def advised_sample_pixels(height: int, width: int) -> int:
    """How many pixels to refine: 80,000 for HD and 320,000 for 4K as the authors advise, the same share above HD, never fewer below."""
    return max(height * width * 25 // 648, 80000)


class CompleteBackgroundMattingV2(nn.Module):
    def __init__(self, network: MattingRefine, longest: int) -> None:
        super().__init__()
        self.longest = longest
        self.network = network

    def forward(
        self,
        image: Tensor,
        background: Tensor,
        mode: str = "sampling",
        scale: float = 0.0,
        sample_pixels: int = 0,
        threshold: float = 0.1,
    ) -> tuple[Tensor, Tensor | None]:
        """Image and background [B, 3, H, W], RGB, 0..1 -> alpha [B, 1, H, W] and foreground [B, 3, H, W], 0..1.

        `mode`: `sampling` refines the `sample_pixels` pixels with the largest expected error, `thresholding` those whose expected
        error is above `threshold` (0..1), `full` all. `scale`, at most 0.5, is that of the base network's input. 0 stands for
        what the authors advise for the size, see `advised_scale` and `advised_sample_pixels`; other weights may have another `longest`.
        """
        if mode not in ["sampling", "thresholding", "full"]:
            raise MatteError(f"there is no refine mode {mode}; modes are sampling, thresholding and full")
        if scale < 0.0 or scale > 0.5 or sample_pixels < 0:
            raise MatteError("scale is 0 (automatic) to 0.5 and sample_pixels 0 (automatic) or more; give values in these ranges")
        height, width = image.shape[2], image.shape[3]
        scale = scale if scale > 0.0 else advised_scale(height, width, self.longest)
        sample_pixels = sample_pixels if sample_pixels > 0 else advised_sample_pixels(height, width)
        if height % 4 > 0 or width % 4 > 0:
            padding = [0, -width % 4, 0, -height % 4]
            image, background = F.pad(image, padding, mode="replicate"), F.pad(background, padding, mode="replicate")
        dtype = self.network.decoder.conv1.weight.dtype
        results = self.network(image.to(dtype), background.to(dtype), mode, scale, sample_pixels, threshold)
        alpha, foreground = results[0].float(), results[1].float()
        return alpha[:, :, :height, :width], foreground[:, :, :height, :width]


def wrap(network: MattingRefine, backbone: str = "mobilenetv2", longest: int = LONGEST) -> CompleteBackgroundMattingV2:
    """The network for pictures of any size: `forward(image, background, mode, scale, sample_pixels, threshold) -> (alpha, foreground)`.

    `longest`: the longer side of the base network's input where `scale` is 0.
    """
    return CompleteBackgroundMattingV2(network, longest)
