"""Clips from stdin and named pipes, copied to a temporary file because a clip is read more than once."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from mattecli.errors import InputError, MatteError
from mattecli.io.files import reading, stdin
from mattecli.io.images import STANDARD_STREAM

MOST = 64 << 30
"""The most bytes of a stream."""
_AT_ONCE = 1 << 20
_LEFT_FREE = 256 << 20  # bytes that stay free on the temporary folder's disk


def is_stream(source: str) -> bool:
    """Whether a source is stdin ("-") or a named pipe."""
    if source == STANDARD_STREAM:
        return True
    try:
        return stat.S_ISFIFO(os.stat(source).st_mode)
    except (OSError, ValueError):
        return False


@contextmanager
def spooled(source: str) -> Iterator[str]:
    """A file with the content of `source`: itself, or for a stream a copy in the temporary folder (TMPDIR) during the block.

    Errors raised in the block name the stream and not the copy. Raises InputError for one that is empty, larger than MOST, or larger than
    the folder's disk has room for.
    """
    if not is_stream(source):
        yield source
        return
    named = "stdin" if source == STANDARD_STREAM else source
    with ExitStack() as held:
        folder = held.enter_context(tempfile.TemporaryDirectory(prefix="matte-"))
        copy = Path(folder) / Path(named).name
        with reading(named):
            stream = stdin() if source == STANDARD_STREAM else held.enter_context(Path(source).open("rb"))
            _copy(stream, copy, named)
        try:
            yield str(copy)
        except MatteError as error:
            if str(copy) not in str(error):
                raise
            raise type(error)(str(error).replace(str(copy), named)) from error


def _copy(stream: BinaryIO, copy: Path, named: str) -> None:
    most = min(MOST, max(0, shutil.disk_usage(copy.parent).free - _LEFT_FREE))
    written = 0
    with copy.open("wb") as file:
        while part := stream.read(_AT_ONCE):
            written += len(part)
            if written > most:
                raise InputError(
                    f"{named} holds more than the {most >> 20} MB that can be kept of it in {copy.parent.parent}; "
                    "save it as a file first, or set TMPDIR to a larger disk"
                )
            file.write(part)
    if not written:
        raise InputError(f"{named} is empty (0 bytes); send a clip to it")
