"""What ends a program from outside (kill, a closed terminal) as an exception, so that half-written files are removed on the way out."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

import typer

from mattecli.cli.console import Commands, complain

FATAL = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))  # Windows has no SIGHUP


class Stopped(BaseException):
    """The process was told to end by the signal `number`. Like KeyboardInterrupt it is no error, so nothing on the way takes it for one."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """In the block, the first SIGTERM or SIGHUP is raised as Stopped; later ones are ignored, so that they do not cut the tidying short.

    A signal that is ignored (nohup) or handled otherwise is left alone, and so are all in a thread, which cannot handle them.
    """
    alone = threading.current_thread() is not threading.main_thread()
    taken = [] if alone else [number for number in FATAL if signal.getsignal(number) is signal.SIG_DFL]

    def stop(number: int, frame: FrameType | None) -> None:
        for each in taken:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    for number in taken:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


class StoppableCommands(Commands):
    """The commands, which a signal ends as Ctrl-C does: one line, and the exit code a shell gives for it."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with stopped_by_signals():
                return super().invoke(ctx)
        except Stopped as end:
            with contextlib.suppress(OSError):  # a closed terminal
                complain("stopped")
            raise typer.Exit(128 + end.number) from end
