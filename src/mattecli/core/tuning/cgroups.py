"""The control groups of this process (cgroups(7)), whose limits apply in addition to the machine's. No torch."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple


class Group(NamedTuple):
    """The folder of a control group, which may not exist, and whether it is of version 1, whose files have other names."""

    folder: Path
    first_version: bool


def groups_of(controller: str, root: Path = Path("/")) -> Sequence[Group]:
    """The groups of this process for a controller, "cpu" or "memory", each with its ancestors; none without /proc."""
    try:
        listing = kernel_text(f"{root}/proc/self/cgroup")
    except FileNotFoundError:
        return ()
    return _listed(listing, controller, root)


@lru_cache(maxsize=8)
def _listed(listing: str, controller: str, root: Path) -> tuple[Group, ...]:
    groups = []
    for line in listing.splitlines():
        _, controllers, name = line.split(":", 2)
        if controllers == "" or controller in controllers.split(","):
            place = root / "sys/fs/cgroup" / (controller if controllers else "")
            groups += [Group(place / str(folder).lstrip("/"), bool(controllers)) for folder in (Path(name), *Path(name).parents)]
    return tuple(groups)


def kernel_text(path: str) -> str:
    """The content of a small file, read unbuffered and without pathlib, since it is read for each picture. Raises OSError."""
    with open(path, "rb", buffering=0) as file:
        return file.readall().decode()
