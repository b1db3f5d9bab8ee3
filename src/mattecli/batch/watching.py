"""Watches folders for new files by polling, which also works on network drives and finds files that were moved in. No torch."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from mattecli.io.pictures.formats import is_photo

Stamp = tuple[int, int, int]


@dataclass
class Watch:
    """Folders that are polled.

    accepts: whether a file is an input. A file is returned once its size and time are those of the previous poll, so one that is still
    being written waits; a file that changes later is returned again. Hidden files and folders are skipped, and those below `apart`.
    """

    folders: tuple[str, ...]
    accepts: Callable[[str], bool] = is_photo
    apart: str | None = None
    _seen: dict[str, Stamp] = field(default_factory=dict)
    _given: dict[str, Stamp] = field(default_factory=dict)

    def look(self) -> list[tuple[str, str]]:
        """The complete files that were not returned in their present state, by name, each with the watched folder that holds it."""
        homes = {path: folder for folder in self.folders for path in self._files(folder)}
        found = {path: stamp for path in homes if (stamp := _stamp(path)) is not None and stamp[0]}
        ready = [path for path, stamp in found.items() if self._seen.get(path) == stamp and self._given.get(path) != stamp]
        self._given = {path: stamp for path, stamp in self._given.items() if path in found} | {path: found[path] for path in ready}
        self._seen = found
        return [(path, homes[path]) for path in sorted(ready) if self.accepts(path)]

    def _files(self, folder: str) -> Iterator[str]:
        for root, names, files in os.walk(folder):
            names[:] = [name for name in names if not name.startswith(".") and not self._is_apart(os.path.join(root, name))]
            yield from (os.path.join(root, name) for name in files if not name.startswith("."))

    def _is_apart(self, folder: str) -> bool:
        return self.apart is not None and os.path.abspath(folder) == self.apart


def _stamp(path: str) -> Stamp | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino
