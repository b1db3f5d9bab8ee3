"""The control groups of this process (cgroups(7)), whose limits apply in addition to the machine's. No torch."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Group(NamedTuple):
    """The folder of a control group, which may not exist, and whether it is of version 1, whose files have other names."""

    folder: Path
    first_version: bool


def groups_of(controller: str, root: Path = Path("/")) -> Iterator[Group]:
    """The groups of this process for a controller, "cpu" or "memory", each with its ancestors; none without /proc."""
    listing = root / "proc/self/cgroup"
    for line in listing.read_text().splitlines() if listing.exists() else []:
        _, controllers, name = line.split(":", 2)
        if controllers == "" or controller in controllers.split(","):
            place = root / "sys/fs/cgroup" / (controller if controllers else "")
            for folder in (Path(name), *Path(name).parents):
                yield Group(place / str(folder).lstrip("/"), bool(controllers))
