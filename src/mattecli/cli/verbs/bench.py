"""`matte bench`: how fast each model is here, alone and from file to file."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mattecli.cli import options
from mattecli.cli.bench_table import print_table
from mattecli.cli.choices import PRECISIONS, model_or, one_of
from mattecli.cli.console import STDOUT, complain, note, say_json, step_progress
from mattecli.cli.recipe import AUTO, NONE
from mattecli.core.choices import check_device, check_precision
from mattecli.core.registry import registry
from mattecli.errors import UsageError

if TYPE_CHECKING:
    from mattecli.bench.run import Bench, Row
    from mattecli.core.runtime import Device

app = typer.Typer(rich_markup_mode=None)


@app.command()
def bench(
    device: options.Device = AUTO,
    models: Annotated[
        str | None,
        typer.Option(
            **model_or("installed", metavar="NAME|FILE.pt|installed"),
            help="Several with commas.  [default: each network once]",
            show_default=False,
        ),
    ] = None,
    sizes: Annotated[
        str | None,
        typer.Option(
            **one_of("512", "hd", "4k", beside="WxH"), help="Several with commas.  [default: 512,hd, on a GPU 4k too; with --clip its own]"
        ),
    ] = None,
    precision: Annotated[
        str, typer.Option(**one_of(*PRECISIONS), help="Several with commas; others than fp32 are compared with it.")
    ] = AUTO,
    batch: Annotated[str, typer.Option(metavar="A,B", help="Pictures in a call.")] = "1",
    clip: Annotated[
        str | None,
        typer.Option(**one_of("none", beside="CLIP"), help="Measure end to end on this, at its size.  [default: a clip made at each size]"),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0, help="How long to repeat calls, for each row: 3 to 100 times.")] = 10,
    json_file: Annotated[str | None, typer.Option("--json", metavar="FILE", help="Write all as JSON; - for stdout.")] = None,
    report: Annotated[str | None, typer.Option(metavar="FILE", help="Write a page (.html) with plots.")] = None,
    compare: Annotated[
        str | None, typer.Option(metavar="OLD.json", help="Say how many times as fast each row is as in an old --json.")
    ] = None,
    fail_if_slower: Annotated[
        float | None, typer.Option(min=0, metavar="PERCENT", help="With --compare: exit 1 when a row takes so much longer.")
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Measure how fast models are: loading, first call, later calls, a clip from file to file, and the memory they take.

    Each row is measured in a fresh process, on pictures made for it; the trimap leaves a tenth unknown. Nothing is downloaded: a model
    that is not installed runs with random weights, and is marked so; they take the same time. A size that will not fit is skipped.

    Examples:

      matte bench

      matte bench --device cuda --precision fp32,fp16 --sizes hd,4k --report report.html

      matte bench --models installed --clip clip.mp4 --json today.json --compare last.json
    """
    _check_switches(json_file, report, compare, fail_if_slower)
    _check_files([compare, None if clip == NONE else clip, *(models or "").split(",")], json_file, report)
    _check_choices(models, device, precision)
    from mattecli.bench.page import write_bench_page
    from mattecli.bench.run import record
    from mattecli.bench.table import read_bench, remarks, table_of, verdict
    from mattecli.core.runtime import pick_device

    old = read_bench(compare) if compare else None
    tell = (lambda text: None) if quiet else note
    chip = pick_device(device)
    if device == AUTO:
        tell(f"device: {chip} ({chip.reason})")
    asked = _asked(chip, models, sizes, precision, batch, seconds, clip)
    if asked.without_weights:
        tell(f"not installed, so measured with random weights, which take the same time: {', '.join(asked.without_weights)}")
    rows = _measured(asked, old, json_file)
    sentence = f"{compare}: {verdict(rows, old)}" if old else ""
    if json_file == STDOUT:
        say_json(record(asked, rows))
    else:
        print_table(table_of(rows), [*remarks(rows), *([sentence] if sentence else [])])
    if report:
        write_bench_page(report, record(asked, rows), rows, comparison=sentence)
    for file in (json_file, report):
        if file not in (None, STDOUT):
            tell(f"written: {file}")
    _check_rows(rows, fail_if_slower)


def _check_choices(models: str | None, device: str, precision: str) -> None:
    """MatteError for names that are none, before anything is loaded."""
    for name in models.split(",") if models and models != "installed" else ():
        registry().find(name.strip())
    check_device(device)
    for name in precision.split(","):
        check_precision(name.strip())


def _check_switches(json_file: str | None, report: str | None, compare: str | None, fail_if_slower: float | None) -> None:
    if report is not None and not report.lower().endswith((".html", ".htm")):
        raise UsageError(f"the report is a web page, so {report} must end in .html")
    if fail_if_slower is not None and compare is None:
        raise UsageError("--fail-if-slower needs something to compare with; add --compare OLD.json")


def _check_files(read: Sequence[str | None], json_file: str | None, report: str | None) -> None:
    """UsageError where a file that is written is one that is read, or both are one."""
    from mattecli.requests.paths import keep_inputs

    inputs = [file for file in read if file]
    for flag, file in (("--json", json_file), ("--report", report)):
        if file is not None:
            keep_inputs(inputs, [file], what=flag, advice="give another file")
    if json_file is not None and report is not None and Path(json_file).resolve() == Path(report).resolve():
        raise UsageError(f"--json and --report cannot both be {report}; give two files")


def _asked(chip: "Device", models: str | None, sizes: str | None, precision: str, batch: str, seconds: float, clip: str | None) -> "Bench":
    from mattecli.bench.run import Bench, clip_size, models_to_measure, parse_batches, parse_sizes
    from mattecli.core.runtime import pick_precision

    file = "" if clip == NONE else clip
    own = [clip_size(file)] if file else []
    usual = own or parse_sizes("512,hd" if chip.torch.type == "cpu" else "512,hd,4k")
    return Bench(
        specs=models_to_measure(registry(), models),
        sizes=list(dict.fromkeys([*parse_sizes(sizes), *own])) if sizes else usual,
        precisions=list(dict.fromkeys(pick_precision(name.strip(), chip) for name in precision.split(","))),
        batches=parse_batches(batch),
        device=str(chip),
        seconds=seconds,
        clip=file,
    )


def _measured(asked: "Bench", old: Mapping[str, Any] | None, json_file: str | None) -> "list[Row]":
    """The rows; after each of them the JSON file is whole, so that an interrupted bench leaves what it has."""
    from mattecli.bench.run import run_bench, write_record
    from mattecli.bench.table import compared

    rows: list[Row] = []
    labels = [str(case) for _, case in asked.cases]
    with step_progress(labels[0], len(labels)) as step:
        for row, following in zip(run_bench(asked), [*labels[1:], "done"], strict=True):
            rows.append(compared(row, old) if old else row)
            if json_file not in (None, STDOUT):
                write_record(str(json_file), asked, rows)
            step(following)
    return rows


def _check_rows(rows: "Sequence[Row]", fail_if_slower: float | None) -> None:
    """Leave with exit code 1 when rows failed, or are slower than may be."""
    failed = [str(row.case) for row in rows if row.failed]
    if failed:
        complain(f"{len(failed)} of {len(rows)} measurements failed: {'; '.join(failed)}")
    limit = 0.0 if fail_if_slower is None else 1 / (1 + fail_if_slower / 100)
    slower = [str(row.case) for row in rows if row.numbers.get("speedup", math.inf) < limit]
    if slower:
        complain(f"slower by more than {fail_if_slower:g} %: {'; '.join(slower)}")
    if failed or slower:
        raise typer.Exit(1)
