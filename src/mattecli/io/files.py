"""Files on disk: error messages for unreadable ones, and writing that is complete or leaves nothing."""

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO

from mattecli.errors import InputError, OutputError
from mattecli.io.parts import part_beside


@contextlib.contextmanager
def reading(source: str | Path) -> Iterator[None]:
    """Convert the system's errors while reading a file into an InputError."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"there is no file {source}; check the path") from error
    except OSError as error:
        raise InputError(f"{source} cannot be read ({error.strerror}); check the path and its permissions") from error


@contextlib.contextmanager
def naming(source: str) -> Iterator[None]:
    """Prefix the file's name to an InputError that does not contain it."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error) if source in str(error) else f"{source}: {error}") from error


_collected: ContextVar[list[str] | None] = ContextVar("collected", default=None)


@contextlib.contextmanager
def notes_of_reading() -> Iterator[list[str]]:
    """The notes on the pictures that this thread reads in the block, each after its file's name: for guides, which are mere levels."""
    collected: list[str] = []
    token = _collected.set(collected)
    try:
        yield collected
    finally:
        _collected.reset(token)


def collect(source: str, notes: Iterable[str]) -> None:
    """Pass the notes on a picture to the block of notes_of_reading, if there is one."""
    collected = _collected.get()
    if collected is not None:
        collected.extend(f"{source}: {note}" for note in notes)


def stdin() -> BinaryIO:
    """The bytes of stdin; InputError where it was closed."""
    if sys.stdin is None:
        raise InputError("stdin is closed; send the input to it, or give a path")
    return sys.stdin.buffer


def write_stdout(content: bytes) -> None:
    """Write a result to stdout. Raises OutputError, but BrokenPipeError where the reader has closed it."""
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"the picture cannot be written to stdout ({error.strerror}); give a file with -o") from error


@contextlib.contextmanager
def written_whole(path: Path, *, advice: str) -> Iterator[BinaryIO]:
    """A stream to a temporary file beside `path` that is renamed when all is written; a missing folder is made.

    advice: what to do on failure, as the end of the OutputError's sentence.
    """
    try:
        with part_beside(path) as part:
            # Opened again by its path, which some encoders need, so that closing the stream does not release the lock.
            with open(part.path, "wb", opener=lambda path, flags: os.dup(part.descriptor)) as stream:
                yield stream
            part.become(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror or error}); {advice}") from error
