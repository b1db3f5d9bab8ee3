"""Fusion before a clean plate: the network of `fusion`, which also sees what is behind the subject.

A trimap that was made from a plate says where a solver has to look, and there the plate says more than any known colour that spreads:
what the background is. So to the cues of `fusion` come the plate, the difference from it, how large that is beside the difference where
nothing stands, and the projection of the pixel's colour onto the line from the plate to the known foreground. Such a trimap also errs,
where a subject has the plate's colour and where a shadow falls; so the network may mend what is known too, near what is not.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mattecli.nets.fusion import CUES, TILE, BehindSolver, Fusion, cues, known_colours, length, projection
from mattecli.nets.parts.ops import mirrored
from mattecli.nets.parts.tiles import keep, seen, windows

PLATE_CUES = CUES + 13

WIDTHS = (32, 96, 160, 256)
"""Channels at 1/2, 1/4, 1/8 and 1/16 of the resolution."""

REACH = 64
"""So many pixels from an unknown one, in a square, what the trimap knows may be mended."""

NOISE = 0.02
"""Added to the difference that is usual where nothing stands: no picture has less, once it was a JPEG."""


def usual_difference(image: Tensor, plate: Tensor, trimap: Tensor, least: float = NOISE) -> Tensor:
    """How long the differences from the plate are on average where the trimap says background: [B, 1, 1, 1]."""
    empty = (trimap <= 0.0).to(image.dtype)
    told = (length(image - plate) * empty).sum((2, 3), keepdim=True) / empty.sum((2, 3), keepdim=True).clamp(min=1.0)
    return told + least


def plate_cues(image: Tensor, trimap: Tensor, coarse: Tensor, colours: Tensor, plate: Tensor, usual: Tensor) -> Tensor:
    """What the network sees of a picture, or of a window of it: [B, 33, H, W], each about -1..1."""
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
    """Where the matte may differ from the trimap: bool [B, 1, H, W], its unknown pixels and what is near them."""
    unknown = ((trimap > 0.0) & (trimap < 1.0)).float()
    rows = F.max_pool2d(unknown, [2 * reach + 1, 1], [1, 1], [reach, 0])
    return F.max_pool2d(rows, [1, 2 * reach + 1], [1, 1], [0, reach]) > 0.0


def edit_weight(image: Tensor, trimap: Tensor, plate: Tensor, usual: Tensor) -> Tensor:
    """How far what the network says counts at each pixel, [B, 1, H, W] in 0..1: wholly where the trimap knows nothing.

    What it calls background may become foreground as far as it differs from the plate by more than is usual, and what it calls
    foreground may become background as far as it does not: noise alone is no subject. Differences are means over squares of 5 pixels.
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
    """The bare network, which adds nothing until it has been trained."""
    return Fusion(PLATE_CUES, WIDTHS)


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The names are ours already."""
    return dict(state_dict)


class CompleteFusionPlate(BehindSolver):
    """A picture whose sides are longer than `tile` is seen in squares, which leaves the matte as it is."""

    def forward(self, image: Tensor, trimap: Tensor, background: Tensor, epsilon: float = 1e-8) -> tuple[Tensor, Tensor | None]:
        """Image and plate [B, 3, H, W], RGB, 0..1, trimap [B, 1, H, W] with 0, 0.5 (unknown), 1 -> alpha [B, 1, H, W] and no foreground.

        `epsilon` is that of the closed-form matte, see `closed_form`. Farther than `REACH` pixels from what is unknown the matte is the
        trimap's.
        """
        coarse = self.solver(image, trimap, epsilon)
        height, width = image.shape[2], image.shape[3]
        padded = [side + (-side) % 16 for side in (height, width)]
        planes = [mirrored(plane, padded[0], padded[1], True) for plane in (image.float(), trimap.float(), coarse, background.float())]
        return self.mended(planes[0], planes[1], planes[2], planes[3])[:, :, :height, :width], None

    def mended(self, image: Tensor, trimap: Tensor, coarse: Tensor, plate: Tensor) -> Tensor:
        """Alpha in 0..1 from planes whose sides are multiples of 16."""
        colours, usual = known_colours(image, trimap), usual_difference(image, plate, trimap)
        alpha, weight = coarse.clone(), edit_weight(image, trimap, plate, usual) * within_reach(trimap)
        for window in windows(weight > 0.0, self.tile, self.overlap):
            parts = [seen(plane, window) for plane in (image, trimap, coarse, colours, plate, weight)]
            residual = self.network(plate_cues(parts[0], parts[1], parts[2], parts[3], parts[4], usual).to(self.network.enter.weight.dtype))
            keep(alpha, parts[2] + parts[5] * residual.float(), window)
        return torch.where(weight > 0.0, alpha.clamp(0.0, 1.0), coarse)


def wrap(network: Fusion) -> CompleteFusionPlate:
    """The network behind the solver: `forward(image, trimap, background, epsilon=1e-8) -> (alpha, None)`."""
    return CompleteFusionPlate(network, TILE)
