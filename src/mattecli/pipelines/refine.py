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
from mattecli.core.tuning.memory_guard import Outcome, run_within
from mattecli.matting.disputed import disputed
from mattecli.matting.guided_filter import upsample_guided
from mattecli.matting.trimap import BACKGROUND, COARSE_BAND, FOREGROUND, UNKNOWN, subject_scale, trimap_from_alpha
from mattecli.pipelines.tensors import Matted, guide_tensor

Trimap = NDArray[np.uint8]

SIDE = 320
"""The longer side of the small copy in which the band is found, in pixels."""

FAST_SIDE = 480
"""The longer side of the copy in which a fast refinement works."""

MARGIN = 64
"""Pixels around the unknown ones that a trimap model is given; what lies farther away changes their matte little."""

TOLD = 0.02
"""A larger disputed share of the picture is reported."""

BANDS = COARSE_BAND, COARSE_BAND
"""How far each new band reaches to either side, as a share of the subject's scale."""

LAST_BAND, LEAST_PIXELS = COARSE_BAND / 2, 2.0
"""How far the band in the picture itself reaches: what is soft has been found, and half the band leaves out a third of the unknown pixels.
At least so many pixels of the small copy."""


def refine(
    matted: Matted,
    refiner: LoadedModel,
    options: Mapping[str, Tunable],
    *,
    side: int | None = None,
    limit: int | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Matted:
    """The matte refined by a trimap model with a trimap made from it, if anything is unknown. limit, tell: see run_within.

    side: work in a copy with a longer side of so many pixels, whose matte is brought to the picture's size along its edges; None for the
    picture itself. Disputed regions (see matting/disputed.py) keep the coarse matte.
    """
    picture, coarse = matted.seen, matted.alpha
    if side is not None and side < max(picture.shape[2:]):
        picture = _shrunk(picture, side)
        coarse = F.interpolate(coarse.float(), picture.shape[2:], mode="area")
    trimap = refined_trimap(trimap_from_alpha(to_array(coarse)), picture, refiner, options, limit=limit)
    if not tells_apart(trimap):
        return matted
    guide = guide_tensor("trimap", trimap, refiner)
    outcome = _run_around(refiner, picture, guide, options, limit=limit, tell=tell)
    if picture is matted.seen:
        return _finished(matted, outcome, outcome.alpha, guide)
    whole = F.interpolate(guide, matted.seen.shape[2:], mode="nearest")
    alpha = upsample_guided(outcome.alpha.float(), picture, matted.seen)
    return _finished(matted, outcome, torch.where(whole == 0.5, alpha, whole), whole)


def _finished(matted: Matted, outcome: Outcome, alpha: Tensor, guide: Tensor) -> Matted:
    """The matte with what a refiner found, but where the two dispute whole regions."""
    expected = max(matted.expected or 0, outcome.expected or 0) or None
    held, notes = _undisputed(alpha, matted.alpha)
    return replace(matted, alpha=held, foreground=None, trimap=guide, notes=(*matted.notes, *outcome.notes, *notes), expected=expected)


def _run_around(
    model: LoadedModel,
    image: Tensor,
    trimap: Tensor,
    options: Mapping[str, Tunable],
    *,
    limit: int | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """A trimap model's answer, found in the part of the picture that holds the unknown pixels. limit, tell: see run_within."""
    rows, columns = _box(trimap == 0.5)
    part = trimap[:, :, rows, columns]
    if not (bool((part == 0).any()) and bool((part == 1).any())):
        return run_within(model, image, {"trimap": trimap}, options, limit=limit, tell=tell)
    outcome = run_within(model, image[:, :, rows, columns], {"trimap": part}, options, limit=limit, tell=tell)
    alpha = trimap.to(outcome.alpha.dtype).clone()
    alpha[:, :, rows, columns] = outcome.alpha
    return replace(outcome, alpha=alpha)


def _box(unknown: Tensor) -> tuple[slice, slice]:
    """The rows and columns that hold all true places of [1, 1, H, W], and MARGIN around them."""
    return _span(unknown[0, 0].any(1)), _span(unknown[0, 0].any(0))


def _span(lines: Tensor) -> slice:
    """From the first true line to the last, and MARGIN around them; begins at a multiple of 16, as the networks' poolings do."""
    places = lines.nonzero()
    return slice(max(0, int(places[0]) - MARGIN) // 16 * 16, int(places[-1]) + 1 + MARGIN)


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
    """The trimap [H, W] of an image [1, 3, H, W], 0..1, adapted to its matte by a trimap model: BANDS in a small copy, then LAST_BAND.

    It is unchanged when nothing is unknown or a known region is missing, and for a solver without weights, whose haze around ambiguous
    regions the next band would follow. limit: see run_within.
    """
    if model.info.checkpoint_sha256 is None or not tells_apart(trimap):
        return trimap
    small = _shrunk(image, SIDE)
    guide = _shrunk_trimap(guide_tensor("trimap", trimap, model), small)
    for share in BANDS:
        alpha = _run_around(model, small, guide, options, limit=limit).alpha
        levels = _around(alpha, share)
        if not tells_apart(levels):
            return trimap
        guide = guide_tensor("trimap", levels, model)
    if small is image:
        return levels
    least = LEAST_PIXELS * max(image.shape[2:]) / max(small.shape[2:])
    return _around(F.interpolate(alpha.float(), image.shape[2:], mode="bilinear"), LAST_BAND, least=least)


def tells_apart(trimap: Trimap) -> bool:
    """Whether a trimap has unknown pixels and both known regions."""
    return all(bool((trimap == level).any()) for level in (BACKGROUND, UNKNOWN, FOREGROUND))


def _around(alpha: Tensor, share: float, *, least: float = 0.0) -> Trimap:
    """A trimap around a matte, whose band reaches a share of the subject's scale to either side, at least so many pixels."""
    found = to_array(alpha)
    return trimap_from_alpha(found, band=max(least, share * subject_scale(found >= 0.5)))


def _shrunk(image: Tensor, side: int) -> Tensor:
    """An image [1, 3, H, W] with a longer side of at most `side` pixels."""
    height, width = image.shape[2:]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    return F.interpolate(image, (max(1, round(height * scale)), max(1, round(width * scale))), mode="bilinear", antialias=True)


def _shrunk_trimap(trimap: Tensor, image: Tensor) -> Tensor:
    """A trimap [1, 1, H, W] at the size of a small copy; a pixel is known where all it covers was."""
    mean = F.interpolate(trimap, image.shape[2:], mode="area")
    return torch.where((mean == 0) | (mean == 1), mean, 0.5)
