"""Signals held back while a thread is started: an exception of their handlers there would lose the thread, which nobody then awaits."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

INTERRUPTS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))  # Windows has no SIGHUP


@contextmanager
def uninterrupted() -> Iterator[None]:
    """In the block, no handler of Python's for Ctrl-C, SIGTERM or SIGHUP is called; that of the first one that came is when it is left.

    No effect outside the main thread, in which alone Python calls handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    def deliver() -> None:
        handler = signal.getsignal(came[0]) if came else None
        if callable(handler):
            handler(came[0], None)

    with ExitStack() as restored:
        restored.callback(deliver)
        for number in INTERRUPTS:
            before = signal.getsignal(number)
            if callable(before):
                restored.callback(signal.signal, number, before)  # first, so that an interruption here leaves none held back
                signal.signal(number, note)
        yield
