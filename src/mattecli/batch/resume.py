"""Decides whether an item is made, from the record of its last run, its settings and inputs, and the policy. No torch."""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mattecli import errors
from mattecli.batch import storage
from mattecli.batch.identity import identity_of, same_input, settings_hash, still_there, written_identity
from mattecli.batch.items import Item, Run
from mattecli.batch.journal import History, Journal, Past, blank_record
from mattecli.core.store import home
from mattecli.errors import DeviceError, ModelError, OutOfMemoryError, OutputError, UsageError

MAKE, DONE, FAILED, KEPT, REMAKE = "make", "done", "failed", "kept", "remake"
OVERWRITE = ("always", "older", "never")

# Failures that the item did not cause: a later run tries again.
_PASSING = (OutputError, DeviceError, ModelError)


@dataclass(frozen=True)
class Policy:
    """What to do with existing results.

    resume: skip items that the records show as done. retry_failed: make items that failed before again. checksum: compare inputs by
    content. overwrite: "always"; "older": only results older than their input; "never".
    """

    resume: bool = False
    retry_failed: bool = False
    checksum: bool = False
    overwrite: str = "always"

    def __post_init__(self) -> None:
        if self.overwrite not in OVERWRITE:
            raise UsageError(f"--overwrite {self.overwrite} is not known; choose {', '.join(OVERWRITE)}")


def verdict(item: Item, run: Run, past: Past | None, policy: Policy) -> str:
    """MAKE; REMAKE over a result of other settings, of another input, or that is broken; or why not: DONE, FAILED before, or KEPT."""
    if policy.resume:
        if past is not None and past.settings == settings_hash(item, run) and same_input(past.identity, item, checksum=policy.checksum):
            if past.status == "ok" and still_there(past.written, item.output):
                return DONE
            if past.status == "failed" and not policy.retry_failed and not _passes(past.error):
                return FAILED
        return REMAKE if _exists(item.output) else MAKE
    return KEPT if policy.overwrite != "always" and _is_kept(item, policy.overwrite) else MAKE


def _passes(kind: str) -> bool:
    """Whether an error of this name may be temporary. A lack of memory is not."""
    error = getattr(errors, kind, Exception)
    return issubclass(error, _PASSING) and not issubclass(error, OutOfMemoryError)


def _is_kept(item: Item, overwrite: str) -> bool:
    if not _exists(item.output):
        return False
    if overwrite == "never":
        return True
    if storage.is_url(item.output) or storage.is_url(item.input):
        raise UsageError(f"--overwrite older compares times of local files, and {item.output} or its input is none; use --resume")
    return os.path.exists(item.input) and os.path.getmtime(item.output) >= os.path.getmtime(item.input)


def _exists(path: str) -> bool:
    return storage.status(path) is not None if storage.is_url(path) else os.path.exists(path)


class Ledger:
    """The records of batches without a results file, in the cache of this machine: one file for each folder of results."""

    def __init__(self) -> None:
        self._histories: dict[str, History] = {}
        self._closed = False

    def of(self, item: Item) -> Past | None:
        if storage.is_url(item.output):
            return None
        file = self._file(item.output)
        if file not in self._histories:
            self._histories[file] = History(file)
        return self._histories[file].of(_absolute(item.key))

    def write(self, record: Mapping[str, Any]) -> None:
        """Record a result. An error is ignored, because later runs then only do more work."""
        if self._closed or record["status"] != "ok" or storage.is_url(record["output"]):
            return
        source, destination = _absolute((record["input"], record["output"]))
        kept = {name: record.get(name) for name in ("status", "settings", "identity", "written")}
        try:
            journal = Journal(self._file(record["output"]))
            journal.write({"input": source, "output": destination, **kept})
            journal.close()
        except OutputError:
            self._closed = True

    def _file(self, output: str) -> str:
        folder = hashlib.sha256(os.path.dirname(os.path.realpath(output)).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return str(Path(home()) / "results" / f"{folder}.jsonl")


class MadeBefore:
    """The earlier results of commands that are no batches, by settings and inputs."""

    def __init__(self) -> None:
        self._ledger = Ledger()

    def verdict(self, item: Item) -> str:
        """DONE, REMAKE over another existing file, or MAKE."""
        return verdict(item, Run(), self._ledger.of(item), Policy(resume=True))

    @contextlib.contextmanager
    def noting(self, item: Item) -> Iterator[None]:
        """A block in which an item is made; it is recorded when the block ends without an error."""
        record = blank_record(item, Run()) | {"status": "ok", "identity": identity_of(item)}
        yield
        self._ledger.write(record | {"written": written_identity(item.output)})


def _absolute(key: tuple[str, str]) -> tuple[str, str]:
    source, destination = key
    return source if storage.is_url(source) else os.path.abspath(source), os.path.abspath(destination)
