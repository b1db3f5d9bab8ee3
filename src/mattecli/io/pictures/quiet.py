"""Pillow's warnings, which are for programmers: what a person should know of a picture is a note or an error."""

import contextlib
import threading
import warnings
from collections.abc import Iterator

_turn = threading.Lock()
_within = 0
_filter: object = None


@contextlib.contextmanager
def quiet_pillow() -> Iterator[None]:
    """In the block, no warning of Pillow's is shown or raised, in any thread; warnings of others are what they were."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _within, _filter
    with _turn:
        _within += 1
        if _within == 1:
            warnings.filterwarnings("ignore", module=r"PIL\.")
            _filter = warnings.filters[0]


def _leave() -> None:
    global _within
    with _turn:
        _within -= 1
        if _within == 0:
            with contextlib.suppress(ValueError):  # someone else has put all filters back
                warnings.filters.remove(_filter)  # type: ignore[attr-defined]
