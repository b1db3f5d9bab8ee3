"""What was done for one picture, and how long each step took. No torch."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """What was done for one picture: size is (width, height), split the seconds of each step, notes what a person should know.

    expected_memory: the peak in bytes that was expected of the process, or on a GPU of the device; None where nobody knew.
    """

    source: str
    destination: str
    size: tuple[int, int]
    split: Mapping[str, float]
    notes: tuple[str, ...]
    expected_memory: int | None = None

    @property
    def seconds(self) -> float:
        return sum(self.split.values())


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
