"""Batches on the command line: options become a batch, its records are printed as they end, and its summary is the last line."""

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer

from mattecli.batch.engine import Batch, Executor, Rules, Summary, lacks
from mattecli.batch.items import Item, Run, Settings, item_of
from mattecli.batch.journal import Record, check_results
from mattecli.batch.manifest import STDIN, check_manifest, read_manifest
from mattecli.batch.resume import Policy
from mattecli.batch.selection import check_order, in_order, parse_shard
from mattecli.batch.storage import check_url
from mattecli.cli.batch_options import BatchRequest
from mattecli.cli.console import INTERRUPTED, Teller, clip_progress, complain, download_progress, watched
from mattecli.cli.signals import Stopped, signals_at_rest
from mattecli.errors import MatteError, UsageError
from mattecli.requests.destinations import folder_of_results, looks_like_folder
from mattecli.requests.photos import Job, check_destinations
from mattecli.requests.pictures import picture_options

TOLD_EVERY_SECONDS = 60
MOST_WORKERS = 4096
LOOK_EVERY_SECONDS = 1.0
# Fields of the results file that are not printed.
_UNTOLD = ("settings", "identity", "written", "error")


def check_batch(request: BatchRequest, inputs: Iterable[str]) -> None:
    """UsageError for contradicting options, before anything is read."""
    check_order(request.order)
    parse_shard(request.shard)
    _counts(request)
    if request.results is not None:
        check_results(request.results, tuple(filter(None, [*inputs, request.manifest])))


def job_items(jobs: Iterable[Job], settings: Settings) -> list[Item]:
    """The items of jobs as planned; their guides are the jobs'. Those that cannot be made come first."""
    items = [Item(job.source, job.destination, replace(settings, guides=dict(job.guides)), lacks=job.lacks) for job in jobs]
    return sorted(items, key=lambda item: not lacks(item))


def watched_items(folders: Sequence[str], output: str | None, settings: Settings) -> Iterator[Item | None]:
    """The photos in folders and those that arrive there, endlessly; None while there is no new one."""
    from mattecli.batch.watching import Watch
    from mattecli.requests.photos import plan_arrival

    for folder in folders:
        if not os.path.isdir(folder):
            raise UsageError(f"--watch watches folders, and {folder} is none; give the folder that photos arrive in")
    results = folder_of_results(output) if output else None
    watch = Watch(tuple(folders), apart=None if results is None else str(results))
    while True:
        for path, folder in watch.look():
            job = plan_arrival(path, folder, folders, output, kind=settings.kind, guides=settings.guides)
            yield from job_items([job], settings)
        looked = time.monotonic()
        while time.monotonic() - looked < LOOK_EVERY_SECONDS:
            yield None


def manifest_items(
    request: BatchRequest, settings: Settings, output: str | None, check: Callable[[Item], None], suffix: str = ".png"
) -> tuple[Iterable[Item], int | None]:
    """The items of a manifest and their number, None for stdin. Files are checked completely first.

    output: as -o says, for rows without one, with `suffix` in a folder. check: raises UsageError for an item that cannot be.
    """
    path, pattern = request.manifest or STDIN, result_pattern(output, suffix)

    def to_item(row: Mapping[str, Any]) -> Item:
        try:
            item = item_of(row, settings, pattern)
            check(item)
        except UsageError as error:
            if path != STDIN:
                raise
            return Item(str(row.get("input")), str(row.get("output")), lacks=str(error))
        return item

    total = None if path == STDIN else check_manifest(path, to_item, overwrite=request.replaces_inputs)
    return read_manifest(path, to_item), total


def check_photo_item(item: Item, *, offline: bool) -> None:
    """UsageError for an output that cannot hold the result of a photo, and for unsupported URLs."""
    options = picture_options(item.settings.picture).file
    check_destinations([Job("", item.output, {})], has_alpha=item.settings.kind == "cutout", options=options)
    for file in item.files:
        check_url(file, written=file == item.output, offline=offline)


def result_pattern(output: str | None, suffix: str) -> str | None:
    """The pattern for rows without an output, from -o: a folder, or a pattern with {stem} or {name}."""
    if output is None or "{stem}" in output or "{name}" in output:
        return output
    if not looks_like_folder(output) and Path(output).suffix:
        raise UsageError(f"-o {output} is one file for many rows; give a folder, or a pattern such as 'out/{{stem}}{suffix}'")
    return f"{output.rstrip('/')}/{{stem}}{suffix}"


def run_batch(
    request: BatchRequest, run: Run, settings: Settings, items: Iterable[Item | None], *, total: int | None, teller: Teller, what: str
) -> None:
    """Make the items, then raise typer.Exit with the exit code. settings: the command's. what: the plural noun of the summary."""
    shard = parse_shard(request.shard)
    if shard.count > 1:
        items, total = (item for item in items if item is None or shard.holds(item)), None
    if request.order != "given":
        items = in_order((item for item in items if item is not None), request.order)
    overwrite = "always" if request.overwrite is None or request.replaces_inputs else request.overwrite
    policy = Policy(request.resume or request.retry_failed, request.retry_failed, request.checksum, overwrite)
    batch = Batch(run, Rules(policy, request.results, request.most_failures), teller.note)
    code = _run(batch, items, _executor(request, run, settings, teller), total, teller, what)
    _conclude(batch, policy, teller, what)
    if code:
        raise typer.Exit(code)


