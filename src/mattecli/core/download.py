"""Download of one file over HTTP: resumable, with limits on size and on slowness. No torch here.

Imported where something is fetched only: TLS and mail, which HTTP needs, take a tenth of the time of --help.
"""

import io
import os
import re
import time
import urllib.error
import urllib.request
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from pathlib import Path
from typing import Any, BinaryIO

from mattecli.core.pulling import Progress, SourceError
from mattecli.core.registry import WeightFile
from mattecli.errors import OutputError

TIMEOUT_SECONDS = 30.0
CHUNK = 1 << 18
LARGEST = 4 << 30
"""Bytes after which a download of unknown size is abandoned; the largest published checkpoint has a tenth of that."""
SLOWEST, PACE_SECONDS = 4096, 30.0
"""The least rate in bytes a second, on average over PACE_SECONDS, of an answer's headers and of its body."""

_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


def download(url: str, part: Path, file: WeightFile, report: Progress) -> None:
    """Append to `part` what is missing of it; a server that cannot resume sends everything and `part` begins anew.

    Raises SourceError when the server fails, OutputError when the disk does.
    """
    have = part.stat().st_size if part.is_file() else 0
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "mattecli", **({"Range": f"bytes={have}-"} if have else {})})
        with _opener().open(request, timeout=TIMEOUT_SECONDS) as response:
            begin, total = _announced(response, have, file)
            with _opened(part, append=begin > 0) as out:
                _drain(response, out, file, report, begin, total)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing left to send: the part is complete, or too long, which its hash shows
            return
        raise SourceError(f"HTTP {error.code} {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:  # ValueError: an invalid URL or header
        raise SourceError(_reason(error)) from error


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return f"sent nothing for {TIMEOUT_SECONDS:g} s; the next try goes on from there"
    if isinstance(reason, IncompleteRead):
        return "the connection closed before the end; the next try goes on from there"
    return str(reason) or type(reason).__name__


def _announced(response: HTTPResponse, have: int, file: WeightFile) -> tuple[int, int | None]:
    """The byte with which the answer begins, and the file's size, None where it is not stated. SourceError for an unexpected answer."""
    length = _count(response.headers.get("Content-Length"))
    begin, total = 0, length
    if response.status == 206:
        found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != have:
            raise SourceError(f"was asked for the bytes from {have} on and sends {response.headers.get('Content-Range', 'others')[:80]!r}")
        begin = have
        total = int(found[3]) if found[3] != "*" else None if length is None else have + length
    if file.bytes is not None and total not in (None, file.bytes):
        raise SourceError(f"offers {total} bytes, and {file.name} has {file.bytes}")
    if total is not None and total > LARGEST:
        raise SourceError(f"offers {total} bytes, more than the {LARGEST} of the largest file that is fetched")
    return begin, total if total is not None else file.bytes


def _count(header: str | None) -> int | None:
    """The value of a Content-Length; SourceError for anything but a number."""
    if header is None:
        return None
    if not re.fullmatch(r"\d{1,18}", header.strip(), re.ASCII):
        raise SourceError(f"sends the Content-Length {header[:80]!r}, which is no number of bytes")
    return int(header)


def _opened(part: Path, *, append: bool) -> BinaryIO:
    """The part, opened for writing without following a symbolic link."""
    if part.is_symlink():
        part.unlink()
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(part, flags, 0o666), "wb")


def _drain(response: HTTPResponse, out: BinaryIO, file: WeightFile, report: Progress, done: int, total: int | None) -> None:
    most = LARGEST if total is None else total
    while chunk := response.read1(CHUNK):
        done += len(chunk)
        if done > most:
            raise SourceError(f"sends more than the {most} bytes that {file.name} may have")
        try:
            out.write(chunk)
        except OSError as error:
            raise OutputError(f"{file.name} cannot be written ({error.strerror}); free some space, or set MATTE_HOME") from error
        report(file.name, done, total)
    if total is not None and done < total:
        raise SourceError(f"the connection closed after {done} of {total} bytes; the next try goes on from there")


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_Http, _Https)


class _PacedHandler(urllib.request.AbstractHTTPHandler):
    """A handler whose answers are paced from their first byte on."""

    def do_open(self, http_class: Any, req: urllib.request.Request, **http_conn_args: Any) -> HTTPResponse:
        def connect(host: str, **options: Any) -> HTTPConnection:
            connection: HTTPConnection = http_class(host, **options)
            connection.response_class = _PacedResponse
            return connection

        return super().do_open(connect, req, **http_conn_args)


class _Http(_PacedHandler, urllib.request.HTTPHandler):
    pass


class _Https(_PacedHandler, urllib.request.HTTPSHandler):
    pass


class _PacedResponse(HTTPResponse):
    """An answer that is paced; the headers and the body have a window each to begin with."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._stream = _PacedStream(self.fp.detach())
        self.fp = io.BufferedReader(self._stream)

    def begin(self) -> None:
        super().begin()
        self._stream.restart()


class _PacedStream(io.RawIOBase):
    """Raises SourceError once less than SLOWEST bytes a second have come, over PACE_SECONDS.

    A socket's timeout alone is none for an answer: it begins anew with each byte.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self.restart()

    def restart(self) -> None:
        self._begin, self._bytes = time.monotonic(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count: int | None = self._raw.readinto(buffer)
        self._check(count or 0)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()

    def _check(self, count: int) -> None:
        self._bytes += count
        seconds = time.monotonic() - self._begin
        if seconds >= PACE_SECONDS:
            if self._bytes < SLOWEST * seconds:
                raise SourceError(
                    f"sends {self._bytes / seconds:.0f} bytes a second, too slow to wait for; the next try goes on from there"
                )
            self.restart()
