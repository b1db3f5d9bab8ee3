"""Values computed from an array, cached by the array's identity. No torch."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Made = TypeVar("Made")


class LastByIdentity:
    """For each key, the value computed from the last array, cached by array identity. Thread-safe."""

    def __init__(self) -> None:
        self._last: dict[Hashable, tuple[object, Any]] = {}

    def __call__(self, key: Hashable, array: object, make: Callable[[], Made]) -> Made:
        """The value for a key: the cached one if `array` is the array of the last call, else the result of `make`."""
        last = self._last.get(key)
        if last is None or last[0] is not array:
            last = self._last[key] = (array, make())
        value: Made = last[1]
        return value
