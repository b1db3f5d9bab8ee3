"""Fusion with a clean plate: the network of `fusion` with the true background as a further input.

A plate gives the background colour of every pixel exactly. The cues of `fusion` are extended by the plate, the difference from it, that
difference relative to the usual one in background regions, and the projection of the pixel's colour onto the line from the plate to the
known foreground. A trimap made from a plate errs where the subject has the plate's colour and where a shadow falls, so near unknown
pixels the network may correct known ones too.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mattecli.nets import fusion
from mattecli.nets.fusion import CUES, TILE, BehindSolver, Fusion, cues, known_colours, length, projection
from mattecli.nets.parts.ops import mirrored
from mattecli.nets.parts.tiles import keep, seen, windows

PLATE_CUES = CUES + 13

WIDTHS = (32, 96, 160, 256)
"""Channels at 1/2, 1/4, 1/8 and 1/16 of the resolution."""

REACH = 64
"""Known pixels within this many pixels of an unknown one (in a square) may be corrected."""

NOISE = 0.02
"""A floor of the usual difference in background regions: JPEG coding alone leaves this much."""


def usual_difference(image: Tensor, plate: Tensor, trimap: Tensor, least: float = NOISE) -> Tensor:
    """The mean norm of the difference from the plate where the trimap is background, plus `least`: [B, 1, 1, 1]."""
    empty = (trimap <= 0.0).to(image.dtype)
    told = (length(image - plate) * empty).sum((2, 3), keepdim=True) / empty.sum((2, 3), keepdim=True).clamp(min=1.0)
    return told + least


def plate_cues(image: Tensor, trimap: Tensor, coarse: Tensor, colours: Tensor, plate: Tensor, usual: Tensor) -> Tensor:
    """The network's input for a picture or a tile of it: [B, 33, H, W], each channel about -1..1."""
    contrast, above = colours[:, :3] - plate, image - plate
    projected = projection(above, contrast)
    difference = length(above)
    planes = [
        cues(image, trimap, coarse, colours),
        3.0 * (plate - 0.5),
        4.0 * above,
        2.0 * projected - 1.0,
        2.0 * length(contrast) - 1.0,
        4.0 * (above - coarse * contrast),
        4.0 * length(above - projected * contrast),
        2.0 * difference / (difference + usual) - 1.0,
    ]
    return torch.cat(planes, 1)


def within_reach(trimap: Tensor, reach: int = REACH) -> Tensor:
    """Where the matte may differ from the trimap: its unknown pixels and those within `reach` of them, bool [B, 1, H, W]."""
    unknown = ((trimap > 0.0) & (trimap < 1.0)).float()
    rows = F.max_pool2d(unknown, [2 * reach + 1, 1], [1, 1], [reach, 0])
    return F.max_pool2d(rows, [1, 2 * reach + 1], [1, 1], [0, reach]) > 0.0


def edit_weight(image: Tensor, trimap: Tensor, plate: Tensor, usual: Tensor) -> Tensor:
    """The weight of the network's residual at each pixel, [B, 1, H, W] in 0..1: 1 where the trimap is unknown.

    On known background the weight grows with the difference from the plate beyond the usual one; on known foreground it falls with it.
    So noise alone never makes background into foreground. Differences are means over squares of 5 pixels.
    """
    pictures = F.pad(length(image - plate), [2, 2, 2, 2], mode="replicate")
    times = F.avg_pool2d(pictures, 5, 1) / usual
    differs = (times - 1.0).clamp(0.0, 1.0)
    known = torch.where(trimap <= 0.0, differs, 1.0 - differs)
    return torch.where((trimap > 0.0) & (trimap < 1.0), 1.0, known)


def features(image: Tensor, trimap: Tensor, coarse: Tensor, plate: Tensor) -> Tensor:
    """The network's input [B, 33, H, W] for an image and its plate [B, 3, H, W], its trimap and its closed-form matte [B, 1, H, W]."""
    return plate_cues(image, trimap, coarse, known_colours(image, trimap), plate, usual_difference(image, plate, trimap))


def build() -> Fusion:
    """The bare network with random weights; its residual is 0 before training."""
    return Fusion(PLATE_CUES, WIDTHS)


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of this network, see `fusion.convert`."""
    return fusion.convert(state_dict)


class CompleteFusionPlate(BehindSolver):
    """A picture with a side longer than `tile` is processed in tiles, with the same result."""

    def forward(self, image: Tensor, trimap: Tensor, background: Tensor, epsilon: float = 1e-8) -> tuple[Tensor, Tensor | None]:
        """Image and plate [B, 3, H, W], RGB, 0..1, trimap [B, 1, H, W] with 0, 0.5 (unknown), 1 -> alpha [B, 1, H, W] and no foreground.

        `epsilon` is that of the closed-form matte, see `closed_form`. Farther than `REACH` pixels from unknown ones alpha equals
        the trimap.
        """
        coarse = self.solver(image, trimap, epsilon)
        height, width = image.shape[2], image.shape[3]
        padded = [side + (-side) % 16 for side in (height, width)]
        planes = [mirrored(plane, padded[0], padded[1], True) for plane in (image.float(), trimap.float(), coarse, background.float())]
        return self.corrected(planes[0], planes[1], planes[2], planes[3])[:, :, :height, :width], None

    def corrected(self, image: Tensor, trimap: Tensor, coarse: Tensor, plate: Tensor) -> Tensor:
        """Alpha in 0..1 from planes whose sides are multiples of 16."""
        colours, usual = known_colours(image, trimap), usual_difference(image, plate, trimap)
        alpha, weight = coarse.clone(), edit_weight(image, trimap, plate, usual) * within_reach(trimap)
        for window in windows(weight > 0.0, self.tile, self.overlap):
            parts = [seen(plane, window) for plane in (image, trimap, coarse, colours, plate, weight)]
            residual = self.network(plate_cues(parts[0], parts[1], parts[2], parts[3], parts[4], usual).to(self.network.stem.weight.dtype))
            keep(alpha, parts[2] + parts[5] * residual.float(), window)
        return torch.where(weight > 0.0, alpha.clamp(0.0, 1.0), coarse)


def wrap(network: Fusion) -> CompleteFusionPlate:
    """The network behind the solver: `forward(image, trimap, background, epsilon=1e-8) -> (alpha, None)`."""
    return CompleteFusionPlate(network, TILE)
