"""Files by path or URL: local ones by themselves, others (s3://, gs://, az://, https://) through fsspec. No torch.

What is read from a URL is copied to a local folder first; what is written there is made locally and uploaded whole. Failures that may
pass (a server's 5xx, a lost connection) are tried again.
"""

import contextlib
import glob
import io
import os
import posixpath
import re
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from mattecli.errors import InputError, MatteError, OutputError, UsageError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

ATTEMPTS = 4
FIRST_PAUSE = 0.5
# An object appears there when its upload is complete; elsewhere a temporary name is renamed.
OBJECT_STORES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory")
READ_ONLY = ("http", "https")
_URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)

Done = TypeVar("Done")


def is_url(path: str) -> bool:
    """Whether a path is one that fsspec reads: it begins with a scheme and ://, and no local file is called so."""
    return _URL.match(path) is not None and not os.path.exists(path)


def scheme(url: str) -> str:
    return url.partition("://")[0].lower()


def check_url(url: str, *, written: bool = False, offline: bool = False) -> None:
    """UsageError for a scheme that is not known here or lacks its library, cannot be written, or needs a network that is not to be used."""
    if not is_url(url):
        return
    if offline and scheme(url) != "memory":
        raise UsageError(f"{url} needs a network, and --offline forbids one; drop one of them")
    if written and scheme(url) in READ_ONLY:
        raise UsageError(f"{url} cannot be written to; give a folder, or s3://, gs:// or az://")
    _filesystem(url)


@contextlib.contextmanager
def opened(path: str) -> Iterator[IO[bytes]]:
    """A file to read from, by path or URL."""
    if not is_url(path):
        with open(path, "rb") as stream:
            yield stream
        return
    system, name = _filesystem(path)
    with _explained(path, InputError), _again(lambda: system.open(name, "rb")) as stream, io.BufferedReader(stream) as buffered:
        yield buffered


def listed(url: str) -> list[str]:
    """The URLs of the files that a URL stands for: those below a folder, those that match a pattern with * or ?, or itself.

    Folders end in / or have no ending; at https:// there are none. Raises InputError.
    """
    if scheme(url) in READ_ONLY:
        return [url]
    system, name = _filesystem(url)
    with _explained(url, InputError):
        if glob.has_magic(name):
            names = _again(lambda: system.glob(name))
        elif url.endswith("/") or (not posixpath.splitext(name)[1] and _again(lambda: system.isdir(name))):
            names = _again(lambda: system.find(name))
        else:
            return [url]
    return [f"{scheme(url)}://{found.lstrip('/')}" for found in sorted(names) if not found.endswith("/")]


def fetched(path: str, folder: Path) -> str:
    """A local file that holds what is at a path or URL: itself, or a copy in `folder`. Raises InputError."""
    if not is_url(path):
        return path
    system, name = _filesystem(path)
    copy = folder / f"{secrets.token_hex(4)}-{posixpath.basename(name.rstrip('/'))[-100:]}"
    with _explained(path, InputError):
        _again(lambda: system.get_file(name, str(copy)))
    return str(copy)


def delivered(made: Path, url: str) -> None:
    """Upload a finished file to its URL, where it appears whole or not at all. Raises OutputError."""
    system, name = _filesystem(url)
    with _explained(url, OutputError):
        if scheme(url) in OBJECT_STORES:
            _again(lambda: system.put_file(str(made), name))
            return
        part = f"{posixpath.dirname(name)}/.{secrets.token_hex(8)}.part"
        system.makedirs(posixpath.dirname(name), exist_ok=True)
        try:
            _again(lambda: system.put_file(str(made), part))
            _again(lambda: system.mv(part, name))
        finally:
            with contextlib.suppress(Exception):
                system.rm_file(part)


def status(url: str) -> dict[str, Any] | None:
    """The version of an object: its size, and its etag or time. None where it does not exist. Raises InputError."""
    system, name = _filesystem(url)
    try:
        with _explained(url, InputError):
            about = _again(lambda: system.info(name))
    except InputError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    found: dict[str, Any] = {"size": about.get("size")}
    for word in ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "mtime", "created"):
        if about.get(word) is not None:
            return {**found, "version": str(about[word])}
    return found


def _filesystem(url: str) -> "tuple[AbstractFileSystem, str]":
    try:
        import fsspec
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise UsageError(f"{url} needs fsspec; pip install 'mattecli[cloud]'") from error
    if scheme(url) not in fsspec.available_protocols():
        raise UsageError(f"{url}: there is no storage called {scheme(url)}://; use s3://, gs://, az:// or https://")
    try:
        system, name = url_to_fs(url, use_listings_cache=False, skip_instance_cache=False)
    except ImportError as error:
        raise UsageError(f"{scheme(url)}:// needs a library that is missing ({error}); pip install 'mattecli[cloud]'") from error
    return system, name


def _again(work: Callable[[], Done]) -> Done:
    """The result of `work`, tried up to ATTEMPTS times; missing and forbidden files are raised at once."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return work()
        except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, NotImplementedError):
            raise
        except Exception as error:
            if not _may_pass(error):
                raise
            time.sleep(FIRST_PAUSE * 2**attempt)
    return work()


def _may_pass(error: Exception) -> bool:
    """Whether an error looks like a temporary one of the server or the network. Cloud libraries share no error class."""
    number = getattr(error, "status", None) or getattr(getattr(error, "response", None), "status_code", None)
    return isinstance(error, OSError) or "timeout" in type(error).__name__.lower() or (isinstance(number, int) and number >= 500)


@contextlib.contextmanager
def _explained(url: str, kind: type[MatteError]) -> Iterator[None]:
    """An error of the storage library as one sentence."""
    try:
        yield
    except MatteError:
        raise
    except FileNotFoundError as error:
        place = "bucket" if "bucket" in str(error).lower() else "file"
        raise kind(f"there is no {place} for {url}; check the address") from error
    except PermissionError as error:
        raise kind(f"{url} is not allowed ({error}); check the credentials and the rights of the bucket") from error
    except Exception as error:
        verb = "read" if kind is InputError else "written"
        raise kind(
            f"{url} cannot be {verb} ({str(error) or type(error).__name__}); check the address, the network and the credentials"
        ) from error
