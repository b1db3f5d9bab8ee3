"""Refinement of coarse mattes by a trimap model, with a trimap that adapts to the matte.

No band around a coarse outline covers long hair without being too wide elsewhere. Where the band is too narrow, the matte is still soft at
its edge. So the subject is first matted in a small copy of the picture and the band is laid around all soft pixels, several times, each
time reaching farther along the hair.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mattecli.core.contract import Tunable
from mattecli.core.runtime import LoadedModel, to_array
from mattecli.core.tuning.memory_guard import run_within
from mattecli.matting.disputed import disputed
from mattecli.matting.trimap import BACKGROUND, COARSE_BAND, FOREGROUND, UNKNOWN, subject_scale, trimap_from_alpha
from mattecli.pipelines.tensors import Matted, guide_tensor

Trimap = NDArray[np.uint8]

SIDE = 640
"""The longer side of the small copy, in pixels."""

TOLD = 0.02
"""A larger disputed share of the picture is reported."""

BANDS = COARSE_BAND, COARSE_BAND
"""How far each new band reaches to either side, as a share of the subject's scale."""


def refine(
    matted: Matted,
    refiner: LoadedModel,
    options: Mapping[str, Tunable],
    *,
    limit: int | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Matted:
    """The matte refined by a trimap model with a trimap made from it, if anything is unknown. limit, tell: see run_within.

    Disputed regions (see matting/disputed.py) keep the coarse matte.
    """
    trimap = refined_trimap(trimap_from_alpha(to_array(matted.alpha)), matted.seen, refiner, options, limit=limit)
    if not tells_apart(trimap):
        return matted
    guide = guide_tensor("trimap", trimap, refiner)
    outcome = run_within(refiner, matted.seen, {"trimap": guide}, options, limit=limit, tell=tell)
    expected = max(matted.expected or 0, outcome.expected or 0) or None
    alpha, notes = _undisputed(outcome.alpha, matted.alpha)
    notes = (*matted.notes, *outcome.notes, *notes)
    return replace(matted, alpha=alpha, foreground=None, trimap=guide, notes=notes, expected=expected)


def _undisputed(refined: Tensor, coarse: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """The refined matte [1, 1, H, W], with the coarse one in disputed regions, and a sentence where those are large."""
    regions = disputed(to_array(refined), to_array(coarse))
    share = float(regions.mean())
    if share == 0:
        return refined, ()
    held = torch.where(torch.from_numpy(regions)[None, None].to(refined.device), coarse.to(refined.dtype), refined)
    told = f"refinement disputes {100 * share:.0f} % of the picture, where the coarse matte is kept; check there, or give a trimap"
    return held, (told,) if share > TOLD else ()


def refined_trimap(
    trimap: Trimap, image: Tensor, model: LoadedModel, options: Mapping[str, Tunable], *, limit: int | None = None
) -> Trimap:
    """The trimap [H, W] of an image [1, 3, H, W], 0..1, adapted to its matte by a trimap model, with each of BANDS in turn.

    It is unchanged when nothing is unknown or a known region is missing, and for a solver without weights, whose haze around ambiguous
    regions the next band would follow. limit: see run_within.
    """
    if model.info.checkpoint_sha256 is None or not tells_apart(trimap):
        return trimap
    small, guide = _shrunk(image, guide_tensor("trimap", trimap, model))
    for share in BANDS:
        alpha = run_within(model, small, {"trimap": guide}, options, limit=limit).alpha
        levels = _around(alpha, share)
        if not tells_apart(levels):
            return trimap
        guide = guide_tensor("trimap", levels, model)
    return levels if small is image else _around(F.interpolate(alpha, image.shape[2:], mode="bilinear"), BANDS[-1])


def tells_apart(trimap: Trimap) -> bool:
    """Whether a trimap has unknown pixels and both known regions."""
    return all(bool((trimap == level).any()) for level in (BACKGROUND, UNKNOWN, FOREGROUND))


def _around(alpha: Tensor, share: float) -> Trimap:
    found = to_array(alpha)
    return trimap_from_alpha(found, band=share * subject_scale(found >= 0.5))


def _shrunk(image: Tensor, trimap: Tensor) -> tuple[Tensor, Tensor]:
    """Image and trimap with a longer side of at most SIDE; a pixel is known where all it covers was."""
    height, width = image.shape[2:]
    scale = SIDE / max(height, width)
    if scale >= 1:
        return image, trimap
    size = max(1, round(height * scale)), max(1, round(width * scale))
    mean = F.interpolate(trimap, size, mode="area")
    return F.interpolate(image, size, mode="bilinear", antialias=True), torch.where((mean == 0) | (mean == 1), mean, 0.5)