def _conclude(batch: Batch, policy: Policy, teller: Teller, what: str) -> None:
    batch.close()
    summary = batch.summary
    if summary.skipped and policy.resume:
        teller.note(f"{summary.skipped} of {summary.all} results are there already, so their inputs are left out")
    if batch.stopped:
        teller.note(f"stopped, since {summary.failed} failed; the rest was not begun")
    teller.note(summary.sentence(what))


def _run(
    batch: Batch, items: Iterable[Item | None], executor: AbstractContextManager[Executor], total: int | None, teller: Teller, what: str
) -> int:
    """Make the items and print their records; returns the exit code."""
    with executor as makes, batch_progress(total, what, teller.note) as step:
        try:
            for record in batch.run(items, makes):
                _tell(record, teller)
                step(batch.summary)
        except (KeyboardInterrupt, Stopped) as end:
            for record in batch.interrupted(makes):
                _tell(record, teller)
            complain("stopped" if isinstance(end, Stopped) else "interrupted")
            return 128 + end.number if isinstance(end, Stopped) else INTERRUPTED
        except MatteError:
            if batch.summary.all:
                teller.note(batch.summary.sentence(what))
            raise
    return 1 if batch.summary.failed else 0


def _tell(record: Record, teller: Teller) -> None:
    source = record["input"]
    if record["status"] == "ok":
        told = {name: value for name, value in record.items() if name not in _UNTOLD}
        teller.done(record["output"], told, [f"{source}: {text}" for text in record.get("notes", ())])
        return
    teller.failed(Job(source, record["output"], {}), MatteError(record["error"]["message"]))


@contextmanager
def _executor(request: BatchRequest, run: Run, settings: Settings, teller: Teller) -> Iterator[Executor]:
    """Worker processes on this machine, or a Ray cluster."""
    from mattecli.batch.processes.opening import open_maker
    from mattecli.batch.processes.worker import Plan

    fewest, most = _counts(request)
    plan = Plan(open_maker, run, settings, workers=most, checksum=request.checksum)
    if request.engine == "ray":
        from mattecli.batch.ray_engine import Cluster, RayEngine

        with RayEngine(
            plan, Cluster(request.address, fewest or 1, most or os.cpu_count() or 1, gpus=request.gpus or 0), teller.note
        ) as cluster:
            yield cluster
        return
    from mattecli.batch.processes.workers import Pool

    with ExitStack() as held:
        scratch = held.enter_context(tempfile.TemporaryDirectory(prefix="matte-"))
        on_download = held.enter_context(download_progress())
        on_frames = held.enter_context(clip_progress()) if run.clips else None
        check = held.enter_context(signals_at_rest())
        plan = replace(plan, scratch=scratch, environment=dict(os.environ))
        pool = Pool(plan, timeout=request.timeout, tell=teller.note, on_download=on_download, on_frames=on_frames, check=check)
        yield held.enter_context(pool)


def _counts(request: BatchRequest) -> tuple[int | None, int | None]:
    """The fewest and the most workers of `--workers N` or, on Ray, `--workers MIN:MAX`; None without the option."""
    if request.workers is None:
        return None, None
    parts = request.workers.split(":") if request.engine == "ray" else [request.workers]
    numbers = [int(part) for part in parts if part.isascii() and part.isdecimal()]
    if len(numbers) != len(parts) or len(parts) > 2 or not 1 <= numbers[0] <= numbers[-1] <= MOST_WORKERS:
        raise UsageError(f"--workers {request.workers} is not known; give a number from 1 to {MOST_WORKERS}, on Ray also MIN:MAX")
    return numbers[0], numbers[-1]


@contextmanager
def batch_progress(total: int | None, what: str, tell: Callable[[str], None]) -> Iterator[Callable[[Summary], None]]:
    """A callback for the summary so far: a bar with the time left on a terminal, else a line each minute."""
    if not watched():
        yield _each_minute(total, what, tell)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task("loading", total=total)
        yield lambda summary: progress.update(task, completed=summary.all, description=summary.pace(what))


def _each_minute(total: int | None, what: str, tell: Callable[[str], None]) -> Callable[[Summary], None]:
    told = time.monotonic()

    def step(summary: Summary) -> None:
        nonlocal told
        if time.monotonic() - told < TOLD_EVERY_SECONDS:
            return
        told = time.monotonic()
        left = summary.time_left(total)
        tell(summary.sentence(what) + (f", about {timedelta(seconds=round(left))} left" if left is not None else ""))

    return step
