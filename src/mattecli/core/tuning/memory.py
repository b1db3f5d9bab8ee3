"""The expected memory of a matte, and reductions where it exceeds what is available. No torch here.

The numbers are measured by benchmarks/memory.py and stored in models.toml and in every export, so that a picture that would not fit is
tiled, reduced or refused beforehand: most systems kill a process that takes too much, without an error.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from mattecli.core.contract import ExportInfo, Footprint, Tunable
from mattecli.core.registry import ModelSpec, registry
from mattecli.core.store import is_runnable
from mattecli.errors import OutOfMemoryError, UsageError

TILE = "tile"  # the option of networks that can process tiles with the same result
TILES = range(2048, 639, -128)
SMALLEST_SIDE, SIDE_STEP = 256, 32
# The most megabytes a megapixel that foreground estimation and composition take, where all of the matte is soft.
COMPOSING = 180.0

Model = ExportInfo | ModelSpec
Size = tuple[int, int]  # height, width


def parse_bytes(text: str) -> int:
    """Bytes of "6G" or "6GB" (10^9), "6GiB" (2^30), "800M" or "6000000000"; UsageError for anything else, and for 0."""
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*(?:([KMGT])(i)?)?B?", text.strip(), re.IGNORECASE)
    if match is None or float(match[1]) == 0:
        raise UsageError(f"{text!r} is no amount of memory; give one such as 6G or 800M")
    return int(float(match[1]) * (1024 if match[3] else 1000) ** " KMGT".index((match[2] or " ").upper()))


def bytes_of(limit: int | str | None) -> int | None:
    """A limit in bytes, as a number or as a person writes it; None for none. UsageError as parse_bytes raises it."""
    return parse_bytes(limit) if isinstance(limit, str) else limit


def readable(count: float) -> str:
    """Bytes in readable units: 850 MB, 3.1 GB."""
    return f"{count / 1e9:.1f} GB" if count >= 999.5e6 else f"{count / 1e6:.0f} MB"


@dataclass(frozen=True)
class Budget:
    """Bytes of memory: `left` to allocate, `in_use` already; `asked` is the limit set for their sum, None without one."""

    left: int
    in_use: int = 0
    asked: int | None = None

    @property
    def advice(self) -> str:
        """What gives more of it."""
        return "use a larger machine" if self.asked is None else "raise `max_memory`"

    def __str__(self) -> str:
        return f"{readable(self.left)} are free" if self.asked is None else f"{readable(self.left)} of the {readable(self.asked)} are left"


@dataclass(frozen=True)
class MemoryPlan:
    """The options to run with, the expected peak in bytes (None: unknown), and a sentence on what was changed, or ""."""

    options: Mapping[str, Tunable]
    expected: int | None
    change: str = ""


@dataclass(frozen=True)
class Task:
    """A model's task: `batch` pictures of one size (height, width), with a share `unknown` of the trimap.

    element: bytes per number in the network, 2 in half precision.
    """

    size: Size
    batch: int = 1
    element: int = 4
    unknown: float = 1.0


def _pictured(task: Task, bound: float) -> float:
    return task.size[0] * task.size[1]


def _longest(task: Task, bound: float) -> float:
    return _pictured(task, bound) * min(1.0, bound / max(task.size)) ** 2


def _shortest(task: Task, bound: float) -> float:
    """The shorter side becomes the bound, unless the bound lies between the two; the longer is at most four times that."""
    shorter, longer = min(task.size), max(task.size)
    scale = bound / shorter if shorter > bound or longer < bound else 1.0
    return min(scale * shorter, 4 * bound) * min(scale * longer, 4 * bound)


SEEN: Mapping[str, Callable[[Task, float], float]] = {
    "all": _pictured,
    "unknown": lambda task, bound: _pictured(task, bound) * task.unknown,
    "square": lambda task, bound: bound * bound,
    "longest": _longest,
    "shortest": _shortest,
    "each": lambda task, bound: min(task.size[0], bound) * min(task.size[1], bound),
}


def expected_peak(model: Model, task: Task, options: Mapping[str, Tunable]) -> int | None:
    """The peak of bytes for a picture, in addition to the loaded model; None for a model that was not measured.

    options: those that differ from the model's own.
    """
    if model.memory is None:
        return None
    return max(int(call_bytes(model.memory, task, {**model.options, **options})), composing_bytes(task.size))


def composing_bytes(size: Size) -> int:
    """The peak of bytes for foreground estimation and composition of a picture of (height, width)."""
    return int(COMPOSING * size[0] * size[1])


def call_bytes(footprint: Footprint, task: Task, chosen: Mapping[str, Tunable]) -> float:
    """Bytes that a call of the model takes; `chosen`: all of its options."""
    seen = SEEN[footprint.sees](task, float(chosen.get(footprint.bound, 0)))
    solver = footprint.solved * task.batch * task.unknown * seen / 1e6
    if int(chosen.get(TILE, 0)) > 0:
        seen = min(seen, int(chosen[TILE]) ** 2)
    network = (footprint.fixed + task.batch * footprint.seen * seen / 1e6) * task.element / 4
    pixels = task.batch * task.size[0] * task.size[1] / 1e6
    return 1e6 * (network + solver + footprint.picture * pixels)


def _counts_unknown(footprint: Footprint) -> bool:
    """Whether a call takes more for a picture with more unknown pixels."""
    return footprint.sees == "unknown" or footprint.solved > 0


def plan(model: Model, task: Task, *, options: Mapping[str, Tunable], budget: Budget | None) -> MemoryPlan:
    """The options under which a model does a task within a budget.

    They are unchanged where they fit, or where the peak is unknown. Otherwise the picture is tiled, if the network supports that, because
    the result is the same; else the network's input is reduced. OutOfMemoryError if neither suffices.
    """
    expected = expected_peak(model, task, options)
    if expected is None or budget is None or expected <= budget.left:
        return MemoryPlan(options, expected)
    smallest = expected
    for change in _reductions(model, options):
        reduced = expected_peak(model, task, {**options, **change}) or 0
        if reduced <= budget.left:
            return MemoryPlan({**options, **change}, reduced, _sentence(model, change, expected, budget))
        smallest = min(smallest, reduced)
    raise OutOfMemoryError(_refusal(model, task, (expected, smallest), budget))


def announcement(model: Model, task: Task, chosen: MemoryPlan, budget: Budget) -> str:
    """The expected peak of a task as a sentence."""
    changed = ", ".join(f"{name}={value}" for name, value in chosen.options.items() if value != model.options.get(name))
    peak = "unknown" if chosen.expected is None else readable(budget.in_use + chosen.expected)
    return f"{model.name} at {task.size[1]}x{task.size[0]}{f' with {changed}' if changed else ''}: expected peak memory {peak}"


def plan_smaller(model: Model, task: Task, *, options: Mapping[str, Tunable], budget: Budget | None) -> MemoryPlan:
    """The plan after the task ran out of memory with these options: for half of the expected peak. OutOfMemoryError if there is none."""
    expected = expected_peak(model, task, options)
    if expected is None:
        raise OutOfMemoryError(f"{model.name} ran out of memory; scale the picture down, or choose a smaller model")
    left = expected // 2 if budget is None else min(expected // 2, budget.left)
    return plan(model, task, options=options, budget=replace(budget or Budget(left), left=left))


def _reductions(model: Model, options: Mapping[str, Tunable]) -> Iterator[Mapping[str, Tunable]]:
    """Options that take less memory, mildest first."""
    chosen, footprint = {**model.options, **options}, model.memory
    if TILE in chosen:
        now = int(chosen[TILE]) or TILES.start + 1
        yield from ({TILE: tile} for tile in TILES if tile < now)
    if footprint is not None and footprint.bound:
        now = int(chosen[footprint.bound])
        yield from ({footprint.bound: side} for side in range((now - 1) // SIDE_STEP * SIDE_STEP, SMALLEST_SIDE - 1, -SIDE_STEP))


def _sentence(model: Model, change: Mapping[str, Tunable], expected: int, budget: Budget) -> str:
    name, value = next(iter(change.items()))
    effect = "in tiles, which leaves the matte as it is" if name == TILE else "with less detail"
    return f"{model.name} works {effect} ({name}={value}): it would need {readable(expected)}, and {budget}"


def _refusal(model: Model, task: Task, needed: tuple[int, int], budget: Budget) -> str:
    least = f", {readable(needed[1])} at the least" if needed[1] < needed[0] else ""
    fitting = ", ".join(_that_fit(model, task, budget))
    known = f" of which {task.unknown:.0%} are unknown" if model.memory and _counts_unknown(model.memory) else ""
    advice = f"choose a model that takes less ({fitting})" if fitting else budget.advice
    return (
        f"{model.name} needs about {readable(needed[0])} for {task.batch if task.batch > 1 else 'a'} {task.size[1]}x{task.size[0]} "
        f"picture{'s' if task.batch > 1 else ''}{known}{least}, and {budget}; scale the picture down, or {advice}"
    )


def _that_fit(model: Model, task: Task, budget: Budget) -> list[str]:
    """Models with the same guides for which the task fits into the budget, reduced if necessary; those that are here, if any is."""
    found: list[ModelSpec] = []
    for other in registry().models.values():
        if other.guides != model.guides or other.name == model.name:
            continue
        ways = [expected_peak(other, task, change) for change in ({}, *_reductions(other, {}))]
        if any(way is not None and way <= budget.left for way in ways):
            found.append(other)
    return [other.name for other in filter(is_runnable, found)] or [other.name for other in found]
