"""The results file: one line of JSON for each item as it ends, appended and never rewritten; `--resume` reads it. No torch.

A line that a killed process or a full disk left unfinished is ended by the next writer and passed over by readers.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mattecli.batch.identity import settings_hash
from mattecli.batch.items import Item, Run
from mattecli.errors import OutputError, UsageError
from mattecli.io.files import reading

Record = Mapping[str, Any]
RECORD = b'{"input": '
"""How every line begins; see blank_record."""


def blank_record(item: Item, run: Run) -> dict[str, Any]:
    """The fields that every record has."""
    record: dict[str, Any] = {"input": item.input, "output": item.output, "settings": settings_hash(item, run)}
    return record | {"columns": dict(item.columns)} if item.columns else record


def failure(kind: str, message: str) -> dict[str, Any]:
    """The fields of a record for an item that failed."""
    return {"status": "failed", "error": {"kind": kind, "message": " ".join(message.split())}}


class Journal:
    """Appends records to a file, to which several processes may append at once. Raises OutputError where that fails."""

    def __init__(self, path: str) -> None:
        self.path = path
        with self._writing():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            self._torn = _ends_torn(self._file)

    def write(self, record: Record) -> None:
        """Append one record as one line, in one write, so that lines of several processes do not mix."""
        line = (b"\n" if self._torn else b"") + json.dumps(record).encode() + b"\n"
        with self._writing():
            self._torn = True
            if os.write(self._file, line) < len(line):
                raise OSError(0, "the disk is full")
            self._torn = False

    def close(self) -> None:
        with self._writing():
            os.close(self._file)

    def _writing(self) -> "_Writing":
        return _Writing(self.path)


@dataclass(frozen=True)
class _Writing:
    """Converts the system's errors while writing into an OutputError."""

    path: str

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise OutputError(
                f"the results file {self.path} cannot be written ({error.strerror or error}); free some space or choose another --results"
            ) from error


def _ends_torn(file: int) -> bool:
    end = os.lseek(file, 0, os.SEEK_END)
    if end == 0:
        return False
    os.lseek(file, end - 1, os.SEEK_SET)
    return os.read(file, 1) != b"\n"


def read_journal(path: str) -> Iterator[dict[str, Any]]:
    """The records of a results file, oldest first; none without a file. Incomplete lines and lines of other programs are skipped."""
    if not os.path.exists(path):
        return
    with reading(path), open(path, "rb") as stream:
        for line in stream:
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict) and isinstance(record.get("input"), str) and isinstance(record.get("output"), str):
                yield record


@dataclass(frozen=True)
class Past:
    """The fields of an item's last record that resuming needs."""

    status: str
    settings: str
    identity: Mapping[str, Any]
    written: Mapping[str, Any]
    error: str


class History:
    """The last record of each item of a results file, found by input and output."""

    def __init__(self, path: str | None) -> None:
        self._past: dict[bytes, Past] = {}
        for record in read_journal(path) if path else ():
            if record.get("status") in ("ok", "failed"):
                self._past[_digest(record["input"], record["output"])] = _past(record)

    def of(self, key: tuple[str, str]) -> Past | None:
        return self._past.get(_digest(*key))


def _past(record: Record) -> Past:
    error = record.get("error") or {}
    return Past(
        status=record["status"],
        settings=str(record.get("settings")),
        identity=record.get("identity") or {},
        written=record.get("written") or {},
        error=str(error.get("kind", "")) if isinstance(error, dict) else "",
    )


def _digest(source: str, destination: str) -> bytes:
    return hashlib.sha256(f"{source}\0{destination}".encode("utf-8", "surrogatepass")).digest()[:16]


def check_results(path: str, inputs: tuple[str, ...]) -> None:
    """UsageError where the results file is an input, the manifest, a folder, or a file that holds no results, such as a picture."""
    if os.path.isdir(path):
        raise UsageError(f"--results {path} is a folder; give a file such as {os.path.join(path, 'results.jsonl')}")
    if os.path.realpath(path) in {os.path.realpath(source) for source in inputs}:
        raise UsageError(f"--results {path} is an input; give another file")
    if os.path.isfile(path) and not _begins_as_results(path):
        raise UsageError(f"--results {path} is there already and holds no results, so nothing is appended to it; give another file")


def _begins_as_results(path: str) -> bool:
    """Whether a file is empty, or begins as a record does or as one that was cut off."""
    with reading(path), open(path, "rb") as stream:
        begin = stream.read(len(RECORD))
    return RECORD.startswith(begin)
