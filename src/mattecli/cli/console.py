"""How the command line speaks: results to stdout, everything else to stderr, progress only where a person is watching."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from mattecli.errors import MatteError

INTERRUPTED = 130
SIGNAL_PIPE = 141


def say(text: str) -> None:
    """A result, to stdout."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_json(record: Mapping[str, Any]) -> None:
    """A result as one line of JSON, to stdout."""
    say(json.dumps(record, ensure_ascii=False))


def note_json(record: Mapping[str, Any]) -> None:
    """A result's record where stdout carries the result itself: one line of JSON, to stderr."""
    sys.stderr.write(json.dumps(record, ensure_ascii=False) + "\n")


def note(text: str) -> None:
    """Something a person should know, to stderr."""
    sys.stderr.write(f"matte: {text}\n")


def complain(error: MatteError | str) -> None:
    """What went wrong, in one line, to stderr."""
    sys.stderr.write("matte: error: " + " ".join(str(error).split()) + "\n")


class Commands(TyperGroup):
    """The commands, with the error family turned into one sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MatteError as error:
            complain(error)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as interruption:
            complain("interrupted")
            raise typer.Exit(INTERRUPTED) from interruption
        except BrokenPipeError as error:
            # Whoever read our stdout has left; what Python would flush at exit has nowhere to go either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(SIGNAL_PIPE) from error


def watched() -> bool:
    """Whether a person watches stderr."""
    return sys.stderr.isatty()


@contextmanager
def download_progress() -> Iterator[Callable[[str, int, int | None], None] | None]:
    """A callback that shows a download's progress, or None where nobody watches."""
    if not watched():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        tasks: dict[str, Any] = {}

        def report(name: str, done: int, total: int | None) -> None:
            task = tasks.setdefault(name, None)
            if task is None:
                task = tasks[name] = progress.add_task(name, total=total)
            progress.update(task, completed=done, total=total)

        yield report


@contextmanager
def step_progress(label: str, total: int) -> Iterator[Callable[[str], None]]:
    """A callback to call after each of `total` steps with the name of the next one; draws nothing where nobody watches."""
    if not watched():
        yield lambda name: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task(label, total=total)
        yield lambda name: progress.update(task, advance=1, description=name)


@contextmanager
def frame_progress(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """A callback for frames done and frames in all (None when nobody knows), shown with frames a second and the time left."""
    if not watched():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Pace(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.2f} frames/s" if task.speed else "")

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), Pace(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
