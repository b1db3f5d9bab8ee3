"""The result for one picture. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """The result for one picture: size is (height, width), split the seconds of each step, notes are for the user.

    expected_memory: the expected peak in bytes of the process, or on a GPU of the device; None where unknown.
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
