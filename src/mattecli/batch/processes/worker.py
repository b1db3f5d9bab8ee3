"""A worker process: opens the models once, makes the items that it receives, and sends their records back."""

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
from mattecli.core.tuning.interrupts import INTERRUPTS
from mattecli.errors import MatteError

# When memory runs out, the kernel kills a worker rather than the main process, which holds the results.
_OOM_SCORE = "500"


@dataclass(frozen=True)
class Plan:
    """The parameters of a worker.

    opener: opens the models and returns the function that makes an item. settings: those of the first item, opened at the start; lenient:
    whether opening them may fail, because other items have other settings. workers: the number of items made at once by all workers, None
    for the device's default. checksum: as Maker takes it. scratch: a folder for copies of remote files. environment: variables to set,
    where the process does not inherit them.
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
    """The first message of a worker whose models are open.

    processes: the number of workers to run. slots: the number of items that each computes at once; ahead: the number of further items it
    may hold, which are read and written meanwhile.
    """

    device: str
    processes: int
    slots: int
    ahead: int = 0


@dataclass(frozen=True)
class Done:
    """The record of an item, by the number that it was sent with."""

    number: int
    record: dict[str, Any]


@dataclass(frozen=True)
class Broken:
    """The models could not be opened."""

    error: MatteError


@dataclass(frozen=True)
class Download:
    """The progress of a download: bytes done, and in total where that is known."""

    name: str
    done: int
    total: int | None


@dataclass(frozen=True)
class Frames:
    """The progress of a clip: frames done, and in total where that is known."""

    clip: str
    done: int
    total: int | None


@dataclass(frozen=True)
class Told:
    """A note for the user."""

    text: str


Send = Callable[[object], None]
Make = Callable[[Item], dict[str, Any]]
Opener = Callable[[Plan, Send], tuple[Make, Ready]]
"""Opens the models of a plan in a worker; sends Told and Download meanwhile, Frames later. It is pickled, so it is importable by name."""


def serve(connection: Connection, plan: Plan) -> None:
    """Run a worker until the connection ends.

    Messages in: (number, Item), or None to end as soon as results being written are reported.
    Messages out: Told, Download, then Ready or Broken, then Frames and Done.
    """
    for number in INTERRUPTS:  # also sent to all processes of a session; the main process ends its workers
        signal.signal(number, signal.SIG_IGN)
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
    """Make the received items. Without a main process the worker exits at once; the next run removes its incomplete files."""

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
