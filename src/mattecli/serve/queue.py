"""A queue of computations that run one after the other, with a bounded number of waiting requests."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from mattecli.serve.problems import RequestError, busy
from mattecli.serve.workspace import Workspace

Work = TypeVar("Work")
Made = TypeVar("Made")

LONGEST_RETRY = 60.0


@dataclass(eq=False)
class _Ticket(Generic[Work, Made]):
    work: Work
    workspace: Workspace
    future: "asyncio.Future[Made]"


@dataclass
class _Pace:
    """The moving average of the seconds of a computation."""

    seconds: float = 2.0

    def add(self, seconds: float) -> None:
        self.seconds += 0.2 * (seconds - self.seconds)


@dataclass
class WorkQueue(Generic[Work, Made]):
    """Runs `make` in one thread, for one work after the other, or for several that `together` allows at once.

    make: takes works and returns for each its result or the exception that it raised. most: the number of works that may wait.
    together: takes the waiting works and returns how many of the first can be made in one call.
    """

    make: Callable[[Sequence[Work]], "list[Made | Exception]"]
    most: int
    together: Callable[[Sequence[Work]], int] = lambda works: 1
    running: int = 0
    seconds: Callable[[float], None] = lambda seconds: None
    _waiting: "deque[_Ticket[Work, Made]]" = field(default_factory=deque)
    _pace: _Pace = field(default_factory=_Pace)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="matte"))
    _worker: "asyncio.Task[None] | None" = None

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def is_idle(self) -> bool:
        return not self._waiting and not self.running

    def check_room(self) -> None:
        """RequestError 429 where the queue is full."""
        if len(self._waiting) >= self.most + (not self.running):
            wait = self._pace.seconds * (len(self._waiting) + 1)
            raise busy(429, "the queue is full; try again later", min(wait, LONGEST_RETRY))

    async def run(self, work: Work, workspace: Workspace, *, timeout: float) -> Made:
        """The result of a work. Raises its exception, or RequestError: 429 for a full queue, 503 or 504 after `timeout` seconds.

        A work that is cancelled while it waits is never started. Its workspace is held until it ends.
        """
        self.check_room()
        ticket: _Ticket[Work, Made] = _Ticket(work, workspace, asyncio.get_running_loop().create_future())
        self._waiting.append(ticket)
        if self._worker is None:
            self._worker = asyncio.create_task(self._run_all())
        try:
            return await asyncio.wait_for(asyncio.shield(ticket.future), timeout)
        except asyncio.TimeoutError as error:
            if ticket in self._waiting:
                raise busy(503, f"the request waited for {timeout:g} s; try again later", self._pace.seconds) from error
            raise RequestError(504, f"the matte takes longer than {timeout:g} s; send a smaller photo or choose a faster model") from error
        finally:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
            ticket.future.cancel()

    async def _run_all(self) -> None:
        while self._waiting:
            count = self.together([ticket.work for ticket in self._waiting])
            await self._run([self._waiting.popleft() for _ in range(count)])
        self._worker = None

    async def _run(self, tickets: "list[_Ticket[Work, Made]]") -> None:
        for ticket in tickets:
            ticket.workspace.hold()
        self.running, begin = len(tickets), time.monotonic()
        works = [ticket.work for ticket in tickets]
        outcomes = await asyncio.get_running_loop().run_in_executor(self._pool, self.make, works)
        self.running, seconds = 0, time.monotonic() - begin
        self._pace.add(seconds / len(tickets))
        self.seconds(seconds)
        for ticket, outcome in zip(tickets, outcomes, strict=True):
            ticket.workspace.release()
            _settle(ticket.future, outcome)

    def close(self) -> None:
        """Wait for the running computation; start no other."""
        self._waiting.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _settle(future: "asyncio.Future[Made]", outcome: "Made | Exception") -> None:
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
