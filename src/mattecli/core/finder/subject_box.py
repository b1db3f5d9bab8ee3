"""Networks for people near the camera are given the part of a picture in which another model, their finder, finds the subject.

So a distant person fills their input as a near one does. Each picture's part is squeezed into a square of the network's `side`, however
the network itself would fit a picture. The network runs twice, as it is and mirrored; the matte is the mean of both, stretched back.
It is 0 around that part and away from what the finder found.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mattecli.core.contract import Tunable
from mattecli.core.runtime import LoadedModel
from mattecli.core.tuning.memory import readable
from mattecli.core.tuning.memory_guard import Outcome, reading_budget, run_within
from mattecli.errors import OutOfMemoryError

FOUND = 0.5
"""Alphas of the finder above this are the subject."""

MARGIN = 0.1
"""Room around the subject, as a share of its height and of its width."""


FAINT = 0.1
"""Alphas of the finder above this may be of the subject."""

REACH = 1 / 40
"""How far a matte reaches beyond those, as a share of the picture's longer side."""


class Box(NamedTuple):
    """A part of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    def of(self, picture: Tensor) -> Tensor:
        """The part of a picture [..., H, W], a view."""
        return picture[..., self.top : self.top + self.height, self.left : self.left + self.width]

    def __str__(self) -> str:
        return f"{self.width}x{self.height} pixels at {self.left},{self.top}"


class Framed(NamedTuple):
    """The part of a picture that a model was given, the share of what its finder found that its matte keeps (0 to 1), and the haze of the
    finder's matte."""

    box: Box
    kept: float
    haze: float


def run_in_boxes(
    model: LoadedModel,
    looked: Outcome,
    images: Tensor,
    options: Mapping[str, Tunable],
    *,
    limit: int | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> tuple[Outcome, Sequence[Framed | None]]:
    """A model's mattes of images [B, 3, H, W] with the finder's verdict, and what it was given and kept of each.

    looked: what the finder found in the images. Where that is nothing, the matte is 0 and the part None. limit, tell: see run_within.
    """
    boxes = [subject_box(alpha[0]) for alpha in looked.alpha]
    side = int(options.get("side", model.info.options["side"]))
    _check_room(model, side, len(boxes), limit)
    squares = [resized(box.of(image), side, side) for box, image in zip(boxes, images.split(1), strict=True) if box is not None]
    alpha = torch.zeros_like(looked.alpha, dtype=torch.float32)
    if not squares:
        return replace(looked, alpha=alpha), [None] * len(boxes)
    seen = run_within(model, _and_mirrored(torch.cat(squares)), {}, options, limit=limit, tell=tell)
    with torch.inference_mode():
        found = torch.cat([resized(part.float(), side, side) for part in _parts(looked.alpha, boxes)])
        mattes = _mean_of_both(seen.alpha.float()) * near(found)
        for part, matte in zip(_parts(alpha, boxes), mattes.split(1), strict=True):
            part.copy_(resized(matte, *part.shape[2:]))
        framed = [_framed(box, *pair) for box, *pair in zip(boxes, alpha, looked.alpha, strict=True)]
    return replace(looked, alpha=alpha, notes=(*looked.notes, *seen.notes), expected=_larger(looked.expected, seen.expected)), framed


def _check_room(model: LoadedModel, side: int, count: int, limit: int | None) -> None:
    """OutOfMemoryError where squares of RGB floats of this side do not fit; what the network takes of them is checked after."""
    needed, left = 12 * count * side * side, reading_budget(model.device, limit)
    if left is not None and needed > left:
        raise OutOfMemoryError(
            f"{model.info.name} with side={side} needs {readable(needed)}, and {readable(left)} are left; lower its side"
        )


def subject_box(alpha: Tensor, margin: float = MARGIN) -> Box | None:
    """The box around all of a matte [H, W] that is found, with a margin, as far as the picture goes; None where nothing is found."""
    found = alpha > FOUND
    rows, columns = (_span(found.any(axis), margin) for axis in (1, 0))
    if rows is None or columns is None:
        return None
    return Box(rows[0], columns[0], rows[1] - rows[0], columns[1] - columns[0])


def _and_mirrored(pictures: Tensor) -> Tensor:
    """Pictures [B, C, H, W], and behind them the same, mirrored."""
    return torch.cat((pictures, pictures.flip(3)))


def _mean_of_both(mattes: Tensor) -> Tensor:
    """The mean of mattes [2 B, 1, H, W] of pictures and, behind them, of the same pictures mirrored."""
    ahead, mirrored = mattes.chunk(2)
    return (ahead + mirrored.flip(3)) / 2


def near(found: Tensor) -> Tensor:
    """1 where a finder's mattes [B, 1, H, W] are above FAINT and within REACH of that, else 0."""
    reach = max(1, round(REACH * max(found.shape[2:])))
    return F.max_pool2d((found > FAINT).float(), 2 * reach + 1, 1, reach)


def haze(alpha: Tensor) -> float:
    """How much of a matte is undecided: the mean distance of its alphas from 0 or 1, by their mean; 0 to 1, 0 for an empty one."""
    return float(torch.minimum(alpha, 1 - alpha).mean() / alpha.mean().clamp(min=1e-6))


def _framed(box: Box | None, matte: Tensor, found: Tensor) -> Framed | None:
    return None if box is None else Framed(box, float(matte[found > FOUND].mean()), haze(found.float()))


def _span(lines: Tensor, margin: float) -> tuple[int, int] | None:
    """The first true line of [N] and that behind the last, with a margin, as a share of what is between."""
    places = lines.nonzero()
    if len(places) == 0:
        return None
    first, end = int(places[0]), int(places[-1]) + 1
    room = round(margin * (end - first))
    return max(0, first - room), min(len(lines), end + room)


def _parts(alpha: Tensor, boxes: Sequence[Box | None]) -> list[Tensor]:
    return [box.of(one) for box, one in zip(boxes, alpha.split(1), strict=True) if box is not None]


def resized(picture: Tensor, height: int, width: int) -> Tensor:
    """A picture [1, C, H, W] at another size; without aliasing where it shrinks."""
    return F.interpolate(picture, (height, width), mode="bilinear", antialias=True)


def _larger(one: int | None, other: int | None) -> int | None:
    return max(one or 0, other or 0) or None
