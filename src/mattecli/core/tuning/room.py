"""Bytes of memory that threads reserve for their pictures, so that pictures worked on at the same time fit beside each other."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Room:
    """What each thread has reserved. A thread that waits for more keeps what it has.

    When all threads that hold something wait, one of them goes on: its reservation is then judged as if it were alone, so that no
    thread waits for ever.
    """

    def __init__(self) -> None:
        self._held: dict[int, int] = {}
        self._waiting: set[int] = set()
        self._turn = threading.Condition()
        self.most = 0  # the most that was ever held at the same time, in bytes

    @contextmanager
    def reserved(self, needed: int, fits: Callable[[int], bool]) -> Iterator[None]:
        """Hold `needed` bytes in the block, what this thread holds already included; wait until `fits` is true of all that is held."""
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
