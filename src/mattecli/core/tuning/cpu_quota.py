"""The CPU quota of this process, and torch's thread count within it."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import torch

from mattecli.core.tuning.cgroups import groups_of


def keep_to_it(root: Path = Path("/")) -> None:
    """Limit torch's threads to the available cores, unless OMP_NUM_THREADS is set.

    torch counts the cores a process may run on. Where a container grants two of sixty-four, more frames would be in work at once than
    these keep busy (parallelism.py), and each takes a model's memory.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(min(torch.get_num_threads(), math.ceil(available_cores(root))))


def available_cores(root: Path = Path("/")) -> float:
    """The number of cores this process may use: its affinity, or the quota of its control groups (cgroups(7))."""
    runnable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return round(min([float(runnable), *_shares(root)]), 2)


def _shares(root: Path) -> Iterator[float]:
    for group in groups_of("cpu", root):
        yield from _share(group.folder, *(("cpu.cfs_quota_us", "cpu.cfs_period_us") if group.first_version else ("cpu.max",)))


def _share(folder: Path, *files: str) -> Iterator[float]:
    try:
        quota, period = " ".join((folder / file).read_text() for file in files).split()
    except (OSError, ValueError):  # not visible here: in a container its own group is the root
        return
    if quota not in ("max", "-1"):
        yield int(quota) / int(period)
