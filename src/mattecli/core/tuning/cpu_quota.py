"""How much of the processor this process may use, and keeping to it."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import torch

from mattecli.core.tuning.cgroups import groups_of


def keep_to_it(root: Path = Path("/")) -> None:
    """Have torch use no more threads than there are cores for them, unless OMP_NUM_THREADS says how many.

    By itself torch counts the cores a process may run on: in a container that is granted the time of two out of sixty-four, sixty-four
    threads would wait for each other.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(min(torch.get_num_threads(), math.ceil(available_cores(root))))


def available_cores(root: Path = Path("/")) -> float:
    """How many cores this process may keep busy: those it may run on, or the share of time its control groups grant (cgroups(7))."""
    runnable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return round(min([float(runnable), *_shares(root)]), 2)


def _shares(root: Path) -> Iterator[float]:
    for group in groups_of("cpu", root):
        yield from _share(group.folder, *(("cpu.cfs_quota_us", "cpu.cfs_period_us") if group.first_version else ("cpu.max",)))


def _share(folder: Path, *files: str) -> Iterator[float]:
    try:
        quota, period = " ".join((folder / file).read_text() for file in files).split()
    except (OSError, ValueError):  # no such group here, as in a container that sees its own group as the root
        return
    if quota not in ("max", "-1"):
        yield int(quota) / int(period)
