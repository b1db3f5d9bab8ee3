"""`matte image`: photos in, cut-outs out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mattecli.cli.console import complain, note, note_json, say, say_json, step_progress
from mattecli.cli.recipe import AUTO, Look, Machine, kind_of, open_recipe, options_of, switch_of
from mattecli.core.registry import registry
from mattecli.errors import InputError, MatteError

if TYPE_CHECKING:
    from mattecli.pipelines.image import Recipe
    from mattecli.pipelines.plan import Job
    from mattecli.pipelines.result import Result


def image(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT", help="Photos, folders, globs, or - for stdin.", show_default=False)],
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="A file, a folder, a pattern with {stem}, {name}, {parent}, or - for stdout.  [default: beside the input]",
        ),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="A model of `matte models list`, or an exported .pt file.")] = None,
    trimap: Annotated[str | None, typer.Option(metavar="FILE", help="Black: background, grey: unknown, white: foreground.")] = None,
    strokes: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Scribbles: white or green on the subject, black or red beside it; or polylines in .json."),
    ] = None,
    background: Annotated[str | None, typer.Option("--bg", "--plate", metavar="FILE", help="The same scene without the subject.")] = None,
    mask: Annotated[str | None, typer.Option(metavar="FILE", help="A rough mask of the subject, white on black.")] = None,
    screen: Annotated[
        str | None, typer.Option(metavar="green|blue|auto", help="The photo was taken before such a screen; its spill is taken away.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--as", metavar="KIND", help="cutout, alpha, foreground or composite.  [default: cutout]")
    ] = None,
    over: Annotated[str | None, typer.Option(metavar="COLOUR|IMAGE", help="Lay the cut-out over this (means --as composite).")] = None,
    fit: Annotated[str, typer.Option(help="Bring that picture to size: cover, contain or stretch.")] = "cover",
    blur: Annotated[str, typer.Option(metavar="SIGMA", help="Put it out of focus: pixels such as 12, or 1.5% of the longer side.")] = "0",
    gamma: Annotated[bool, typer.Option("--gamma", help="Blend encoded values, as older tools do, not light.")] = False,
    decontaminate: Annotated[
        str, typer.Option(metavar="on|off", help="Take the old background out of the colours; off keeps the photo's own.")
    ] = "on",
    refine: Annotated[
        str | None, typer.Option(metavar="[MODEL]|none", help="Let a trimap model finish a coarse matte.  [default: as the model advises]")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", metavar="NAME=VALUE", help="Tune the model; `matte models info` lists how.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = AUTO,
    precision: Annotated[str, typer.Option(help="auto, fp32, fp16 or bf16.")] = AUTO,
    max_memory: Annotated[
        str | None,
        typer.Option(
            "--max-memory", metavar="SIZE", help="Stay below this, as 6G: work in tiles or smaller, or refuse.  [default: all free]"
        ),
    ] = None,
    json_lines: Annotated[bool, typer.Option("--json", help="One line of JSON for each picture on stdout.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Never open a socket.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Let a result replace its own input.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only errors on stderr.")] = False,
) -> None:
    """Cut the subject out of photos.

    Writes a PNG with transparency for each photo and prints its path. Without a guide the subject is found; with --trimap,
    --strokes, --mask, --bg or --screen you say what it is.

    Examples:

      matte image photo.jpg -o cutout.png

      matte image photo.jpg --trimap trimap.png --over white -o composite.jpg

      matte image photos/ -o cutouts/ --model shm-fast --json
    """
    from mattecli.pipelines.guides import choose, choose_refiner
    from mattecli.pipelines.plan import plan_jobs

    given = {"trimap": trimap, "strokes": strokes, "background": background, "mask": mask}
    guides = {name: file for name, file in given.items() if file is not None}
    look = Look(
        kind_of(kind, over), over or "white", options_of(option or []), fit, blur, gamma, switch_of("--decontaminate", decontaminate)
    )
    jobs = plan_jobs(inputs, output, kind=look.kind, guides=guides, overwrite=overwrite)
    _check_destinations(jobs, look.kind)
    choice = choose(registry(), model, guides if screen is None else guides | {"screen": screen})
    refiner = choose_refiner(registry(), choice, refine)
    reporter = Reporter(json_lines=json_lines, quiet=quiet, many=len(jobs) > 1)
    present = [job for job in jobs if _is_present(job, reporter)]
    if present:
        with step_progress("loading", len(present)) as step:
            recipe = open_recipe(choice, refiner, look, Machine(device, precision, offline, max_memory), reporter.note)
            _run(present, recipe, step, reporter)
    if reporter.failures:
        raise typer.Exit(1)


@dataclass
class Reporter:
    """Tells the person or the calling program what became of each picture."""

    json_lines: bool
    quiet: bool
    many: bool
    failures: int = 0

    def note(self, text: str) -> None:
        if not self.quiet:
            note(text)

    def failed(self, job: "Job", error: MatteError) -> None:
        self.failures += 1
        complain(error if job.source in str(error) or not self.many else f"{job.source}: {error}")
        if self.json_lines:
            say_json({"input": job.source, "output": None, "error": str(error)})

    def done(self, result: "Result", recipe: "Recipe") -> None:
        for text in result.notes:
            self.note(f"{result.source}: {text}")
        if self.json_lines:
            # A picture on stdout leaves no room for its record, which then goes to stderr.
            (say_json if result.destination != "-" else note_json)(_record(result, recipe))
        elif result.destination != "-":
            say(result.destination)


def _record(result: "Result", recipe: "Recipe") -> dict[str, Any]:
    return {
        "input": result.source,
        "output": result.destination,
        "model": recipe.matter.info.name,
        "guide": recipe.choice.trimap_source or None,
        "refine": recipe.refiner.info.name if recipe.refiner else None,
        "device": str(recipe.matter.device),
        "precision": recipe.matter.precision,
        "seconds": round(result.seconds, 4),
        "split": {step: round(seconds, 4) for step, seconds in result.split.items()},
        "size": list(result.size),
        "expected_memory": result.expected_memory,
        "notes": list(result.notes),
    }


def _check_destinations(jobs: "list[Job]", kind: str) -> None:
    from mattecli.io.images import check_suffix

    for job in jobs:
        if job.destination != "-":
            check_suffix(Path(job.destination), has_alpha=kind == "cutout")


def _is_present(job: "Job", reporter: Reporter) -> bool:
    """Missing files are reported before the seconds that loading takes."""
    for file in (job.source, *job.guides.values()):
        if file != "-" and not Path(file).exists():
            reporter.failed(job, InputError(f"there is no file {file}; check the path"))
            return False
    return True


def _run(jobs: "list[Job]", recipe: "Recipe", step: Callable[[str], None], reporter: Reporter) -> None:
    from mattecli.pipelines.batch import process_all

    for job, outcome in process_all(jobs, recipe):
        step(Path(job.source).name)
        if isinstance(outcome, MatteError):
            reporter.failed(job, outcome)
        else:
            reporter.done(outcome, recipe)
