"""The control groups that this process belongs to (cgroups(7)), whose limits hold beside the machine's own. No torch."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Group(NamedTuple):
    """The folder of a control group, which may not be there, and whether it is of version 1, whose files have other names."""

    folder: Path
    first_version: bool


def groups_of(controller: str, root: Path = Path("/")) -> Iterator[Group]:
    """The groups of this process for a controller, "cpu" or "memory", each with all those it lies in; none where there is no /proc."""
    listing = root / "proc/self/cgroup"
    for line in listing.read_text().splitlines() if listing.exists() else []:
        _, controllers, name = line.split(":", 2)
        if controllers == "" or controller in controllers.split(","):
            place = root / "sys/fs/cgroup" / (controller if controllers else "")
            for folder in (Path(name), *Path(name).parents):
                yield Group(place / str(folder).lstrip("/"), bool(controllers))
