"""Runs a model, or all work on a picture, within the memory a device has left."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mattecli.core.contract import Tunable
from mattecli.core.runtime import PRECISIONS, Answer, Device, LoadedModel
from mattecli.core.tuning.budget import budget_of, make_room, note_rest, tidy
from mattecli.core.tuning.memory import (
    Budget,
    MemoryPlan,
    Size,
    Task,
    announcement,
    composing_bytes,
    expected_peak,
    plan,
    plan_smaller,
    readable,
)
from mattecli.core.tuning.room import room
from mattecli.errors import MatteError, ModelError, OutOfMemoryError

TINY = 96
"""Pixels a side."""

ROUNDING = 0.01
"""The tolerance for values beyond 0..1, which half precision causes."""


@dataclass(frozen=True)
class Outcome:
    """A model's outputs, whose foreground and verdict may be None; what was changed to fit; the expected peak in bytes."""

    alpha: Tensor
    foreground: Tensor | None
    notes: tuple[str, ...]
    expected: int | None
    verdict: Tensor | None = None


def run_within(
    model: LoadedModel,
    image: Tensor,
    guides: Mapping[str, Tensor],
    options: Mapping[str, Tunable],
    *,
    limit: int | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Run a model with options that fit into the memory left, or into `limit` bytes for the whole process.

    A batch that does not fit is run picture by picture. If memory runs out nevertheless, one reduced plan is tried. `tell` receives the
    expected peak before the call. Threads wait for each other rather than reduce more than each would alone. Raises OutOfMemoryError when
    nothing fits, ModelError when the outputs are not finite or out of range.
    """
    task = _task(model, image, guides)
    expected = expected_peak(model.info, task, options) or 0
    if task.batch == 1 or _is_left(expected, model.device, limit):
        try:
            with room.reserved(expected, lambda total: _is_left(total, model.device, limit)):
                make_room(expected, model.device, limit)
                return _run_alone(model, image, guides, options, task, limit, tell)
        except OutOfMemoryError:
            if task.batch == 1:
                raise
    return _one_by_one(model, image, guides, options, limit, tell)


def settle(model: LoadedModel) -> None:
    """Run a model and its finder on a tiny image, so that what they keep of a first call counts as held at rest, not against a limit."""
    if model.finder is not None:
        settle(model.finder)
    levels = torch.linspace(0, 1, 3).repeat_interleave(TINY // 3)  # background, unknown, foreground
    plane = levels.expand(1, 1, TINY, TINY).to(model.device.torch)
    image = plane.expand(1, 3, TINY, TINY).contiguous()
    with suppress(MatteError):
        model.answer(image, {name: image if name == "background" else plane for name in model.info.guides})
    note_rest(model.device.torch)


@contextmanager
def picture_in_work(size: Size, model: LoadedModel, limit: int | None = None) -> Iterator[None]:
    """Reserve the memory for reading and composing a picture of (height, width) in the block; the model's calls reserve more.

    Waits while it does not fit beside the pictures of other threads. Raises OutOfMemoryError, before any of it is taken, where it does
    not fit alone.
    """
    needed = composing_bytes(size)
    with room.reserved(needed, lambda total: _is_left(total, model.device, limit)):
        make_room(needed, model.device, limit)
        _check_composing(needed, size, model, limit)
        yield
    tidy(room.most, model.device)


def reading_budget(device: Device, limit: int | None) -> int | None:
    """The bytes that reading one file may take: what is left of host memory; None where unknown."""
    budget = budget_of(device, limit) if device.torch.type == "cpu" else None
    return limit if budget is None else budget.left


def _check_composing(needed: int, size: Size, model: LoadedModel, limit: int | None) -> None:
    """OutOfMemoryError where composing alone does not fit; no model or option takes less. One that was not measured may try."""
    budget = budget_of(model.device, limit)
    if model.info.memory is not None and budget is not None and needed > budget.left:
        raise OutOfMemoryError(
            f"{model.info.name} needs about {readable(needed)} or more for a {size[1]}x{size[0]} picture, and {budget}; "
            f"scale the picture down, or {budget.advice}"
        )


def _one_by_one(
    model: LoadedModel,
    image: Tensor,
    guides: Mapping[str, Tensor],
    options: Mapping[str, Tunable],
    limit: int | None,
    tell: Callable[[str], None],
) -> Outcome:
    """Run the pictures of a batch one by one, so that none is reduced because of the others."""
    outcomes = [
        run_within(model, one, {name: guide[at : at + 1] for name, guide in guides.items()}, options, limit=limit, tell=tell)
        for at, one in enumerate(image.split(1))
    ]
    foregrounds = [outcome.foreground for outcome in outcomes if outcome.foreground is not None]
    verdicts = [outcome.verdict for outcome in outcomes if outcome.verdict is not None]
    return Outcome(
        alpha=torch.cat([outcome.alpha for outcome in outcomes]),
        foreground=torch.cat(foregrounds) if foregrounds else None,
        notes=tuple(dict.fromkeys(note for outcome in outcomes for note in outcome.notes)),
        expected=max((outcome.expected or 0 for outcome in outcomes), default=0) or None,
        verdict=torch.cat(verdicts) if verdicts else None,
    )


def _run_alone(
    model: LoadedModel,
    image: Tensor,
    guides: Mapping[str, Tensor],
    options: Mapping[str, Tunable],
    task: Task,
    limit: int | None,
    tell: Callable[[str], None],
) -> Outcome:
    budget = budget_of(model.device, limit)
    chosen = plan(model.info, task, options=options, budget=budget)
    if budget is not None:
        tell(announcement(model.info, task, chosen, budget))
    try:
        return _outcome(model, model.answer(image, guides, chosen.options), chosen, budget)
    except OutOfMemoryError:
        if task.batch > 1:
            raise
    # The memory of the failed call is freed only outside of that block.
    budget = budget_of(model.device, limit)
    smaller = plan_smaller(model.info, task, options=chosen.options, budget=budget)
    changed = replace(smaller, change=f"memory ran out; {smaller.change}")
    return _outcome(model, model.answer(image, guides, smaller.options), changed, budget)


def _is_left(needed: int, device: Device, limit: int | None) -> bool:
    """Whether `needed` bytes are free; True where the free memory is unknown."""
    budget = budget_of(device, limit)
    return budget is None or needed <= budget.left


def _outcome(model: LoadedModel, answer: Answer, chosen: MemoryPlan, budget: Budget | None) -> Outcome:
    alpha, foreground, verdict = answer
    _check_values(model, [alpha] if foreground is None else [alpha, foreground])
    expected = None if chosen.expected is None or budget is None else budget.in_use + chosen.expected
    return Outcome(alpha, foreground, notes=(chosen.change,) if chosen.change else (), expected=expected, verdict=verdict)


def _check_values(model: LoadedModel, tensors: Sequence[Tensor]) -> None:
    """ModelError unless all values are finite and in 0..1 within the tolerance."""
    bounds = torch.stack([bound.float() for tensor in tensors for bound in tensor.aminmax()])
    lowest, highest = bounds.aminmax()
    if not bool((lowest + highest).isfinite()):
        advice = "its weights may be damaged, so choose another model" if model.precision == "fp32" else "use `precision` fp32"
        raise ModelError(f"{model.info.name} answered with values that are no numbers; {advice}")
    if float(lowest) < -ROUNDING or float(highest) > 1 + ROUNDING:
        raise ModelError(
            f"{model.info.name} answered with values from {float(lowest):.3g} to {float(highest):.3g}, and alphas and colours are in 0..1; "
            "export it again with what brings them there"
        )


def _task(model: LoadedModel, image: Tensor, guides: Mapping[str, Tensor]) -> Task:
    unknown = 1.0
    if "trimap" in guides and model.info.memory is not None and model.info.memory.sees == "unknown":
        unknown = float(((guides["trimap"] > 0) & (guides["trimap"] < 1)).float().mean())
    return Task((image.shape[2], image.shape[3]), image.shape[0], PRECISIONS[model.precision].itemsize, unknown)
