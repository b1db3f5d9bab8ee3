"""Augmentation of a batch at each step, on the device: a crop around unknown pixels, mirroring, changed colours.

Examples stay consistent: all planes move together, and colours of image, foreground, background and plate change by one linear map,
under which image = alpha foreground + (1 - alpha) background still holds. A closed-form matte, too, is the same
under such a map (Levin et al. 2008, section 3: it only asks that colours be locally linear).
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from training.scenes import LUMA
from training.settings import Augment

COLOURS = ("image", "foreground", "background", "plate")

Batch = dict[str, Tensor]


def augmented(batch: Batch, settings: Augment, chance: torch.Generator) -> Batch:
    """An augmented batch [B, C, H, W] in 0..1; `chance` is a generator on its device."""
    if settings.crop:
        batch = cropped(batch, settings.crop, chance)
    if settings.flip:
        batch = _where(batch, _coins(batch, chance), lambda plane: plane.flip(3))
    if settings.turn:
        batch = _where(batch, _coins(batch, chance), lambda plane: plane.transpose(2, 3))
        batch = _where(batch, _coins(batch, chance), lambda plane: plane.flip(2))
    return recoloured(batch, settings.colour, chance) if settings.colour > 0 else batch


def cropped(batch: Batch, side: int, chance: torch.Generator) -> Batch:
    """A square of `side` of each example, around one of its unknown pixels as far as its edges allow."""
    height, width = batch["image"].shape[2:]
    if side >= min(height, width):
        return batch
    unknown = (batch["trimap"] == 0.5).float().flatten(1)
    chosen = (unknown + torch.rand(unknown.shape, generator=chance, device=chance.device)).argmax(1)  # any pixel, where none is unknown
    inside = torch.randint(side, (2, _count(batch)), generator=chance, device=chance.device)
    steps = torch.arange(side, device=chance.device)
    rows = (chosen // width - inside[0]).clamp(0, height - side)[:, None, None] + steps[:, None]
    columns = (chosen % width - inside[1]).clamp(0, width - side)[:, None, None] + steps
    examples = torch.arange(_count(batch), device=chance.device)[:, None, None]
    return {name: planes[examples, :, rows, columns].permute(0, 3, 1, 2).contiguous() for name, planes in batch.items()}


def recoloured(batch: Batch, strength: float, chance: torch.Generator) -> Batch:
    """The colours of each example less saturated, dimmed channel by channel and shifted, never beyond 0..1."""
    random = partial(torch.rand, generator=chance, device=chance.device)
    count, luma = _count(batch), torch.tensor(LUMA, device=chance.device)
    saturation = 1.0 - strength * random(count, 1, 1)
    gain = 1.0 - strength * random(count, 3, 1)
    shift = ((1.0 - gain) * random(count, 3, 1))[..., None]
    mixture = gain * (saturation * torch.eye(3, device=chance.device) + (1.0 - saturation) * luma)
    return {
        name: torch.einsum("bij,bjhw->bihw", mixture, planes).add(shift).clamp(0.0, 1.0) if name in COLOURS else planes
        for name, planes in batch.items()
    }


def _count(batch: Batch) -> int:
    return len(batch["image"])


def _coins(batch: Batch, chance: torch.Generator) -> Tensor:
    return torch.rand(_count(batch), generator=chance, device=chance.device) < 0.5


def _where(batch: Batch, chosen: Tensor, change: Callable[[Tensor], Tensor]) -> Batch:
    return {name: torch.where(chosen[:, None, None, None], change(planes), planes).contiguous() for name, planes in batch.items()}
