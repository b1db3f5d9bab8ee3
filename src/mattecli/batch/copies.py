"""Local copies of remote guides and backdrops, fetched once for all items of a process that use them. No torch."""

import shutil
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mattecli.batch import storage

MOST = 32
"""Copies that are kept beside those in use."""


@dataclass
class _Copy:
    """The local copy of one version of a remote file. users: the number of items that read it now."""

    path: str = ""
    users: int = 0
    fetching: threading.Lock = field(default_factory=threading.Lock)


class Copies:
    """The copies of a process, in a folder below `scratch`. A new version of a file is fetched again. Thread-safe."""

    def __init__(self, scratch: str | None = None) -> None:
        self._scratch = scratch
        self._folder: Path | None = None
        self._copies: OrderedDict[tuple[str, str], _Copy] = OrderedDict()
        self._turn = threading.Lock()

    @contextmanager
    def held(self, files: Iterable[str]) -> Iterator[Mapping[str, str]]:
        """The local copies of the files that are URLs, by URL; they exist for the duration of the block. Raises InputError."""
        with ExitStack() as held:
            yield {url: held.enter_context(self._held(url)) for url in dict.fromkeys(files) if storage.is_url(url)}

    @contextmanager
    def _held(self, url: str) -> Iterator[str]:
        copy = self._used((url, str(storage.status(url))))
        try:
            with copy.fetching:
                copy.path = copy.path or storage.fetched(url, self._place())
            yield copy.path
        finally:
            with self._turn:
                copy.users -= 1
                self._forget()

    def _used(self, key: tuple[str, str]) -> _Copy:
        with self._turn:
            copy = self._copies.setdefault(key, _Copy())
            self._copies.move_to_end(key)
            copy.users += 1
            return copy

    def _forget(self) -> None:
        """Remove the least recently used copies that no item uses."""
        idle = [key for key, copy in self._copies.items() if not copy.users]
        for key in idle[: max(0, len(self._copies) - MOST)]:
            if path := self._copies.pop(key).path:
                Path(path).unlink(missing_ok=True)

    def _place(self) -> Path:
        with self._turn:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="matte-", dir=self._scratch))
                weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            return self._folder
