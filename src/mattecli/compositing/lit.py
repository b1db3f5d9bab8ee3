"""Cut-outs and composites in linear light of any brightness, for pictures of floats.

Light is mixed as lenses mix it, so colours are estimated in light, too: laid back over its own background, a cut-out is the picture again.
"""

from typing import TYPE_CHECKING

import numpy as np

from mattecli.compositing.backdrop import Backdrop, PictureBackdrop
from mattecli.io.pictures.light import Light
from mattecli.io.pictures.transfer import from_light, to_light
from mattecli.matting.levels import Plane

if TYPE_CHECKING:
    from mattecli.core.runtime import Device


def unmixed_light(light: Light, alpha: Plane, device: "Device", *, plate: Plane | None = None) -> Plane:
    """The subject's own light, straight, [H, W, 3]: estimated where the matte is soft, else the picture's.

    plate: the encoded background in 0..1, where it is known and the picture is not brighter than white.
    """
    seen = light.straight
    if not ((alpha > 0) & (alpha < 1)).any():
        return seen
    import torch  # hard edges do not need torch, whose import takes a second

    from mattecli.compositing.foreground import estimate_foreground

    peak = max(float(seen.max()), 1.0)  # the estimate is limited to 0..1
    behind = None if plate is None else _tensor(np.asarray(to_light(plate), np.float32) / peak, device)
    with torch.inference_mode():
        found = estimate_foreground(_tensor(seen / peak, device), _tensor(alpha[..., None], device), background=behind)
    return np.asarray(found[0].permute(1, 2, 0).cpu().numpy() * peak, np.float32)


def _tensor(planes: Plane, device: "Device") -> "torch.Tensor":  # type: ignore[name-defined]  # noqa: F821
    import torch

    return torch.from_numpy(np.ascontiguousarray(planes.transpose(2, 0, 1)))[None].to(device.torch)


def cut_out(colours: Plane, alpha: Plane, chromaticities: tuple[float, ...] | None) -> Light:
    """Straight light [H, W, 3] and an alpha [H, W] as light with alpha; colours are 0 where alpha is 0."""
    return Light(np.ascontiguousarray(colours * alpha[..., None]), alpha, chromaticities)


def light_behind(backdrop: Backdrop, size: tuple[int, int], seconds: float, chromaticities: tuple[float, ...] | None) -> Plane:
    """A backdrop's light at a (height, width), [H, W, 3]: the floats of a picture that has them, else its sRGB colours as light."""
    own = backdrop.light_at(size, chromaticities) if isinstance(backdrop, PictureBackdrop) else None
    if own is not None:
        return own
    return Light(np.asarray(to_light(backdrop.at(size, seconds)), np.float32)).within(chromaticities).colours


def laid_over(front: Light, behind: Plane, *, linear: bool = True) -> Light:
    """A cut-out, whose colours are premultiplied, over the light behind it.

    linear: False mixes encoded values, as editors do it.
    """
    if front.alpha is None:
        return front
    left = 1 - front.alpha[..., None]
    if linear:
        return Light(front.colours + left * behind, None, front.chromaticities)
    mixed = front.alpha[..., None] * from_light(front.straight.clip(0, None)) + left * from_light(behind.clip(0, None))
    return Light(np.asarray(to_light(mixed), np.float32), None, front.chromaticities)
