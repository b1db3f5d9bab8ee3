"""A worker process as the main process sees it: what it has in hand, how it begins and how it ended. No torch here."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from mattecli.batch.items import Item
from mattecli.batch.processes.worker import Plan, serve
from mattecli.batch.storage import is_url
from mattecli.io.parts import sweep


@dataclass
class Flight:
    """An item that a worker has in hand."""

    item: Item
    attempt: int
    begun: float


@dataclass
class Worker:
    """A worker process.

    slots: how many items it may have in hand, none before it is ready. alone: whether only one now. late: whether it was stopped over an
    item that took too long.
    """

    process: BaseProcess
    connection: Connection
    slots: int = 0
    flights: dict[int, Flight] = field(default_factory=dict)
    alone: bool = False
    late: bool = False

    @property
    def free(self) -> bool:
        return len(self.flights) < self.slots and not (self.alone and self.flights)

    def messages(self) -> Iterator[object]:
        """What it has said and nobody has read. Raises EOFError or OSError once it is gone and all that it sent has come."""
        while self.connection.poll():
            yield self.connection.recv()

    def dismiss(self) -> None:
        """Ask it to end when it has told what it is writing."""
        with contextlib.suppress(OSError):  # it is gone
            self.connection.send(None)

    def end(self) -> None:
        """End it at once; what it was writing is removed."""
        self.process.kill()
        self.process.join()
        self.sweep()

    def sweep(self) -> None:
        """Remove what it left half-written beside its outputs, now that it is dead."""
        for flight in self.flights.values():
            if not is_url(flight.item.output):
                sweep(Path(flight.item.output).absolute().parent)

    @property
    def ending(self) -> str:
        """How the process ended, in words."""
        code = self.process.exitcode or 0
        if code >= 0:
            return f"exit code {code}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"{name}, as the system does when memory is short" if name == "SIGKILL" and os.name == "posix" else name


def start_worker(context: Any, plan: Plan) -> Worker:
    """A new worker, which opens the plan's models; context: of clean_processes."""
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, plan), daemon=True)
    process.start()
    theirs.close()
    return Worker(process, ours)


def clean_processes() -> Any:
    """Processes that begin clean: from a server that has torch in memory where the system forks, else from nothing."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mattecli.batch.processes.preload"])
    return context
