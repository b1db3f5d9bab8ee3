"""Output of the command line: results to stdout, everything else to stderr, progress only on a terminal."""

import codecs
import io
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from mattecli.cli import process
from mattecli.cli.streams import StdoutError, secure
from mattecli.cli.wording import in_flags, meant_verb, visible
from mattecli.errors import MatteError, UsageError

if TYPE_CHECKING:
    from mattecli.requests.clip import ClipRequest
    from mattecli.requests.photos import Job

INTERRUPTED = 130
SIGNAL_PIPE = 141
UNTOLD = 3
"""The exit code where results were written but could not be printed to stdout."""
STDOUT = "-"
_AS_NAMED = "mattecli.as-named"
SPOKEN = ("damage", "doubt", "error", "notes")
"""The entries of a record that are sentences."""

Made = TypeVar("Made")
_untold = threading.Event()  # set when a result of this command could not be written to stdout


def keep_names() -> None:
    """Let stdout print every file name: undecodable bytes unchanged, letters that the encoding lacks escaped."""
    codecs.register_error(_AS_NAMED, _as_named)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=_AS_NAMED)


def _as_named(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode lone surrogates, as which Python reads undecodable bytes of a name (PEP 383)."""
    if isinstance(error, UnicodeEncodeError):
        error.end = error.start + 1
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)


def say(text: str) -> None:
    """Print a result to stdout; control characters are escaped on a terminal."""
    if sys.stdout.isatty():
        text = "\n".join(map(visible, text.split("\n")))
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_json(record: Mapping[str, Any]) -> None:
    """Print a result to stdout as one line of JSON."""
    say(_as_json(record, sys.stdout))


def say_if_possible(text: str) -> None:
    """Print a finished result to stdout. Where that fails, one sentence on stderr says so and the command continues.

    Its exit code is UNTOLD in the end, unless it fails otherwise.
    """
    if _untold.is_set():
        return
    try:
        say(text)
    except (StdoutError, BrokenPipeError) as error:
        _untold.set()
        complain(f"stdout takes no more results ({error.strerror}); files go on being made")


def note_json(record: Mapping[str, Any]) -> None:
    """Print a record to stderr as one line of JSON, for commands whose stdout carries the result itself."""
    sys.stderr.write(_as_json(record, sys.stderr) + "\n")


def _as_json(record: Mapping[str, Any], stream: TextIO) -> str:
    """JSON with plain letters, or with escapes where the stream does not write UTF-8."""
    record = {**record, **{name: _spoken(record[name]) for name in SPOKEN if name in record}}
    line = json.dumps(record, ensure_ascii=False)
    try:
        as_it_is = line.encode(stream.encoding or "utf-8") == line.encode()
    except UnicodeEncodeError:
        as_it_is = False
    return line if as_it_is else json.dumps(record)


def _spoken(told: Any) -> Any:
    return in_flags(told) if isinstance(told, str) else [in_flags(text) for text in told] if isinstance(told, list) else told


def note(text: str) -> None:
    """Print a note to stderr."""
    sys.stderr.write(f"matte: {visible(in_flags(text))}\n")


def complain(error: MatteError | str, *, about: Sequence[str] = ()) -> None:
    """Print an error to stderr in one line, prefixed with the first file's name unless it names one of the files."""
    text = in_flags(str(error))
    if about and not any(file in text for file in about):
        text = f"{about[0]}: {text}"
    sys.stderr.write("matte: error: " + visible(" ".join(text.split())) + "\n")


@dataclass
class Teller:
    """Reports the result of each input to the user or the calling program.

    alone: whether there is but one, so that an error need not say whose it is. by_guides: whether the name of one of its guides says that.
    """

    json_lines: bool
    quiet: bool
    alone: bool = False
    by_guides: bool = False
    failures: int = 0

    def note(self, text: str) -> None:
        if not self.quiet:
            note(text)

    def done(self, destination: str, record: Mapping[str, Any], notes: Iterable[str]) -> None:
        for text in notes:
            self.note(text)
        if self.json_lines:
            self._tell_record({**record, "status": "ok"}, destination)
        elif destination != STDOUT:
            say_if_possible(destination)

    def failed(self, job: "Job | ClipRequest", error: MatteError) -> None:
        self.failures += 1
        files = (job.source, *(job.guides.values() if self.by_guides else ()))
        complain(error, about=() if self.alone else files)
        if self.json_lines:
            self._tell_record({"input": job.source, "output": None, "status": "failed", "error": str(error)}, job.destination)

    @staticmethod
    def _tell_record(record: Mapping[str, Any], destination: str) -> None:
        """Print a record to stdout, or to stderr where stdout has the picture."""
        note_json(record) if destination == STDOUT else say_if_possible(_as_json(record, sys.stdout))

    def tell_all(
        self, outcomes: "Iterable[tuple[Job, Made | MatteError]]", tell: Callable[[Made], None], step: Callable[[str], None]
    ) -> None:
        """Report each job when it ends: its result by `tell`, or its error."""
        for job, outcome in outcomes:
            step(Path(job.source).name)
            if isinstance(outcome, MatteError):
                self.failed(job, outcome)
            else:
                tell(outcome)


class PictureCommand(TyperCommand):
    """A command that reads pictures."""

    def invoke(self, ctx: Any) -> Any:
        process.set_up_pictures()
        return super().invoke(ctx)


class Commands(TyperGroup):
    """The commands, with the error family turned into one sentence and an exit code."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        secure()
        _untold.clear()
        try:
            return super().main(*arguments, **options)
        except StdoutError as error:  # of what click itself prints, such as --help
            complain(f"stdout takes no text ({error.strerror}); send it elsewhere")
            sys.exit(UNTOLD)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and self.get_command(ctx, args[0]) is None and (verb := meant_verb(args[0])) in self.commands:
            raise UsageError(f"{args[0]} is no command; to cut out its subject: {ctx.command_path} {verb} {args[0]}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        process.set_up()
        keep_names()
        try:
            with process.quiet_libraries():
                result = super().invoke(ctx)
            if _untold.is_set():
                raise typer.Exit(UNTOLD)
            return result
        except MatteError as error:
            complain(error)
            raise typer.Exit(error.exit_code) from error
        except MemoryError as error:
            complain("memory ran out; free some, scale the picture down, or allow less at once with --max-memory or --workers")
            raise typer.Exit(1) from error
        except FileNotFoundError as error:
            if _stands():
                raise
            complain("the current folder has been removed; change to another one, or give absolute paths")
            raise typer.Exit(1) from error
        except StdoutError as error:
            complain(f"stdout takes no results ({error.strerror}); send them elsewhere")
            raise typer.Exit(UNTOLD) from error
        except KeyboardInterrupt as interruption:
            complain("interrupted")
            raise typer.Exit(INTERRUPTED) from interruption
        except BrokenPipeError as error:
            raise typer.Exit(SIGNAL_PIPE) from error  # the reader of stdout has closed it


def _stands() -> bool:
    """Whether the current folder exists."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def watched() -> bool:
    """Whether stderr is a terminal."""
    return sys.stderr.isatty()


@contextmanager
def download_progress() -> Iterator[Callable[[str, int, int | None], None] | None]:
    """A callback that shows a download's progress; None where stderr is no terminal."""
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
    """A callback to be called after each of `total` steps with the name of the next one; it draws only on a terminal."""
    if not watched():
        yield lambda name: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task(label, total=total)
        yield lambda name: progress.update(task, advance=1, description=visible(name))


@contextmanager
def frame_progress(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """A callback for frames done and in all (None where unknown), shown with frames a second and the time left."""
    with clip_progress() as report:
        yield lambda done, total: report(label, done, total) if report is not None else None


@contextmanager
def clip_progress() -> Iterator[Callable[[str, int, int | None], None] | None]:
    """The same for several clips at once, by name; a clip is removed with its last frame. None without a terminal."""
    if not watched():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Pace(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.2f} frames/s" if task.speed else "")

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), Pace(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        tasks: dict[str, TaskID] = {}

        def report(clip: str, done: int, total: int | None) -> None:
            if clip not in tasks:
                tasks[clip] = progress.add_task(visible(clip), total=total)
            progress.update(tasks[clip], completed=done, total=total)
            if done == total:
                progress.remove_task(tasks.pop(clip))

        yield report
