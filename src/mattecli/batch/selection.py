"""Which items of a batch this machine makes, and in which order. No torch."""

import hashlib
import os
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mattecli.batch.items import Item
from mattecli.errors import UsageError

SLURM = "slurm"
_SEED = 0


@dataclass(frozen=True)
class Shard:
    """Part `index` (from 1) of `count`. An input's part depends on its spelling alone, so any machine may make any part."""

    index: int = 1
    count: int = 1

    def holds(self, item: Item) -> bool:
        digest = hashlib.sha256(item.input.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index - 1


def parse_shard(text: str | None, environment: Mapping[str, str] = os.environ) -> Shard:
    """The shard of `I/N`, or of a SLURM array's task for `slurm`; UsageError for anything else."""
    if text is None:
        return Shard()
    if text == SLURM:
        return _slurm_shard(environment)
    index, _, count = text.partition("/")
    if not (index.isascii() and index.isdecimal() and count.isascii() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise UsageError(f"--shard {text} is not known; write I/N with I from 1 to N, such as 3/8, or slurm")
    return Shard(int(index), int(count))


def _slurm_shard(environment: Mapping[str, str]) -> Shard:
    names = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_STEP")
    try:
        task, count = (int(environment[name]) for name in names[:2])
        first = int(environment.get(names[2], 0))
        step = int(environment.get(names[4], 1))
        last = int(environment.get(names[3], first + (count - 1) * step))
    except (KeyError, ValueError) as error:
        raise UsageError("--shard slurm needs SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT; submit with sbatch --array=0-7") from error
    rank = (task - first) // step if step > 0 else -1
    if not 0 <= rank < count or last - first != (count - 1) * step:
        raise UsageError(
            f"the SLURM array's {count} tasks from {first} to {last} have gaps and cannot be numbered; submit with --array=0-{count - 1}"
        )
    return Shard(rank + 1, count)


ORDERS = ("given", "name", "newest", "oldest", "smallest", "largest", "random")


def check_order(order: str) -> None:
    if order not in ORDERS:
        raise UsageError(f"--order {order} is not known; choose {', '.join(ORDERS)}")


def in_order(items: Iterable[Item], order: str) -> Iterable[Item]:
    """The items as `order` says; `random` is the same for the same items. Inputs that are no local files come last by time and size."""
    if order == "given":
        return items
    if order == "random":
        shuffled = sorted(items, key=lambda item: item.key)
        random.Random(_SEED).shuffle(shuffled)
        return shuffled
    return sorted(items, key=_KEYS[order])


def _by_status(value: Callable[[os.stat_result], float]) -> Callable[[Item], tuple[bool, float, str]]:
    def key(item: Item) -> tuple[bool, float, str]:
        try:
            return False, value(os.stat(item.input)), item.input
        except (OSError, ValueError):
            return True, 0.0, item.input

    return key


_KEYS: dict[str, Callable[[Item], tuple[bool, float, str]]] = {
    "name": lambda item: (False, 0.0, item.input),
    "newest": _by_status(lambda status: -status.st_mtime),
    "oldest": _by_status(lambda status: status.st_mtime),
    "smallest": _by_status(lambda status: status.st_size),
    "largest": _by_status(lambda status: -status.st_size),
}
