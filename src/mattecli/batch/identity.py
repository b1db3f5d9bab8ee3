"""Detects whether an output was made from this input with these settings, and is unchanged since. No torch."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mattecli.batch import storage
from mattecli.batch.items import Item, Run
from mattecli.io.files import reading
from mattecli.io.sequences import is_sequence
from mattecli.requests.paths import backdrop_files, files_of

CHUNK = 1 << 20

Identity = dict[str, Any]


def settings_hash(item: Item, run: Run) -> str:
    """A hash of all settings that decide an output, without the contents of its input files.

    The device is not included, so that a batch can be resumed on another machine.
    """
    settings = {**asdict(item.settings), "precision": "fp32" if run.precision == "auto" else run.precision, "max_memory": run.max_memory}
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:16]


def identity_of(item: Item, *, checksum: bool = False) -> Identity:
    """Each input file of an item, by role: size and time (local) or version (remote), and sha256 with `checksum`."""
    files = {"input": item.input, **item.settings.guides}
    for number, file in enumerate(backdrop_files(item.settings.over)):
        files[f"over {number}" if number else "over"] = file
    return {role: file_identity(file, checksum=checksum) for role, file in files.items()}


def file_identity(path: str, *, checksum: bool = False) -> Identity:
    """Size and time of a file, or of each file of a sequence; empty for a missing one."""
    if storage.is_url(path):
        found = storage.status(path) or {}
        return {**found, "sha256": _sha256_of_url(path)} if checksum and found else found
    parts = [_local(file, checksum) for file in files_of(path)]
    return parts[0] if len(parts) == 1 and not is_sequence(path) else {"files": parts}


def same_input(noted: Mapping[str, Any], item: Item, *, checksum: bool) -> bool:
    """Whether an item's files equal those of a record: by content with `checksum`, else by size and time."""
    found = identity_of(item, checksum=checksum)
    return found.keys() == noted.keys() and all(_same(noted[role], file, checksum) for role, file in found.items())


def _same(noted: Any, found: Identity, checksum: bool) -> bool:
    if not found or not isinstance(noted, Mapping):
        return False
    if "files" in found:
        parts = noted.get("files")
        return (
            isinstance(parts, list)
            and len(parts) == len(found["files"])
            and all(map(_same, parts, found["files"], [checksum] * len(parts)))
        )
    words = ("sha256",) if checksum else ("size", "mtime_ns", "version")
    return all(noted.get(word) == found.get(word) for word in words)


def _local(path: str, checksum: bool) -> Identity:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return {}
    found = {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
    return {**found, "sha256": sha256_of(path)} if checksum else found


def content_identity(content: bytes) -> Identity:
    """The value of written_identity for a local file with this content."""
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def written_identity(path: str) -> Identity:
    """The identity of a written output: size and sha256 of a local file or sequence, or the version of a remote object."""
    if storage.is_url(path):
        return storage.status(path) or {}
    files = files_of(path)
    if not is_sequence(path):
        return {"size": os.path.getsize(path), "sha256": sha256_of(path)}
    digest = hashlib.sha256("".join(sha256_of(file) for file in files).encode()).hexdigest()
    return {"files": len(files), "size": sum(map(os.path.getsize, files)), "sha256": digest}


def still_there(noted: Mapping[str, Any], path: str) -> bool:
    """Whether an output equals, byte for byte, the one of a record."""
    if not noted:
        return False
    if storage.is_url(path):
        return storage.status(path) == dict(noted)
    try:
        if not is_sequence(path) and os.path.getsize(path) != noted.get("size"):
            return False
        return written_identity(path) == dict(noted)
    except (OSError, ValueError):
        return False


def sha256_of(path: str) -> str:
    digest = hashlib.sha256()
    with reading(path), Path(path).open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _sha256_of_url(url: str) -> str:
    digest = hashlib.sha256()
    with storage.opened(url) as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
