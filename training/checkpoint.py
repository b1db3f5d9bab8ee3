"""Checkpoints: the state of a training, written atomically; the newest two are kept."""

import os
from pathlib import Path
from typing import Any

import torch

from mattecli.errors import InputError

KEPT = 2


def save(state: dict[str, Any], folder: Path, step: int) -> Path:
    """The state (tensors and plain values) as step-00001234.pt, complete once it has that name; older ones than the newest two go."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{step:08d}.pt"
    write(state, path)
    for old in found(folder)[:-KEPT]:
        old.unlink()
    return path


def write(state: dict[str, Any], path: Path) -> None:
    """A file of tensors and plain values under a temporary name, on the disk, then renamed."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as stream:
        torch.save(state, stream)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)


def found(folder: Path) -> list[Path]:
    """The complete checkpoints of a folder, oldest first."""
    return sorted(folder.glob("step-*.pt"))


def load(path: Path) -> dict[str, Any]:
    """Read a file of `save` or `write` into main memory. Raises InputError for any other file."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    except Exception as error:  # torch.load raises many types of exception for a broken archive
        raise InputError(f"{path} is not a file of weights, or damaged; remove it to go on from the one before") from error
    return state


def newest(folder: Path) -> dict[str, Any] | None:
    """The newest checkpoint of a folder, or None where there is none."""
    paths = found(folder)
    return load(paths[-1]) if paths else None
