"""A client of the service that can be as rude as it likes: plain sockets and http.client."""

import http.client
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mattecli.serve.server import Server

BOUNDARY = "a-boundary-between-parts"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@dataclass(frozen=True)
class Answer:
    """status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Client:
    """Asks the service at `address`; `server` is the service itself, to look behind the scenes."""

    address: str
    server: Server

    @property
    def place(self) -> tuple[str, int]:
        parts = urlsplit(self.address)
        assert parts.hostname is not None and parts.port is not None
        return parts.hostname, parts.port

    @property
    def temporary_files(self) -> list[Path]:
        """Files of requests; those of linked results do not count."""
        root = self.server.service.root
        # os.walk passes over folders that go while it looks.
        paths = [Path(folder, name) for folder, folders, files in os.walk(root) for name in (*folders, *files)]
        return [path for path in paths if root / "results" not in (path, *path.parents)]

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask("GET", path, None, headers or {})

    def post(self, path: str, fields: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
        """Send a form: paths and bytes as files, all else as text."""
        return self.ask("POST", path, form(fields), {**FORM, **(headers or {})})

    def ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection(*self.place, timeout=60)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def socket(self) -> socket.socket:
        return socket.create_connection(self.place, timeout=60)


def form(fields: Mapping[str, Any], names: Mapping[str, str] | None = None) -> bytes:
    """A multipart body; `names` gives files other names than their fields'."""
    parts = [_part(name, value, (names or {}).get(name, name)) for name, value in fields.items()]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def _part(name: str, value: Any, file_name: str) -> bytes:
    data = value.read_bytes() if isinstance(value, Path) else value
    if isinstance(data, bytes):
        head = f'Content-Disposition: form-data; name="{name}"; filename="{file_name}"\r\nContent-Type: application/octet-stream'
    else:
        head, data = f'Content-Disposition: form-data; name="{name}"', str(value).encode()
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + data + b"\r\n"


def request_head(path: str, length: int | None, **headers: str) -> bytes:
    """The head of a POST of a form, for sockets."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {FORM['Content-Type']}"]
    lines += [f"Content-Length: {length}"] if length is not None else ["Transfer-Encoding: chunked"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def status_of(connection: socket.socket) -> int | None:
    """The status of the answer on a socket; None where the connection was closed without one."""
    received = b""
    while b"\r\n" not in received:
        chunk = connection.recv(4096)
        if not chunk:
            return None
        received += chunk
    return int(received.split()[1])
