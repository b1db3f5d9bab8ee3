"""A worker process as seen by the main process: its items, its start and how it ended. No torch here."""

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
    """An item that was sent to a worker."""

    item: Item
    attempt: int
    begun: float


@dataclass
class Worker:
    """A worker process.

    slots: the number of items it may hold, 0 before it is ready. alone: whether it may hold only one now. late: whether it was stopped
    because an item exceeded the timeout.
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
        """Its unread messages. Raises EOFError or OSError once it has exited and all messages were read."""
        while self.connection.poll():
            yield self.connection.recv()

    def dismiss(self) -> None:
        """Ask it to end as soon as results being written are reported."""
        with contextlib.suppress(OSError):  # it is gone
            self.connection.send(None)

    def end(self) -> None:
        """Kill it and remove its incomplete files."""
        self.process.kill()
        self.process.join()
        self.sweep()

    def sweep(self) -> None:
        """Remove the incomplete files beside its outputs; the process must have exited."""
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
    """A multiprocessing context whose processes inherit nothing of this one: from a fork server that has torch in memory, else spawned."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mattecli.batch.processes.preload"])
    return context
