"""Laying a cut-out over a backdrop where its tensors lie: what layers.lay_over does to arrays, by the same formulas, for a GPU."""

import torch
from torch import Tensor


def mixed_over(foreground: Tensor, alpha: Tensor, backdrop: Tensor, *, linear: bool = True) -> Tensor:
    """The cut-out over the backdrop, float32 [B, 3, H, W] in 0..1, from straight colours; see layers.lay_over for `linear`.

    `foreground` and `backdrop` are encoded sRGB [B, 3, H, W], `alpha` is [B, 1, H, W], all float32 in 0..1.
    """
    mixed = _from_light(_mix(_to_light(foreground), alpha, _to_light(backdrop))) if linear else _mix(foreground, alpha, backdrop)
    return torch.where(alpha >= 1, foreground, torch.where(alpha > 0, mixed, backdrop))


def _mix(foreground: Tensor, share: Tensor, backdrop: Tensor) -> Tensor:
    return share * foreground + (1 - share) * backdrop


def _to_light(encoded: Tensor) -> Tensor:
    return torch.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _from_light(light: Tensor) -> Tensor:
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
