"""Seconds spent in each step of a job. No torch."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Seconds spent in each step, by name, in order; several threads may add to them."""

    def __init__(self) -> None:
        self.split: dict[str, float] = {}
        self._turn = threading.Lock()

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.add(step, time.perf_counter() - begin)

    def add(self, step: str, seconds: float) -> None:
        with self._turn:
            self.split[step] = self.split.get(step, 0.0) + seconds
