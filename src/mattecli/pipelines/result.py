"""What was done for one picture, and how long each step took. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """What was done for one picture: size is (height, width), split the seconds of each step, notes what a person should know.

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
