"""Files on disk: what a person is told where one cannot be read, and writing one whole or not at all."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mattecli.errors import InputError, OutputError
from mattecli.io.parts import part_beside


@contextlib.contextmanager
def reading(source: str | Path) -> Iterator[None]:
    """Around the reading of a file: what the system refuses becomes an InputError of one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"there is no file {source}; check the path") from error
    except OSError as error:
        raise InputError(f"{source} cannot be read ({error.strerror}); check the path and its permissions") from error


@contextlib.contextmanager
def naming(source: str) -> Iterator[None]:
    """Around the work with a file: an InputError that does not name it comes out behind its name."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error) if source in str(error) else f"{source}: {error}") from error


def stdin() -> BinaryIO:
    """The bytes of stdin; InputError where it was closed."""
    if sys.stdin is None:
        raise InputError("stdin is closed; send the input to it, or give a path")
    return sys.stdin.buffer


def read_stdin() -> bytes:
    """All of stdin. Raises InputError."""
    with reading("stdin"):
        return stdin().read()


def write_stdout(content: bytes) -> None:
    """Write a result to stdout. Raises OutputError, but BrokenPipeError where whoever read it has left."""
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"the picture cannot be written to stdout ({error.strerror}); give a file with -o") from error


@contextlib.contextmanager
def written_whole(path: Path, *, advice: str) -> Iterator[BinaryIO]:
    """A stream to a temporary neighbour that takes the final name when all is written; the folder is made where there is none.

    advice: what to do when that fails, as the end of the OutputError's sentence.
    """
    try:
        with part_beside(path) as part:
            # A duplicate, so that the lock stays, opened by its path, which some encoders ask the stream for.
            with open(part.path, "wb", opener=lambda path, flags: os.dup(part.descriptor)) as stream:
                yield stream
            part.become(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror or error}); {advice}") from error
