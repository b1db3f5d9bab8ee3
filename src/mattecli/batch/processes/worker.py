"""A worker process: it opens the models once, then makes the items that it is sent and answers with their records."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from mattecli.batch.gate import gate
from mattecli.batch.items import Item, Run, Settings
from mattecli.errors import MatteError

# The kernel's killer, when memory is short, takes a worker rather than the process that keeps the results.
_OOM_SCORE = "500"


@dataclass(frozen=True)
class Plan:
    """What a worker is told at its start.

    opener: opens what makes items. settings: those of the first item, opened before it comes; lenient: whether they may fail, since other
    items have others. workers: how many items are made at once in all, None for what suits the device.
    scratch: a folder for copies of remote files. environment: variables to set, where the process does not inherit them.
    """

    opener: "Opener"
    run: Run
    settings: Settings
    lenient: bool = False
    workers: int | None = None
    checksum: bool = False
    scratch: str | None = None
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Ready:
    """What a worker says when its models are open.

    processes: how many such workers to run. slots: how many items each makes at once; ahead: how many more it may have in hand, to be read
    and written while those are computed.
    """

    device: str
    processes: int
    slots: int
    ahead: int = 0


@dataclass(frozen=True)
class Done:
    number: int
    record: dict[str, Any]


@dataclass(frozen=True)
class Broken:
    """The models could not be opened."""

    error: MatteError


@dataclass(frozen=True)
class Download:
    name: str
    done: int
    total: int | None


@dataclass(frozen=True)
class Frames:
    """How many frames of a clip are done, and there are in all where that is known."""

    clip: str
    done: int
    total: int | None


@dataclass(frozen=True)
class Told:
    text: str


Send = Callable[[object], None]
Make = Callable[[Item], dict[str, Any]]
Opener = Callable[[Plan, Send], tuple[Make, Ready]]
"""Opens the models of a plan in a worker; sends Told and Download meanwhile, Frames later. Importable by name, for processes get it."""


def serve(connection: Connection, plan: Plan) -> None:
    """Be a worker until the connection ends.

    Messages in: (number, Item), or None to end when what is being written is told.
    Messages out: Told, Download, then Ready or Broken, then Frames and Done.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # also sent to all processes of a session; the main process ends its workers
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write(_OOM_SCORE)
    if plan.environment is not None:
        os.environ.clear()
        os.environ.update(plan.environment)
    send = _locked(connection)
    try:
        make, ready = plan.opener(plan, send)
    except MatteError as error:
        return send(Broken(error))
    send(ready)
    _work(connection, send, make, ready.slots + ready.ahead)


def _locked(connection: Connection) -> Send:
    turn = threading.Lock()

    def send(message: object) -> None:
        with turn, contextlib.suppress(OSError):  # the main process is gone
            connection.send(message)

    return send


def _work(connection: Connection, send: Send, make: Make, slots: int) -> None:
    """Make what comes. When the main process goes away the worker ends at once; whoever comes next removes what it leaves half-written."""

    def attempt(number: int, item: Item) -> None:
        try:
            send(Done(number, make(item)))
        finally:
            gate.leave()

    pool = ThreadPoolExecutor(slots, thread_name_prefix="item")
    while True:
        try:
            message = connection.recv()
        except (EOFError, OSError):
            os._exit(1)
        if message is None:
            gate.close()
            os._exit(0)
        pool.submit(attempt, *message)
