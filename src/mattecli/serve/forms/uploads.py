"""Multipart bodies, streamed into files of a temporary folder.

A file is named after its form field: neither the name that a client gives it nor a path or URL of a client is ever used.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

import anyio
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from mattecli.serve.forms.fields import Field
from mattecli.serve.problems import RequestError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MOST_TEXT = 64 * 1024
"""Bytes of all text fields together."""

IDLE_SECONDS = 20.0
"""How long a client may send nothing."""


@dataclass(frozen=True)
class Form:
    """A request's fields: texts, and the paths of uploaded files."""

    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)


async def receive_form(request: Request, folder: Path, fields: Mapping[str, Field], *, max_bytes: int, seconds: float) -> Form:
    """Read a request's form into `folder`, which must exist. Raises RequestError; files written so far stay in the folder."""
    kind, parameters = parse_options_header(request.headers.get("content-type"))
    boundary = parameters.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise RequestError(415, "the body is no form; send multipart/form-data, as curl -F does")
    _check_length(request.headers.get("content-length"), max_bytes)
    with contextlib.closing(_FormWriter(folder, fields)) as writer:
        try:
            parser = MultipartParser(boundary, writer.callbacks())
            async for chunk in _within(request.stream(), max_bytes=max_bytes, seconds=seconds):
                parser.write(chunk)
            parser.finalize()
        except FormParserError as error:
            raise RequestError(400, f"the form is damaged ({error}); send it as multipart/form-data") from error
        if not writer.ended:
            raise RequestError(400, "the form is cut off before its last boundary; send it again")
    return writer.form()


def _check_length(header: str | None, max_bytes: int) -> None:
    if header is not None and header.isdecimal() and int(header) > max_bytes:
        raise too_large(max_bytes)


def too_large(max_bytes: int) -> RequestError:
    return RequestError(413, f"the request is larger than the {max_bytes} bytes this service takes; send smaller files")


async def _within(stream: AsyncIterator[bytes], *, max_bytes: int, seconds: float) -> AsyncIterator[bytes]:
    """The chunks of a body within limits of size and time."""
    total, deadline = 0, anyio.current_time() + seconds
    while True:
        try:
            with anyio.fail_after(min(IDLE_SECONDS, deadline - anyio.current_time())):
                chunk = await anext(stream, None)
        except TimeoutError as error:
            raise RequestError(408, "the upload was too slow; send it over a faster connection or make the files smaller") from error
        if chunk is None:
            return
        total += len(chunk)
        if total > max_bytes:
            raise too_large(max_bytes)
        yield chunk


class _FormWriter:
    """Writes the parts of a form as they are parsed."""

    def __init__(self, folder: Path, fields: Mapping[str, Field]) -> None:
        self._folder, self._fields = folder, fields
        self._texts: dict[str, bytearray] = {}
        self._files: dict[str, Path] = {}
        self._room = MOST_TEXT
        self._header_name, self._header_value, self._disposition = b"", b"", b""
        self._stream: IO[bytes] | None = None
        self._text: bytearray | None = None
        self.ended = False

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_begin": self._begin_header,
            "on_header_field": lambda data, start, end: self._add_header(data[start:end], b""),
            "on_header_value": lambda data, start, end: self._add_header(b"", data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": self._write,
            "on_part_end": self.close,
            "on_end": self._end,
        }

    def form(self) -> Form:
        """The form without empty files, which browsers send for empty inputs."""
        return Form(
            {name: _decoded(name, text) for name, text in self._texts.items() if text.strip()},
            {name: path for name, path in self._files.items() if path.stat().st_size > 0},
        )

    def close(self) -> None:
        """Close the file of the current part."""
        if self._stream is not None:
            self._stream.close()
        self._stream = self._text = None

    def _begin(self) -> None:
        self._disposition = b""

    def _begin_header(self) -> None:
        self._header_name, self._header_value = b"", b""

    def _add_header(self, name: bytes, value: bytes) -> None:
        self._header_name += name
        self._header_value += value

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value

    def _open(self) -> None:
        _, parameters = parse_options_header(self._disposition)
        name = parameters.get(b"name", b"").decode("ascii", "replace")
        expected = self._fields.get(name)
        if expected is None:
            raise RequestError(400, f"there is no field {name[:40]!r}; the fields are {', '.join(self._fields)}")
        if name in self._files or (name in self._texts and not expected.many):
            raise RequestError(400, f"the field {name} comes twice; send it once")
        if expected.holds_file(named=b"filename" in parameters):
            self._files[name] = self._folder / name
            self._stream = self._files[name].open("xb")
        elif b"filename" in parameters:
            raise RequestError(400, f"the field {name} holds a text; send it without a file name")
        else:
            self._text = self._texts.setdefault(name, bytearray())
            if self._text:
                self._text += b"\n"

    def _write(self, data: bytes, start: int, end: int) -> None:
        if self._stream is not None:
            self._stream.write(data[start:end])
        elif self._text is not None:
            self._room -= end - start
            if self._room < 0:
                raise RequestError(413, f"the text fields hold more than {MOST_TEXT} bytes; send pictures as files")
            self._text += data[start:end]

    def _end(self) -> None:
        self.ended = True


def _decoded(name: str, text: bytearray) -> str:
    try:
        return text.decode().strip()
    except UnicodeDecodeError as error:
        raise RequestError(400, f"the field {name} is not UTF-8; send it as UTF-8") from error
