"""Reservations of memory by threads, so that pictures in work at the same time fit together."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Room:
    """The bytes each thread has reserved. A thread that waits for more keeps its reservation.

    When all threads with a reservation wait, one of them proceeds as if it were alone, which prevents a deadlock.
    """

    def __init__(self) -> None:
        self._held: dict[int, int] = {}
        self._waiting: set[int] = set()
        self._turn = threading.Condition()
        self.most = 0  # the peak of all reservations, in bytes

    @contextmanager
    def reserved(self, needed: int, fits: Callable[[int], bool]) -> Iterator[None]:
        """Reserve `needed` bytes in the block, including what this thread has reserved already; wait until `fits` accepts the total."""
        me = threading.get_ident()
        with self._turn:
            before = self._held.get(me)
            self._wait(me, max(needed, before or 0), fits)
            self._held[me] = max(needed, before or 0)
            self.most = max(self.most, sum(self._held.values()))
        try:
            yield
        finally:
            with self._turn:
                self._put_back(me, before)

    def _wait(self, me: int, needed: int, fits: Callable[[int], bool]) -> None:
        self._waiting.add(me)
        self._turn.notify_all()
        try:
            self._turn.wait_for(lambda: self._others(me) <= self._waiting or fits(needed + self._held_by_others(me)))
        finally:
            self._waiting.remove(me)

    def _others(self, me: int) -> set[int]:
        return self._held.keys() - {me}

    def _held_by_others(self, me: int) -> int:
        return sum(self._held[other] for other in self._others(me))

    def _put_back(self, me: int, before: int | None) -> None:
        if before is None:
            del self._held[me]
        else:
            self._held[me] = before
        self._turn.notify_all()


room = Room()
"""The reservations of this process."""
