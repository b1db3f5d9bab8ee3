"""Temporary files of results that are being written: claimed, renamed when whole, and removed when the process that wrote them is gone.

A part is a hidden file beside the result. Its process holds a lock on it (flock) until the part has its final name, so a part without a
lock was left by a process that was killed; the next process that writes into the folder removes it.
"""

import contextlib
import os
import re
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows; there a part is removed by its own process only
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
        """Give the file its final name, once it is on the disk; some file systems tell only then that there is no room."""
        os.fsync(self.descriptor)
        if os.fstat(self.descriptor).st_size == 0:
            raise OSError(0, "nothing was written")
        if fcntl is None:
            self.close()  # Windows renames no open file
        os.replace(self.path, final)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


@contextlib.contextmanager
def part_beside(path: Path) -> Iterator[Part]:
    """A new file in the folder of `path`, which is made where there is none; removed when the block is left, unless it was renamed.

    Never an existing file and never what a symbolic link points to. Raises OSError.
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
    """Remove what this process is writing; for a process that ends without leaving its blocks."""
    for path in list(_mine):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove the parts in a folder whose processes are gone."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for left in [Path(entry.path) for entry in entries if _NAME.fullmatch(entry.name)]:
            _remove_if_abandoned(left)


def _sweep_once(folder: Path) -> None:
    """Sweep a folder when this process first writes into it."""
    with _turn:
        if folder in _swept:
            return
        _swept.add(folder)
    sweep(folder)


def _claimed(path: Path) -> Part:
    """A part that is locked. Another process may take it for abandoned between its making and its locking; then there is a next one."""
    while True:
        candidate = path.with_name(f".matte-{secrets.token_hex(8)}.part")
        descriptor = os.open(candidate, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        if fcntl is None:
            return Part(candidate, descriptor)
        with contextlib.suppress(OSError):  # a file system without locks; there nobody else gets one either
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
