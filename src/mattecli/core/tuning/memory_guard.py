"""How much memory a device has left, and running a model within it."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from mattecli.core.contract import Tunable
from mattecli.core.runtime import PRECISIONS, Device, LoadedModel
from mattecli.core.tuning.memory import Budget, Plan, Task, announcement, expected_peak, plan, plan_smaller
from mattecli.errors import ModelError, OutOfMemoryError

# Where control groups keep their limit, their use, and how much of that is cached files that would be given up (proc(5), cgroups(7)).
GROUPS_V1 = ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
GROUPS_V2 = ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file")


@dataclass(frozen=True)
class Outcome:
    """A model's answer, alpha and foreground or None; what had to be changed for it to fit; and the peak that was expected, in bytes."""

    alpha: Tensor
    foreground: Tensor | None
    notes: tuple[str, ...]
    expected: int | None


def run_within(
    model: LoadedModel,
    image: Tensor,
    guides: Mapping[str, Tensor],
    options: Mapping[str, Tunable],
    *,
    limit: int | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Run a model with options under which it fits into what is left, or into `limit` bytes for all that this process holds.

    A batch that does not fit is done picture by picture. Should the memory run out all the same, one smaller way is tried. `tell` is
    told the expected peak before the work begins. Calls in several threads wait for each other rather than work in a smaller way than
    each would alone. Raises OutOfMemoryError when no way fits, ModelError when the answer holds values that are no numbers.
    """
    task = _task(model, image, guides)
    expected = expected_peak(model.info, task, options) or 0
    if task.batch == 1 or _is_left(expected, model.device, limit):
        try:
            with _room_for(expected, model.device, limit):
                return _run_alone(model, image, guides, options, task, limit, tell)
        except OutOfMemoryError:
            if task.batch == 1:
                raise
    return _one_by_one(model, image, guides, options, limit, tell)


def _one_by_one(
    model: LoadedModel,
    image: Tensor,
    guides: Mapping[str, Tensor],
    options: Mapping[str, Tunable],
    limit: int | None,
    tell: Callable[[str], None],
) -> Outcome:
    """The pictures of a batch that does not fit as a whole: none is matted in a smaller way for the others' sake."""
    outcomes = [
        run_within(model, one, {name: guide[at : at + 1] for name, guide in guides.items()}, options, limit=limit, tell=tell)
        for at, one in enumerate(image.split(1))
    ]
    foregrounds = [outcome.foreground for outcome in outcomes if outcome.foreground is not None]
    return Outcome(
        alpha=torch.cat([outcome.alpha for outcome in outcomes]),
        foreground=torch.cat(foregrounds) if foregrounds else None,
        notes=tuple(dict.fromkeys(note for outcome in outcomes for note in outcome.notes)),
        expected=max((outcome.expected or 0 for outcome in outcomes), default=0) or None,
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
        return _outcome(model, model(image, guides, chosen.options), chosen, budget)
    except OutOfMemoryError:
        if task.batch > 1:
            raise
    # What the failed call held is free only outside of that block.
    budget = budget_of(model.device, limit)
    smaller = plan_smaller(model.info, task, options=chosen.options, budget=budget)
    return _outcome(model, model(image, guides, smaller.options), replace(smaller, change=f"memory ran out; {smaller.change}"), budget)


# What calls that are going on were promised, and whose turn it is to look at that.
_promised: list[int] = []
_turn = threading.Condition()


@contextmanager
def _room_for(needed: int, device: Device, limit: int | None) -> Iterator[None]:
    """Wait until so many bytes fit beside what other threads were promised; a call that is alone goes on whatever it needs."""

    with _turn:
        _turn.wait_for(lambda: not _promised or _is_left(needed + sum(_promised), device, limit))
        _promised.append(needed)
    try:
        yield
    finally:
        with _turn:
            _promised.remove(needed)
            _turn.notify_all()


def _is_left(needed: int, device: Device, limit: int | None) -> bool:
    """Whether so many bytes can be had, as far as anybody knows."""
    budget = budget_of(device, limit)
    return budget is None or needed <= budget.left


def _outcome(model: LoadedModel, answer: tuple[Tensor, Tensor | None], chosen: Plan, budget: Budget | None) -> Outcome:
    alpha, foreground = answer
    total = alpha.sum() if foreground is None else alpha.sum() + foreground.sum()
    if not bool(total.isfinite()):
        advice = "its weights may be damaged, so choose another model" if model.precision == "fp32" else "use --precision fp32"
        raise ModelError(f"{model.info.name} answered with values that are no numbers; {advice}")
    expected = None if chosen.expected is None or budget is None else budget.in_use + chosen.expected
    return Outcome(alpha, foreground, notes=(chosen.change,) if chosen.change else (), expected=expected)


def _task(model: LoadedModel, image: Tensor, guides: Mapping[str, Tensor]) -> Task:
    unknown = 1.0
    if "trimap" in guides and model.info.memory is not None and model.info.memory.sees == "unknown":
        unknown = float(((guides["trimap"] > 0) & (guides["trimap"] < 1)).float().mean())
    return Task((image.shape[2], image.shape[3]), image.shape[0], PRECISIONS[model.precision].itemsize, unknown)


def budget_of(device: Device, limit: int | None = None) -> Budget | None:
    """What a device has left, and within the `limit` for all that this process holds of it; None where nobody knows."""
    free, in_use = _cuda(device.torch) if device.torch.type == "cuda" else (free_host_memory(), resident_memory())
    if limit is None:
        return None if free is None else Budget(free, in_use)
    left = max(limit - in_use, 0)
    return Budget(left if free is None else min(left, free), in_use, limit)


def _cuda(device: torch.device) -> tuple[int, int]:
    """Bytes free for this process, those that torch keeps for the next tensor included, and bytes in its tensors."""
    allocated = torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device) - allocated, allocated


def resident_memory(root: Path = Path("/")) -> int:
    """Bytes this process holds; 0 where there is no /proc to tell."""
    try:
        return int((root / "proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def free_host_memory(root: Path = Path("/")) -> int | None:
    """Bytes that can be had without swapping, within the limits of this process's control groups; None where there is no /proc."""
    try:
        lines = (line.split() for line in (root / "proc/meminfo").read_text().splitlines())
        machine = next(int(fields[1]) * 1024 for fields in lines if fields[0] == "MemAvailable:")
    except (OSError, StopIteration):
        return None
    return min([machine, *_left_in_groups(root)])


def _left_in_groups(root: Path) -> Iterator[int]:
    listing = root / "proc/self/cgroup"
    for line in listing.read_text().splitlines() if listing.exists() else []:
        _, controllers, group = line.split(":", 2)
        if controllers == "" or "memory" in controllers.split(","):
            place, limit, used, cached = GROUPS_V1 if controllers else GROUPS_V2
            for folder in (Path(group), *Path(group).parents):
                yield from _left_in(root / place / str(folder).lstrip("/"), limit, used, cached)


def _left_in(folder: Path, limit: str, used: str, cached: str) -> Iterator[int]:
    try:
        most, now = (folder / limit).read_text().strip(), int((folder / used).read_text())
        lines = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
        spare = next((int(fields[1]) for fields in lines if fields[0] == cached), 0)
    except OSError:  # no such group here, as in a container that sees its own group as the root
        return
    if most != "max":
        yield max(int(most) - now + spare, 0)
