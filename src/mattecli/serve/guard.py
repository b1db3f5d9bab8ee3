"""Checks of every request (token, host, origin), security headers of every response, and the metrics of requests."""

import hmac
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mattecli.serve.problems import RequestError
from mattecli.serve.settings import is_loopback

if TYPE_CHECKING:
    from mattecli.serve.service import Service

log = logging.getLogger("mattecli.serve")

PREFLIGHT = Response(status_code=204, headers={"Access-Control-Allow-Methods": "GET, POST"})
FAULT = RequestError(500, "the service failed, a fault of this program; its log says where")

OPEN_PATHS = ("/", "/healthz", "/readyz", "/openapi.json")
OPEN_FOLDER = "/page/"

DRAIN_SECONDS = 5.0
DRAIN_BYTES = 64_000_000

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, service: "Service") -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        def count(status: str) -> None:
            self._service.metrics.requests.labels(_route_of(scope), status).inc()

        exchange = _Exchange(receive, send, self._added_headers(scope), count)
        try:
            self._check(scope)
            app = PREFLIGHT if _is_preflight(scope) else self._app
            await app(scope, exchange.receive, exchange.send)
        except RequestError as problem:
            await exchange.drain(Headers(scope=scope))
            await problem.answer()(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            self._service.metrics.abandoned.inc()
        except Exception as error:
            log.error("%s %s failed", scope["method"], scope["path"], exc_info=error)
            if exchange.status is None:
                await FAULT.answer()(scope, exchange.receive, exchange.send)
        finally:
            if exchange.status is None:
                count("none")

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        self._check_host(headers)
        self._check_origin(headers)
        is_open = scope["path"] in OPEN_PATHS or scope["path"].startswith(OPEN_FOLDER) or _is_preflight(scope)
        if self._service.settings.token is not None and not is_open:
            _check_token(headers, self._service.settings.token)

    def _check_host(self, headers: Headers) -> None:
        """Refuse other host names: a foreign page may let its own name resolve to this machine (DNS rebinding)."""
        settings = self._service.settings
        if settings.is_local and settings.token is None and not is_loopback(_host_name(headers.get("host", ""))):
            raise RequestError(421, "this service answers to localhost and 127.0.0.1 only; call it by one of these")

    def _check_origin(self, headers: Headers) -> None:
        """Refuse forms from pages of other origins, which browsers mark with the Origin header."""
        origin = headers.get("origin")
        if origin is None or origin in self._service.settings.origins:
            return
        if origin.partition("://")[2] != headers.get("host"):
            raise RequestError(403, f"pages of {origin[:100]} may not use this service; start it with --allow-origin {origin[:100]}")

    def _added_headers(self, scope: Scope) -> Mapping[str, str]:
        origin = Headers(scope=scope).get("origin")
        if origin is None or origin not in self._service.settings.origins:
            return SECURITY_HEADERS
        return SECURITY_HEADERS | {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Headers": "Authorization, X-Api-Key",
            "Access-Control-Expose-Headers": "X-Matte-Record, Retry-After",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Vary": "Origin",
        }


class _Exchange:
    """Observes the messages of one request: whether its body has ended, and the status of the response.

    The status is counted before the response is sent, so that a client that received it finds it in the metrics.
    """

    def __init__(self, receive: Receive, send: Send, headers: Mapping[str, str], count: Callable[[str], None]) -> None:
        self._receive, self._send, self._headers, self._count = receive, send, headers, count
        self._ended = False
        self.status: int | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        self._ended = self._ended or message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._count(str(self.status))
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
        await self._send(message)

    async def drain(self, headers: Headers) -> None:
        """Read the rest of the request for a limited time, because a client that is cut off while it sends does not get the response.

        A client that waits for 100 Continue gets the response at once.
        """
        left = 0 if "expect" in headers else DRAIN_BYTES
        with anyio.move_on_after(DRAIN_SECONDS):
            while not self._ended and left > 0:
                message = await self.receive()
                left -= len(message.get("body", b""))


def _check_token(headers: Headers, token: str) -> None:
    kind, _, given = headers.get("authorization", "").partition(" ")
    sent = given.strip() if kind.lower() == "bearer" else headers.get("x-api-key", "")
    if not hmac.compare_digest(sent.encode(), token.encode()):
        raise RequestError(401, "the token is missing or wrong; send Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})


def _is_preflight(scope: Scope) -> bool:
    """Whether a request is a CORS preflight."""
    return scope["method"] == "OPTIONS" and "access-control-request-method" in Headers(scope=scope)


def _host_name(host: str) -> str:
    """The name in a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _route_of(scope: Scope) -> str:
    """The path of the matched route, so that paths with keys do not become separate metrics."""
    route = scope.get("route")
    return getattr(route, "path", "other") if route is not None else "other"
