"""Temporary files ("parts") of results that are being written: locked, renamed when complete, and removed after a killed process.

A part is a hidden file beside the result. Its process holds a lock on it (flock) until it gets its final name. A part without a lock was
left by a killed process; the next process that writes into the folder removes it.
"""

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where only its own process removes a part
    fcntl = None  # type: ignore[assignment]

_NAME = re.compile(r"\.matte-[0-9a-f]{16}\.part")
_turn = threading.Lock()
_swept: set[Path] = set()
_mine: set[Path] = set()


class Part:
    """A temporary file at `path`, open for writing as `descriptor`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self.descriptor = path, descriptor

    def become(self, final: Path) -> None:
        """Sync the file and give it its final name; some file systems report a full disk only on syncing."""
        os.fsync(self.descriptor)
        if os.fstat(self.descriptor).st_size == 0:
            raise OSError(0, "nothing was written")
        if fcntl is None:
            self.close()  # Windows cannot rename an open file
        os.replace(self.path, final)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


@contextlib.contextmanager
def part_beside(path: Path) -> Iterator[Part]:
    """A new file in the folder of `path`, which is made if missing; removed on leaving the block unless it was renamed.

    Never opens an existing file or follows a symbolic link. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep_once(path.parent)
    part = _claimed(path)
    _mine.add(part.path)
    try:
        yield part
    finally:
        if fcntl is None:
            part.close()
        with contextlib.suppress(OSError):
            part.path.unlink(missing_ok=True)
        _mine.discard(part.path)
        part.close()


def remove_own_parts() -> None:
    """Remove the parts of this process, when it ends without leaving its blocks."""
    for path in list(_mine):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove the parts in a folder whose processes are gone."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for left in [Path(entry.path) for entry in entries if _NAME.fullmatch(entry.name)]:
            _remove_if_abandoned(left)


def _sweep_once(folder: Path) -> None:
    """Sweep a folder before this process first writes into it."""
    with _turn:
        if folder in _swept:
            return
        _swept.add(folder)
    sweep(folder)


def _claimed(path: Path) -> Part:
    """A locked part. Another process may remove it between its creation and its locking; then another one is created."""
    while True:
        candidate = path.with_name(f".matte-{os.urandom(8).hex()}.part")
        descriptor = os.open(candidate, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        if fcntl is None:
            return Part(candidate, descriptor)
        with contextlib.suppress(OSError):  # a file system without locks, where other processes get none either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink > 0:
            return Part(candidate, descriptor)
        os.close(descriptor)


def _remove_if_abandoned(path: Path) -> None:
    if fcntl is None:
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(descriptor)
