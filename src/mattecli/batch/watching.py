"""New files in folders, as they arrive. By looking anew, which also works on network drives and sees files that were moved in. No torch."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

Stamp = tuple[int, int, int]


@dataclass
class Watch:
    """Folders that are looked through again and again.

    A file is given out once its size and time are what they were at the look before, so one that is still being written waits; a file that
    changes later is given out again. Hidden files and folders are left out, and so are those below `apart`.
    """

    folders: tuple[str, ...]
    suffixes: tuple[str, ...]
    apart: str | None = None
    _seen: dict[str, Stamp] = field(default_factory=dict)
    _given: dict[str, Stamp] = field(default_factory=dict)

    def look(self) -> list[str]:
        """The files that are complete and have not been given out as they are now, by name."""
        found = {path: stamp for folder in self.folders for path, stamp in self._files(folder)}
        ready = [path for path, stamp in found.items() if self._seen.get(path) == stamp and self._given.get(path) != stamp]
        self._given = {path: stamp for path, stamp in self._given.items() if path in found} | {path: found[path] for path in ready}
        self._seen = found
        return sorted(ready)

    def known(self, paths: list[str]) -> None:
        """Take files for given out as they are now."""
        for path in paths:
            if (stamp := _stamp(path)) is not None:
                self._seen[path] = self._given[path] = stamp

    def _files(self, folder: str) -> Iterator[tuple[str, Stamp]]:
        for root, names, files in os.walk(folder):
            names[:] = [name for name in names if not name.startswith(".") and not self._is_apart(os.path.join(root, name))]
            for name in files:
                path = os.path.join(root, name)
                if not name.startswith(".") and Path(name).suffix.lower() in self.suffixes and (stamp := _stamp(path)) and stamp[0]:
                    yield path, stamp

    def _is_apart(self, folder: str) -> bool:
        return self.apart is not None and os.path.abspath(folder) == self.apart


def _stamp(path: str) -> Stamp | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino
