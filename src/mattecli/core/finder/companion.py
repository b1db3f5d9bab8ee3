"""A finder's second look at a person whom it did not find beside one that it found.

A finder takes what stands out most, which of two people side by side may be one. A judge that knows people by their shape says where the
other one is; the finder is given the part of the picture around that person, in which what it found before is hidden, and what it finds
there is added to the matte.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mattecli.core.contract import Tunable
from mattecli.core.finder.subject_box import FOUND, Box, near, resized, subject_box
from mattecli.core.runtime import LoadedModel
from mattecli.core.tuning.memory_guard import Outcome, run_within

UPRIGHT = 1.3
"""A found person who is seen from head to foot is at least so many times as high as wide."""

BESIDE = 0.25
"""Least room on one side of the found person, as a share of its width."""

AROUND = 0.5, 0.35, 1.3
"""What is searched above, below and on each side of the found person, as shares of its height."""

HEIGHT = 136
"""Pixels of the found person in the picture that the judge is given."""

CELLS, KNOWN = 8, 0.02
"""What was found is hidden by the mean colours of so many by so many parts; a part takes its neighbours' where less of it is left."""

TRUNK, MOST = ((0.25, 0.6), (0.38, 0.62)), 0.6
"""The rows and columns of a person's trunk in its window, from and to, as shares; and the share of it that is found of a person."""

Place = tuple[int, int, int, int]
"""(top, left, height, width) in pixels."""

Judge = Callable[[NDArray[np.uint8], Place], Place | None]
"""Finds the person beside the one in a place of a picture, uint8 [H, W, 3], RGB: its place with some room, or None."""


def with_companions(
    looked: Outcome,
    finder: LoadedModel,
    images: Tensor,
    options: Mapping[str, Tunable],
    judge: Judge,
    *,
    limit: int | None = None,
) -> Outcome:
    """What a finder found in images [B, 3, H, W], with the people that the judge knows beside those found.

    limit: see run_within.
    """

    def second_look(part: Tensor) -> Tensor:
        return run_within(finder, part, {}, options, limit=limit).alpha

    pairs = zip(images.split(1), looked.alpha.split(1), strict=True)
    return replace(looked, alpha=torch.cat([_with_companion(image, alpha, judge, second_look) for image, alpha in pairs]))


def _with_companion(image: Tensor, alpha: Tensor, judge: Judge, second_look: Callable[[Tensor], Tensor]) -> Tensor:
    """The matte [1, 1, H, W] of an image, with the person beside the one in it, if there is one."""
    found = subject_box(alpha[0, 0], margin=0.0)
    if found is None or not _may_have_company(found, image.shape[3]):
        return alpha
    beside = _beside(image, found, judge)
    if beside is None:
        return alpha
    before = beside.of(alpha)
    with torch.inference_mode():
        seen = second_look(_without(beside.of(image), before)).to(alpha.dtype)
        if not _is_a_person(seen):
            return alpha
        both = alpha.clone()
        beside.of(both).copy_(torch.maximum(before, seen))
    return both


def _may_have_company(found: Box, width: int) -> bool:
    """Whether what was found has the shape of a person seen from head to foot, and room for another beside it."""
    room = max(found.left, width - found.left - found.width)
    return found.height >= UPRIGHT * found.width and room >= BESIDE * found.width


def _beside(image: Tensor, found: Box, judge: Judge) -> Box | None:
    """The part of an image [1, 3, H, W] in which the judge knows a person beside the found one."""
    above, below, aside = (share * found.height for share in AROUND)
    part = _within(image, found.top - above, found.left - aside, found.top + found.height + below, found.left + found.width + aside)
    scale = HEIGHT / found.height
    small = resized(part.of(image).float(), max(1, round(part.height * scale)), max(1, round(part.width * scale)))
    levels = (small[0].clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    top, left, rows, columns = found.top - part.top, found.left - part.left, found.height, found.width
    known = judge(levels, (round(scale * top), round(scale * left), round(scale * rows), round(scale * columns)))
    if known is None:
        return None
    first, start, high, wide = (length / scale for length in known)
    return _within(image, part.top + first, part.left + start, part.top + first + high, part.left + start + wide)


def _within(image: Tensor, top: float, left: float, bottom: float, right: float) -> Box:
    """A part of a picture, as far as that goes."""
    first, start = max(0, round(top)), max(0, round(left))
    return Box(first, start, min(image.shape[2], round(bottom)) - first, min(image.shape[3], round(right)) - start)


def _without(image: Tensor, alpha: Tensor) -> Tensor:
    """An image [1, 3, H, W] in which what a matte [1, 1, H, W] may hold has the mean colours of what surrounds it."""
    hidden = near(alpha)
    cells = F.interpolate(torch.cat((image * (1 - hidden), 1 - hidden), 1), (CELLS, CELLS), mode="area")
    for _ in range(CELLS):  # so far apart are the cells of which nothing is known from the others at most
        cells = torch.where(cells[:, 3:] > KNOWN, cells, F.avg_pool2d(cells, 3, 1, 1))
    colours = F.interpolate(cells[:, :3] / cells[:, 3:].clamp(min=1e-4), image.shape[2:], mode="bilinear")
    return torch.where(hidden > 0, colours.clamp(0, 1), image)


def _is_a_person(seen: Tensor) -> bool:
    """Whether a second look [1, 1, H, W] found most of the trunk of a person who fills its part."""
    height, width = seen.shape[2:]
    rows, columns = (slice(int(first * length), int(end * length)) for (first, end), length in zip(TRUNK, (height, width), strict=True))
    trunk = seen[..., rows, columns] > FOUND
    return trunk.numel() > 0 and float(trunk.float().mean()) >= MOST
