"""What is done to a batch at each step, on the device: a crop with something unknown in it, mirror images, other colours.

None of it breaks what makes an example true: all planes move together, and colours change by one linear map for image, foreground,
background and plate, under which image = alpha foreground + (1 - alpha) background still holds. A closed-form matte, too, is the same
under such a map (Levin et al. 2008, section 3: it only asks that colours be locally linear).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from training.settings import Augment

COLOURS = ("image", "foreground", "background", "plate")
LUMA = (0.299, 0.587, 0.114)

Batch = dict[str, Tensor]


def augmented(batch: Batch, settings: Augment, chance: torch.Generator) -> Batch:
    """A batch [B, C, H, W] in 0..1 as the training sees it this time; `chance` is a generator on the CPU."""
    if settings.crop:
        batch = cropped(batch, settings.crop, chance)
    if settings.flip:
        batch = _where(batch, torch.rand(_count(batch), generator=chance) < 0.5, lambda plane: plane.flip(3))
    if settings.turn:
        batch = _where(batch, torch.rand(_count(batch), generator=chance) < 0.5, lambda plane: plane.transpose(2, 3))
        batch = _where(batch, torch.rand(_count(batch), generator=chance) < 0.5, lambda plane: plane.flip(2))
    return recoloured(batch, settings.colour, chance) if settings.colour > 0 else batch


def cropped(batch: Batch, side: int, chance: torch.Generator) -> Batch:
    """A square of `side` of each example, around one of its unknown pixels as far as its edges allow."""
    height, width = batch["image"].shape[2:]
    if side >= min(height, width):
        return batch
    corners = [_corner(trimap[0], side, chance) for trimap in batch["trimap"].cpu()]
    return {
        name: torch.stack([plane[:, top : top + side, left : left + side] for plane, (top, left) in zip(planes, corners, strict=True)])
        for name, planes in batch.items()
    }


def _corner(trimap: Tensor, side: int, chance: torch.Generator) -> tuple[int, int]:
    unknown = torch.nonzero(trimap == 0.5)
    height, width = trimap.shape
    if len(unknown) == 0:
        unknown = torch.tensor([[height // 2, width // 2]])
    row, column = unknown[int(torch.randint(len(unknown), (), generator=chance))].tolist()
    inside = torch.randint(side, (2,), generator=chance).tolist()
    return min(max(row - inside[0], 0), height - side), min(max(column - inside[1], 0), width - side)


def recoloured(batch: Batch, strength: float, chance: torch.Generator) -> Batch:
    """The colours of each example less saturated, dimmed channel by channel and shifted, never beyond 0..1."""
    count = _count(batch)
    saturation = 1.0 - strength * torch.rand(count, 1, 1, generator=chance)
    gain = 1.0 - strength * torch.rand(count, 3, 1, generator=chance)
    shift = (1.0 - gain) * torch.rand(count, 3, 1, generator=chance)
    mixture = gain * (saturation * torch.eye(3) + (1.0 - saturation) * torch.tensor(LUMA))
    mixture, shift = mixture.to(batch["image"].device), shift[..., None].to(batch["image"].device)
    return {
        name: torch.einsum("bij,bjhw->bihw", mixture, planes).add(shift).clamp(0.0, 1.0) if name in COLOURS else planes
        for name, planes in batch.items()
    }


def _count(batch: Batch) -> int:
    return len(batch["image"])


def _where(batch: Batch, chosen: Tensor, change: Callable[[Tensor], Tensor]) -> Batch:
    return {
        name: torch.where(chosen.to(planes.device)[:, None, None, None], change(planes), planes).contiguous()
        for name, planes in batch.items()
    }
