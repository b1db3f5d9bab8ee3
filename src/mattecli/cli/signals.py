"""Terminating signals (kill, a closed terminal) as exceptions, so that incomplete files are removed before the process ends.

Where the exception does not end the process in time, such as during a model's endless computation, it is ended by force, after its
incomplete files are removed.
"""

import atexit
import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from io import FileIO
from types import FrameType
from typing import Any

import typer

from mattecli.cli.console import INTERRUPTED, Commands, complain
from mattecli.core.tuning.interrupts import INTERRUPTS
from mattecli.io.parts import remove_own_parts

FATAL = tuple(number for number in INTERRUPTS if number != signal.SIGINT)
INTERRUPTED_CODES = (INTERRUPTED, *(128 + number for number in FATAL))
"""The exit codes of a command line that a signal ended."""


GRACE_SECONDS = 10.0
"""How long a process may go on after a signal told it to end."""

REASON_SECONDS = 1.0
"""How long it may then take to write to stderr why it ends."""


class Stopped(BaseException):
    """The process received the signal `number`. A BaseException, like KeyboardInterrupt, so that handlers of errors do not catch it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """In the block, the first SIGTERM or SIGHUP is raised as Stopped; later ones are ignored, so that they do not cut the tidying short.

    A signal that is ignored (nohup) or handled otherwise is left alone, and so are all in a thread, which cannot handle them. A block
    that goes on for GRACE_SECONDS after such a signal, or Ctrl-C, is ended with the process.
    """
    alone = threading.current_thread() is not threading.main_thread()
    taken = [] if alone else [number for number in FATAL if signal.getsignal(number) is signal.SIG_DFL]

    def stop(number: int, frame: FrameType | None) -> None:
        for handled in taken:
            signal.signal(handled, signal.SIG_IGN)
        raise Stopped(number)

    def is_ours(number: int) -> bool:
        return number in taken or (number == signal.SIGINT and signal.getsignal(number) is signal.default_int_handler)

    for number in taken:
        signal.signal(number, stop)
    try:
        with contextlib.nullcontext() if alone or os.name != "posix" else _ended_in_time(is_ours):
            yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def signals_at_rest() -> Iterator[Callable[[], None]]:
    """In the block, Ctrl-C and what stopped_by_signals takes do not interrupt; the callable raises what came, where that does no harm.

    The second one interrupts at once, and so do all where this is not the main thread.
    """
    came: list[int] = []
    alone = threading.current_thread() is not threading.main_thread()
    before = {} if alone else {number: signal.getsignal(number) for number in INTERRUPTS}
    before = {number: handler for number, handler in before.items() if callable(handler)}

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if len(came) > 1:
            _raise(number)

    def check() -> None:
        if came:
            _raise(came[0])

    for number in before:
        signal.signal(number, note)
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise(number: int) -> None:
    raise KeyboardInterrupt if number == signal.SIGINT else Stopped(number)


@contextlib.contextmanager
def _ended_in_time(is_ours: Callable[[int], bool]) -> Iterator[None]:
    """End the process GRACE_SECONDS after one of our signals unless the block is left by then.

    The signal is received by a thread, since the main thread may be inside a model, where Python's handlers do not run.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader, is_ours), name="signals", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)


def _watch(reader: int, is_ours: Callable[[int], bool]) -> None:
    """Read the numbers of signals until the other end is closed."""
    with os.fdopen(reader, "rb", buffering=0) as numbers:
        while number := numbers.read(1):
            if is_ours(number[0]) and not _is_left_in_time(reader, numbers):
                _end(number[0])


def _is_left_in_time(reader: int, numbers: FileIO) -> bool:
    """Whether the other end is closed within GRACE_SECONDS."""
    deadline = time.monotonic() + GRACE_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        if select.select([reader], [], [], left)[0] and not numbers.read(1):
            return True
    return False


def _end(number: int) -> None:
    remove_own_parts()
    reason = threading.Thread(target=_give_reason, name="reason", daemon=True)
    reason.start()
    reason.join(REASON_SECONDS)  # a terminal that is held (Ctrl-S) takes nothing
    os._exit(128 + number)


def _give_reason() -> None:
    with contextlib.suppress(OSError):
        os.write(2, b"matte: error: stopped in the middle of a computation that did not end; what was not finished is not written\n")


def _leave_at_once(code: Sequence[int]) -> None:
    """End the process with the first of the codes, if there is one, after all that runs at a normal end but the freeing of modules.

    That takes 0.4 s once torch is loaded. And an interruption may come anywhere: a thread that it leaves inside C++ aborts the process when
    Python ends it there. Python itself ends a command whose stdout or stderr cannot be emptied.
    """
    if code and (_is_printed() or code[0] in INTERRUPTED_CODES):
        os._exit(code[0])


def _is_printed() -> bool:
    """Whether all text for stdout and stderr has left the process."""
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except (OSError, ValueError, AttributeError):  # a full disk, a closed stream, none at all
        return False
    return True


class StoppableCommands(Commands):
    """The commands, which a signal ends as Ctrl-C does: one line, and the exit code a shell gives for it."""

    def main(self, args: Sequence[str] | None = None, *more: Any, **options: Any) -> Any:
        """args: None for the command line of this process, which then ends without freeing its modules and threads one by one."""
        code: list[int] = []
        if args is None:
            atexit.register(_leave_at_once, code)  # first of all, and so called last
        try:
            return super().main(args, *more, **options)
        except SystemExit as end:
            code += [end.code or 0] if isinstance(end.code, int | None) else []
            raise

    def invoke(self, ctx: Any) -> Any:
        try:
            with stopped_by_signals():
                return super().invoke(ctx)
        except Stopped as end:
            with contextlib.suppress(OSError):  # a closed terminal
                complain("stopped")
            raise typer.Exit(128 + end.number) from end
