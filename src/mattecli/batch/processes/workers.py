"""A pool of worker processes. An item that kills its worker or exceeds the timeout fails alone.

An item whose worker died is tried once more, alone in a worker, because another item or a temporary lack of memory may have been the
cause. No torch here.
"""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any

from mattecli.batch.identity import identity_of
from mattecli.batch.items import Item
from mattecli.batch.journal import blank_record, failure
from mattecli.batch.processes.worker import Broken, Done, Download, Frames, Plan, Ready, Told
from mattecli.batch.processes.worker_process import Flight, Worker, clean_processes, start_worker
from mattecli.errors import MatteError

POLL_SECONDS = 0.5
GRACE_SECONDS = 1.0
WRITING_SECONDS = 5.0
"""The time allowed for writing the current results when a batch ends early."""
MOST_ATTEMPTS = 2

Record = dict[str, Any]


@dataclass
class _Waiting:
    """An item whose worker died. attempt: the number of the next attempt; alone: whether its worker may hold no other item meanwhile."""

    item: Item
    attempt: int
    alone: bool


class Pool:
    """Worker processes for one batch, used as a context manager. timeout: the maximum seconds for an item, or None.

    tell: called with each note for the user. on_download: called with (file, bytes, total bytes or None), on_frames with (clip, frames
    done, total frames or None). check: called repeatedly between items; an exception that it raises ends the batch.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        timeout: float | None = None,
        tell: Callable[[str], None] = lambda text: None,
        on_download: Callable[[str, int, int | None], None] | None = None,
        on_frames: Callable[[str, int, int | None], None] | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._plan = plan
        self._timeout = timeout
        self._tell = tell
        self._on_download = on_download
        self._on_frames = on_frames
        self._check = check
        self._context = clean_processes()
        self.workers: list[Worker] = []
        self._again: deque[_Waiting] = deque()
        self._number = 0
        self._wanted = 1
        self._told: set[str] = set()
        self.ready: Ready | None = None

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    def run(self, items: Iterator[Item | None]) -> Iterator[tuple[Item, Record]]:
        """Each item with its record, as it ends. None in the iterator of items means that no item is available yet.

        Models are opened with the first item; errors while opening them are raised.
        """
        for first in items:
            self._begin(first)
            yield from self._run(chain([first], items))

    def drain(self) -> Iterator[tuple[Item, Record]]:
        """The items that end within GRACE_SECONDS after `run` was left early. Then the workers end; every written result is included."""
        end = time.monotonic() + GRACE_SECONDS
        while self._flying() and (left := end - time.monotonic()) > 0:
            yield from self._events(left)
        for worker in self.workers:
            worker.dismiss()
        end = time.monotonic() + WRITING_SECONDS
        for worker in self.workers:
            worker.process.join(max(0.0, end - time.monotonic()))
            worker.end()
            with contextlib.suppress(EOFError, OSError):
                for message in worker.messages():
                    yield from self._handled(worker, message)

    def _begin(self, first: Item | None) -> None:
        """Start the first worker and wait until its models are open."""
        if first is not None:
            lenient = first.settings.opens != self._plan.settings.opens
            self._plan = replace(self._plan, settings=first.settings, lenient=lenient)
        self._start()
        while self.ready is None:
            self._check()
            for _ in self._events(POLL_SECONDS):
                pass

    def _run(self, items: Iterator[Item | None]) -> Iterator[tuple[Item, Record]]:
        more = True
        while more or self._again or self._flying():
            self._check()
            more = self._feed(items) if more else self._feed(iter(()))
            yield from self._events(self._pause())

    def _flying(self) -> bool:
        return any(worker.flights for worker in self.workers)

    def _feed(self, items: Iterator[Item | None]) -> bool:
        """Send items to every free worker; False once there are no more items."""
        while (worker := self._free()) is not None:
            if self._again:
                waiting = self._again.popleft()
                if waiting.alone and worker.flights:
                    self._again.appendleft(waiting)
                    return True
                worker.alone = waiting.alone
                self._send(worker, waiting.item, waiting.attempt)
                continue
            try:
                item = next(items)
            except StopIteration:
                return False
            if item is None:
                return True
            worker.alone = False
            self._send(worker, item, 1)
        return True

    def _free(self) -> Worker | None:
        free = [worker for worker in self.workers if worker.free]
        return min(free, key=lambda worker: len(worker.flights)) if free else None

    def _send(self, worker: Worker, item: Item, attempt: int) -> None:
        self._number += 1
        worker.flights[self._number] = Flight(item, attempt, time.monotonic())
        with contextlib.suppress(OSError):  # it has just died; _events will notice
            worker.connection.send((self._number, item))

    def _pause(self) -> float:
        if self._timeout is None or not self._flying():
            return POLL_SECONDS
        oldest = min(flight.begun for worker in self.workers for flight in worker.flights.values())
        return min(POLL_SECONDS, max(0.01, oldest + self._timeout - time.monotonic()))

    def _events(self, seconds: float) -> Iterator[tuple[Item, Record]]:
        """Handle the messages of the workers for at most so many seconds."""
        ready = wait([*(worker.connection for worker in self.workers), *(worker.process.sentinel for worker in self.workers)], seconds)
        for worker in list(self.workers):
            if worker.connection in ready or worker.process.sentinel in ready:
                yield from self._heard(worker)
        if self._timeout is not None:
            self._stop_late(self._timeout)

    def _heard(self, worker: Worker) -> Iterator[tuple[Item, Record]]:
        try:
            for message in worker.messages():
                yield from self._handled(worker, message)
        except (EOFError, OSError):  # raised when it has exited and all its messages were read
            worker.process.join()
            yield from self._lost(worker)

    def _handled(self, worker: Worker, message: object) -> Iterator[tuple[Item, Record]]:
        if isinstance(message, Done):
            yield worker.flights.pop(message.number).item, message.record
        elif isinstance(message, Ready):
            self._became_ready(worker, message)
        elif isinstance(message, Broken):
            if self.ready is None:
                raise message.error
            self._tell(f"a worker process could not begin ({message.error})")
        elif isinstance(message, Told):
            self._tell_once(message.text)
        elif isinstance(message, Download) and self._on_download is not None:
            self._on_download(message.name, message.done, message.total)
        elif isinstance(message, Frames) and self._on_frames is not None:
            self._on_frames(message.clip, message.done, message.total)

    def _tell_once(self, text: str) -> None:
        """Pass a note on once, although several workers send it."""
        if text not in self._told:
            self._told.add(text)
            self._tell(text)

    def _became_ready(self, worker: Worker, ready: Ready) -> None:
        # With a timeout no item waits in a worker, because the wait would count as its time.
        worker.slots = ready.slots + (ready.ahead if self._timeout is None else 0)
        if self.ready is None:
            self.ready = ready
            self._wanted = ready.processes
            for _ in range(ready.processes - 1):
                self._start()

    def _lost(self, worker: Worker) -> Iterator[tuple[Item, Record]]:
        """Handle a worker's death: its items are tried again or have failed, and another worker is started."""
        self.workers.remove(worker)
        worker.connection.close()
        worker.sweep()
        if worker.slots == 0:
            self._lost_at_start(worker)
        for flight in worker.flights.values():
            yield from self._settled(worker, flight, alone=len(worker.flights) == 1)
        if len(self.workers) < self._wanted:
            self._start()

    def _lost_at_start(self, worker: Worker) -> None:
        self._wanted -= 1
        if self._wanted < 1:
            raise MatteError(
                f"the worker process ended with {worker.ending} while the model was loaded; "
                "free some memory, or run one picture alone to see why"
            )
        self._tell(f"a worker process ended with {worker.ending} while the model was loaded; {self._wanted} go on")

    def _settled(self, worker: Worker, flight: Flight, *, alone: bool) -> Iterator[tuple[Item, Record]]:
        late = self._timeout is not None and time.monotonic() - flight.begun >= self._timeout
        if worker.late and not late:
            self._again.append(_Waiting(flight.item, flight.attempt, alone=False))
        elif worker.late:
            yield flight.item, self._failed(flight, "TimedOut", f"took longer than {self._timeout:g} s and was stopped")
        elif alone and flight.attempt >= MOST_ATTEMPTS:
            said = f"ended its worker process twice, with {worker.ending}"
            yield flight.item, self._failed(flight, "WorkerDied", said)
        else:
            # With several items in the worker the cause is unknown.
            self._again.append(_Waiting(flight.item, flight.attempt + alone, alone=True))

    def _failed(self, flight: Flight, kind: str, said: str) -> Record:
        item = flight.item
        record = blank_record(item, self._plan.run)
        with contextlib.suppress(MatteError):  # the storage does not respond
            record["identity"] = identity_of(item, checksum=self._plan.checksum)
        return record | {"seconds": round(time.monotonic() - flight.begun, 4)} | failure(kind, f"{item.input} {said}")

    def _stop_late(self, timeout: float) -> None:
        now = time.monotonic()
        for worker in self.workers:
            if any(now - flight.begun >= timeout for flight in worker.flights.values()):
                worker.late = True
                worker.process.kill()

    def _start(self) -> None:
        self.workers.append(start_worker(self._context, self._plan))

    def _end(self) -> None:
        for worker in self.workers:
            worker.process.kill()  # all of them, before the first is waited for
        for worker in self.workers:
            worker.end()
            worker.connection.close()
        self.workers.clear()
