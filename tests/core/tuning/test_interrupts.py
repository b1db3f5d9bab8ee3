"""Signals that come in a block wait for its end."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from mattecli.core.tuning.interrupts import uninterrupted


@pytest.fixture
def handled() -> Iterator[list[int]]:
    """The numbers of the signals, SIGINT and SIGTERM, for which handlers were called."""
    numbers: list[int] = []
    before = {number: signal.signal(number, lambda number, frame: numbers.append(number)) for number in (signal.SIGINT, signal.SIGTERM)}
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_the_first_signal_is_handled_after_the_block_and_later_ones_at_once(handled: list[int]) -> None:
    with uninterrupted():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert handled == []
    assert handled == [signal.SIGTERM]
    os.kill(os.getpid(), signal.SIGINT)
    assert handled == [signal.SIGTERM, signal.SIGINT]


def test_an_interruption_comes_even_where_the_block_fails() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), uninterrupted():
            signal.raise_signal(signal.SIGINT)
            raise RuntimeError("no thread can be started")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_holds_nothing_back(handled: list[int]) -> None:
    handlers = []

    def look() -> None:
        with uninterrupted():
            handlers.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert handlers == [before]
