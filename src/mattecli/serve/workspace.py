"""Temporary folders of requests, removed when nobody uses them any more."""

import shutil
import tempfile
from pathlib import Path
from types import TracebackType


class Workspace:
    """A temporary folder with a count of its holders; the last one to release it removes it.

    A request that is given up while its matte is computed leaves the folder to the computation.
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
