"""The uvicorn server of the service: sockets, signals and timeouts of slow clients."""

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from mattecli.errors import UsageError
from mattecli.serve.app import build_app
from mattecli.serve.service import Service
from mattecli.serve.settings import Settings

HEADER_SECONDS = 20.0
"""How long a connection may take to send a request's headers."""

READER_SECONDS = 60.0
"""How long a client may take nothing of an answer that is ready for it."""

MOST_CONNECTIONS = 512
"""Connections at the same time; more are answered 503 by uvicorn."""


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that closes connections which neither complete their header nor read their response."""

    _header_timer: asyncio.TimerHandle | None = None
    _reader_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_header()

    def data_received(self, data: bytes) -> None:
        if self._header_timer is None and (self.cycle is None or self.cycle.response_complete):
            self._await_header()
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            _stop(self._header_timer)
            self._header_timer = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reader_timer = self.loop.call_later(READER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        _stop(self._reader_timer)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        _stop(self._header_timer)
        _stop(self._reader_timer)
        super().connection_lost(exc)

    def _await_header(self) -> None:
        self._header_timer = self.loop.call_later(HEADER_SECONDS, self.transport.close)


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


class Server(uvicorn.Server):
    """A server that on a signal finishes running requests and answers new ones with 503. A second signal stops it at once."""

    def __init__(self, settings: Settings) -> None:
        app = build_app(settings)
        self.service: Service = app.state.service
        super().__init__(
            uvicorn.Config(
                app,
                http=PatientProtocol,
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=10,
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.force_exit or self.should_exit
        self.stop()

    def stop(self) -> None:
        """Refuse new requests and exit when all running ones are answered."""
        self.service.is_leaving = True
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        is_leaving = await super().on_tick(counter)
        return is_leaving and (self.force_exit or self.service.is_idle)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle terminating signals without raising them again afterwards, so that a requested stop exits with 0."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(settings: Settings, on_ready: Callable[[str], None]) -> None:
    """Serve until a signal. on_ready: called with the address once requests are accepted. Raises MatteError."""
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # one line per refused connection would fill the log
    listener = listen(settings.host, settings.port)
    server = Server(settings)
    try:
        server.service.warm()
        on_ready(address_of(listener))
        server.run(sockets=[listener])
    finally:
        server.service.close()
        listener.close()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. UsageError for an address that cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        said = getattr(error, "strerror", None) or error
        raise UsageError(f"the service cannot listen at {host}:{port} ({said}); choose another --host or --port") from error


def address_of(listener: socket.socket) -> str:
    """The URL for a browser."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
