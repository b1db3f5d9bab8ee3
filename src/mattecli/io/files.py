"""Files on disk: what a person is told where one cannot be read, and writing one whole or not at all."""

import contextlib
import os
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
