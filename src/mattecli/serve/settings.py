"""How a service is set up, checked before anything is loaded."""

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
    """What a service may do.

    model: the model for requests that name none; None for the best installed one that fits the guides. max_bytes: of one request's body.
    max_pixels: of one picture. queue: requests that may wait while another is computed. timeout: seconds for an upload, and again from
    the upload's end to the result. token: what a client must send, None for nothing. origins: web origins whose pages may call the
    service. may_pull: whether a model that a client names is downloaded when it is missing.
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
    """Whether a host name or address means this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_reach(settings: Settings, *, no_token: bool) -> None:
    """UsageError for a service that other machines could use without a token, unless that was asked for."""
    if settings.is_local or settings.token is not None or no_token:
        return
    raise UsageError(
        f"--host {settings.host} lets other machines use this service; give --token-file FILE, or --no-token if anyone there may use it"
    )


def read_token(file: str) -> str:
    """The token in a file, without the white space around it. Raises InputError for none and for one that is easily guessed."""
    with reading(file):
        token = Path(file).read_text(encoding="ascii", errors="replace").strip()
    if len(token) < SHORTEST_TOKEN or not re.fullmatch(r"[!-~]+", token):
        raise InputError(
            f"{file} holds no token of at least {SHORTEST_TOKEN} ASCII characters without spaces; make one with: openssl rand -hex 24"
        )
    return token


def parse_amount(text: str, flag: str) -> int:
    """A whole number such as 50M or 800000; UsageError for anything else and for nothing."""
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
