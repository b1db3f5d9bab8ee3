"""Standard streams that survive a full disk, a closed stream and a closed pipe.

Notes on stderr that cannot be written are dropped. A result that cannot be written to stdout raises StdoutError, or BrokenPipeError
where whoever read it has left. Nothing is kept in a buffer that Python would try to write once more at the end.
"""

import errno
import io
import os
import sys
from typing import TextIO

_STDIN, _STDOUT, _STDERR = 0, 1, 2


class StdoutError(OSError):
    """A result cannot be written to stdout."""


class _Unbuffered(io.RawIOBase):
    """Writes to a descriptor at once. `open`: whether the stream was open when the process began."""

    def __init__(self, descriptor: int, *, is_open: bool) -> None:
        self._descriptor, self._is_open = descriptor, is_open

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return self._is_open and os.isatty(self._descriptor)

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            if not self._is_open:
                raise OSError(errno.EBADF, "it is closed")
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            self._failed(error)
        return size

    def _failed(self, error: OSError) -> None:
        """Handle text that could not be written."""


class _Results(_Unbuffered):
    def _failed(self, error: OSError) -> None:
        if isinstance(error, BrokenPipeError):
            raise error
        raise StdoutError(error.errno, error.strerror) from error


def secure() -> None:
    """Replace Python's standard streams by such streams, unless they were replaced already; POSIX only."""
    if os.name != "posix":
        return
    is_open = [_is_open(descriptor) for descriptor in (_STDIN, _STDOUT, _STDERR)]
    if sys.stdout is sys.__stdout__:
        sys.stdout = _text(_Results(_STDOUT, is_open=is_open[_STDOUT]), sys.__stdout__)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(_Unbuffered(_STDERR, is_open=is_open[_STDERR]), sys.__stderr__, errors="backslashreplace")


def _is_open(descriptor: int) -> bool:
    """Whether a stream is open; one that is not is filled with /dev/null, so that no file that is opened later takes its place."""
    try:
        os.fstat(descriptor)
    except OSError:
        os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
        return False
    return True


def _text(raw: _Unbuffered, like: TextIO | None, *, errors: str = "strict") -> TextIO:
    encoding = "utf-8" if like is None else like.encoding
    return io.TextIOWrapper(raw, encoding=encoding, errors=errors, write_through=True)  # type: ignore[type-var]
