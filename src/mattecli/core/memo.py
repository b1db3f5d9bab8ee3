"""Values that were computed from an array and are kept for as long as the same array comes again. No torch."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Made = TypeVar("Made")


class LastByIdentity:
    """For each key the value made from the last array, cached by array identity. Several threads may share one."""

    def __init__(self) -> None:
        self._last: dict[Hashable, tuple[object, Any]] = {}

    def __call__(self, key: Hashable, array: object, make: Callable[[], Made]) -> Made:
        """The value for a key: the one made before where `array` is the very array of that call, else what `make` returns now."""
        last = self._last.get(key)
        if last is None or last[0] is not array:
            last = self._last[key] = (array, make())
        value: Made = last[1]
        return value
