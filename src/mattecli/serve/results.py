"""Results linked from JSON responses: files under unguessable names, kept for a limited time."""

import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SECONDS = 600.0
"""How long a result is kept."""

MOST_BYTES = 1_000_000_000
"""Bytes of all results together; beyond it the oldest are removed."""


@dataclass(frozen=True)
class _Kept:
    folder: Path
    size: int
    ends: float


class ResultStore:
    """Files below `root`, one folder for each response. Not thread-safe."""

    def __init__(self, root: Path, *, seconds: float = SECONDS, most_bytes: int = MOST_BYTES) -> None:
        self._root, self._seconds, self._most_bytes = root, seconds, most_bytes
        self._kept: dict[str, _Kept] = {}

    def keep(self, files: Mapping[str, Path]) -> dict[str, str]:
        """Move files, by their kind of result, into the store. Returns for each its path below the address of results."""
        key = secrets.token_urlsafe(24)
        folder = self._root / key
        folder.mkdir()
        kept = {kind: file.rename(folder / f"{kind}{file.suffix}") for kind, file in files.items()}
        size = sum(file.stat().st_size for file in kept.values())
        self._kept[key] = _Kept(folder, size, time.monotonic() + self._seconds)
        self.tidy()
        return {kind: f"{key}/{file.name}" for kind, file in kept.items()}

    def find(self, key: str, name: str) -> Path | None:
        """The file of a link; None for one that is unknown or expired. Only names returned by `keep` are looked up."""
        self.tidy()
        kept = self._kept.get(key)
        if kept is None:
            return None
        return next((file for file in kept.folder.iterdir() if file.name == name), None)

    def tidy(self) -> None:
        """Remove expired results, and the oldest ones beyond the maximum of bytes; the newest result always stays."""
        now = time.monotonic()
        while self._kept:
            key, oldest = next(iter(self._kept.items()))
            too_many = self.bytes > self._most_bytes and len(self._kept) > 1
            if oldest.ends > now and not too_many:
                return
            shutil.rmtree(self._kept.pop(key).folder, ignore_errors=True)

    @property
    def bytes(self) -> int:
        """The total size of all results in bytes."""
        return sum(kept.size for kept in self._kept.values())
