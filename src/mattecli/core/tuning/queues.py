"""Threads with bounded queues: reading, matting and writing overlap, and memory does not grow with the number of items."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, TypeVar

from mattecli.core.tuning.interrupts import uninterrupted

Item = TypeVar("Item")
Made = TypeVar("Made")
POLL_SECONDS = 0.1
# Frames of a clip that are read ahead and written behind: enough to overlap, few enough for 4K.
AHEAD, BEHIND = 3, 3


@dataclass(frozen=True)
class _Last:
    """The end of a stream, regular or by an error."""

    error: BaseException | None = None


class _Worker(threading.Thread):
    """A thread that can be awaited despite interruptions.

    Before Python 3.13, a `join` that Ctrl-C interrupts marks the thread as ended (github.com/python/cpython/issues/90882).
    """

    def __init__(self, work: Callable[[], None], *, name: str) -> None:
        super().__init__(target=work, name=name, daemon=True)
        self.ended = threading.Event()

    def run(self) -> None:
        try:
            super().run()
        finally:
            self.ended.set()

    def begin(self) -> None:
        """Start. Where an interruption is raised, the thread either runs, with an `ident`, or never will."""
        with uninterrupted():
            self.start()

    @property
    def runs(self) -> bool:
        """Whether it has begun and not ended; is_alive may be wrong after the `join` of above."""
        return self.ident is not None and not self.ended.is_set()

    def wait(self) -> None:
        """Return when the thread has ended; at once where it has not begun."""
        if self.runs:
            self.ended.wait()
            self.join()


@contextmanager
def read_ahead(items: Iterable[Item], *, depth: int, on_wait: Callable[[float], None] = lambda seconds: None) -> Iterator[Iterator[Item]]:
    """The items, in order, taken from their source by a thread that is at most `depth` ahead.

    An error of the source is raised in place of the item. `on_wait` receives the seconds the source took for each item. Leaving the block
    stops the thread after its current item.
    """
    ready: queue.Queue[Item | _Last] = queue.Queue(depth)
    stopped = threading.Event()

    def offer(item: Item | _Last) -> None:
        while not stopped.is_set():
            try:
                return ready.put(item, timeout=POLL_SECONDS)
            except queue.Full:
                continue

    def fill() -> None:
        last = _Last()
        try:
            for item in _timed(items, on_wait):
                offer(item)
                if stopped.is_set():
                    break
        except BaseException as error:
            last = _Last(error)
        offer(last)

    def drain() -> Iterator[Item]:
        while not isinstance(item := ready.get(), _Last):
            yield item
        if item.error is not None:
            raise item.error

    def stop() -> None:
        stopped.set()
        thread.wait()

    thread = _Worker(fill, name="read ahead")
    try:
        thread.begin()
        yield drain()
    finally:
        _to_the_end(stop)


def _to_the_end(wait: Callable[[], object], *, interrupted: Callable[[], object] = lambda: None) -> None:
    """Call `wait` until it returns, so that nothing is closed while a thread uses it; then raise the interruption, if there was one.

    interrupted: called at each interruption (Ctrl-C). Errors are raised at once.
    """
    interruption: BaseException | None = None
    while True:
        try:
            wait()
            break
        except Exception:
            raise
        except BaseException as error:
            interruption = error
            interrupted()
    if interruption is not None:
        raise interruption


def _timed(items: Iterable[Item], on_wait: Callable[[float], None]) -> Iterator[Item]:
    """The items; `on_wait` receives the seconds each took."""
    begin = time.perf_counter()
    for item in items:
        on_wait(time.perf_counter() - begin)
        yield item
        begin = time.perf_counter()


class WriteBehind(Generic[Item]):
    """A thread that runs `work` on each item put, in order, with at most `depth` waiting.

    The first error of the work is raised by the next `put`, or on leaving the block. Leaving the block by an exception drops the waiting
    items, and so does an interruption while leaving. The thread has ended when the block is left. begin: called first by the thread.
    """

    def __init__(self, work: Callable[[Item], None], *, depth: int, begin: Callable[[], None] = lambda: None) -> None:
        self._work, self._begin = work, begin
        self._waiting: queue.Queue[Item | _Last] = queue.Queue(depth)
        self._failed: BaseException | None = None
        self._dropping = False
        self._thread = _Worker(self._run, name="write behind")

    def __enter__(self) -> "WriteBehind[Item]":
        try:
            self._thread.begin()
        except BaseException:
            _to_the_end(self._finish)
            raise
        return self

    def put(self, item: Item) -> None:
        if self._failed is not None:
            raise self._failed
        self._waiting.put(item)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._dropping = error is not None
        _to_the_end(self._finish, interrupted=self._drop)
        if error is None and self._failed is not None:
            raise self._failed

    def _finish(self) -> None:
        while self._thread.runs:
            with suppress(queue.Full):
                self._waiting.put(_Last(), timeout=POLL_SECONDS)
                self._thread.wait()

    def _drop(self) -> None:
        self._dropping = True

    def _run(self) -> None:
        self._begin()
        while not isinstance(item := self._waiting.get(), _Last):
            if self._failed is None and not self._dropping:
                try:
                    self._work(item)
                except BaseException as failure:
                    self._failed = failure


def in_parallel(
    items: Iterable[Item], work: Callable[[Item], Made], *, threads: int, begin: Callable[[], None] = lambda: None
) -> Iterator[Made]:
    """The results of `work` on each item, in order, from `threads` threads, which call `begin` first; one more item is queued.

    An error of the work is raised in place of its result. Leaving early drops the waiting items and awaits the running ones.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="in parallel", initializer=begin)
    begun: deque[Future[Made]] = deque()

    def made() -> Made:
        result = begun[0].result()
        begun.popleft()
        return result

    def settle() -> None:
        wait([future for future in begun if not future.cancel()])
        pool.shutdown()

    try:
        for item in items:
            with uninterrupted():
                begun.append(pool.submit(work, item))
            if len(begun) > threads:
                yield made()
        while begun:
            yield made()
    finally:
        _to_the_end(settle)
