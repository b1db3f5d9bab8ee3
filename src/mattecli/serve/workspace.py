"""Temporary folders: one of the service, and in it one for each request, removed when no longer in use."""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

PREFIX = "matte-serve-"


class ServiceFolder:
    """The temporary folder of this process's service, with a lock on it (flock) while the service lives.

    A killed service leaves its folder; the next one removes it. Folders whose process runs, that are locked, or that belong to another
    user are kept, and links are never followed.
    """

    def __init__(self) -> None:
        parent = Path(tempfile.gettempdir())
        for folder in parent.glob(f"{PREFIX}*"):
            _remove_abandoned(folder)
        self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Remove the folder and its content. May be called more than once."""
        if self._lock >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1


def _remove_abandoned(folder: Path) -> None:
    """Remove the folder of a process that no longer runs; keep anything else."""
    owner = re.fullmatch(rf"{PREFIX}(\d+)-\w+", folder.name)
    if owner is None or _runs(int(owner[1])):
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            is_ours = os.fstat(descriptor).st_uid == os.geteuid()
            # Its number says nothing about a process of another container, but that holds the lock.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_ours:
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it belongs to another user
    return True


class Workspace:
    """A temporary folder with a count of its holders; the last one to release it removes it.

    When a request is cancelled while its matte is computed, the computation still holds the folder.
    """

    def __init__(self, root: Path) -> None:
        self.path = Path(tempfile.mkdtemp(dir=root))
        self._holders = 1

    def hold(self) -> None:
        self._holders += 1

    def release(self) -> None:
        self._holders -= 1
        if self._holders == 0:
            shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self) -> "Workspace":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()
