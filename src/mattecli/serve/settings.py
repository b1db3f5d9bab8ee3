"""The settings of a service, checked before anything is loaded."""

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path

from mattecli.errors import InputError, UsageError
from mattecli.io.files import reading

SHORTEST_TOKEN = 16
_POWERS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}


@dataclass(frozen=True)
class Settings:
    """The settings of a service.

    model: the model for requests that name none; None for the best installed one for their guides. max_bytes: the limit of a request's
    body. max_pixels: the limit of a picture. queue: the number of requests that may wait while another is computed. timeout: seconds for
    an upload, and again from the upload's end to the result. token: the token required of clients, None for none. origins: web origins
    whose pages may call the service. may_pull: whether a missing model named by a client is downloaded.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    model: str | None = None
    device: str = "auto"
    max_bytes: int = 50_000_000
    max_pixels: int = 50_000_000
    queue: int = 16
    timeout: float = 120.0
    token: str | None = field(default=None, repr=False)
    origins: tuple[str, ...] = ()
    may_pull: bool = False

    @property
    def is_local(self) -> bool:
        """Whether only programs on this machine reach the service."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is a loopback one."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_reach(settings: Settings, *, no_token: bool) -> None:
    """UsageError for a service that other machines could use without a token, unless `no_token`."""
    if settings.is_local or settings.token is not None or no_token:
        return
    raise UsageError(
        f"--host {settings.host} lets other machines use this service; give --token-file FILE, or --no-token if anyone there may use it"
    )


def read_token(file: str) -> str:
    """The token in a file, stripped of white space. Raises InputError for an empty one and for one that is easily guessed."""
    with reading(file):
        token = Path(file).read_text(encoding="ascii", errors="replace").strip()
    if len(token) < SHORTEST_TOKEN or not re.fullmatch(r"[!-~]+", token):
        raise InputError(
            f"{file} holds no token of at least {SHORTEST_TOKEN} ASCII characters without spaces; make one with: openssl rand -hex 24"
        )
    return token


def parse_amount(text: str, flag: str) -> int:
    """The whole number in a text such as 50M or 800000. UsageError for other and for empty texts."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMG]?)", text.strip().upper())
    amount = int(float(match[1]) * _POWERS[match[2]]) if match else 0
    if amount < 1:
        raise UsageError(f"{flag} {text} is no amount; give one such as 50M")
    return amount


def check_origin(origin: str) -> str:
    """A web origin such as https://example.org; UsageError for anything else."""
    if not re.fullmatch(r"https?://[^/\s?#]+", origin):
        raise UsageError(f"--allow-origin {origin} is no origin; give one such as https://example.org")
    return origin
