"""The memory a device has left for a picture, beyond what this process holds at rest: with its models loaded and no picture in work.

Memory that earlier pictures freed counts as free, whether or not the C library has returned it to the system, so the result does not
depend on earlier pictures.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from mattecli.core.tuning import malloc
from mattecli.core.tuning.cgroups import groups_of, kernel_text
from mattecli.core.tuning.memory import Budget

if TYPE_CHECKING:
    from mattecli.core.runtime import Device

# A control group's files for limit and usage, and the key of reclaimable cached files in memory.stat, by version.
FILES_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
FILES_V2 = ("memory.max", "memory.current", "inactive_file")

NO_LIMIT = 1 << 62
"""Bytes; groups of the first version have a limit beyond that where there is none."""

SLACK = 128 << 20
"""Bytes of freed heap that are kept for the next picture: returning them after each small one costs a third of a small network's time."""

# Bytes held at rest, by device.
_at_rest: dict[str, int] = {}


def note_rest(device: torch.device) -> None:
    """Record what this process holds of a device's memory now as its use at rest; called after a model is loaded."""
    malloc.give_back()
    _at_rest[str(device)] = _held(device)


def budget_of(device: "Device", limit: int | None = None) -> Budget | None:
    """The memory left on a device beyond the process's use at rest, within the `limit` of their sum; None where unknown."""
    if str(device.torch) not in _at_rest:
        note_rest(device.torch)
    free, at_rest = _free(device.torch), _at_rest[str(device.torch)]
    if limit is None:
        return None if free is None else Budget(free, at_rest)
    left = max(limit - at_rest, 0)
    return Budget(left if free is None else min(left, free), at_rest, limit)


def make_room(needed: int, device: "Device", limit: int | None) -> None:
    """Return freed heap to the system if `needed` bytes more would exceed the limit or the free memory."""
    if device.torch.type == "cuda":
        return
    free = free_host_memory()
    if (limit is not None and resident_memory() + needed > limit) or (free is not None and needed > free):
        malloc.give_back()


def tidy(needed: int, device: "Device") -> None:
    """Return freed heap to the system where the process holds more than at rest, `needed` bytes and SLACK together.

    needed: what the largest pictures so far took. Freed heap beyond that is fragmented by small tensors, and would grow over thousands of
    pictures of mixed sizes.
    """
    if device.torch.type == "cpu" and resident_memory() > _at_rest.get(str(device.torch), 0) + needed + SLACK:
        malloc.give_back()


def _held(device: torch.device) -> int:
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else resident_memory()


def _free(device: torch.device) -> int | None:
    """Bytes free for this process; on a GPU including torch's cache."""
    if device.type != "cuda":
        return free_host_memory()
    return torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def resident_memory(root: Path = Path("/")) -> int:
    """The resident memory of this process in bytes; 0 without /proc."""
    try:
        return int(kernel_text(f"{root}/proc/self/statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def free_host_memory(root: Path = Path("/")) -> int | None:
    """Bytes available without swapping, within the limits of this process's control groups; None without /proc."""
    try:
        lines = kernel_text(f"{root}/proc/meminfo").splitlines()
        machine = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return None
    return min([machine, *_left_in_groups(root)])


def _left_in_groups(root: Path) -> Iterator[int]:
    for group in groups_of("memory", root):
        yield from _left_in(str(group.folder), *(FILES_V1 if group.first_version else FILES_V2))


def _left_in(folder: str, limit: str, used: str, cached: str) -> Iterator[int]:
    try:
        most = kernel_text(f"{folder}/{limit}").strip()
        if most == "max" or int(most) >= NO_LIMIT:
            return  # the rest, which the kernel gathers from all cores, takes longer to read
        now = int(kernel_text(f"{folder}/{used}"))
        lines = (line.split() for line in kernel_text(f"{folder}/memory.stat").splitlines())
        spare = next((int(fields[1]) for fields in lines if fields[0] == cached), 0)
    except OSError:  # not visible here: in a container its own group is the root
        return
    yield max(int(most) - now + spare, 0)
