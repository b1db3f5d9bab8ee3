"""`matte image`: photos in, cut-outs out."""

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mattecli.cli import options
from mattecli.cli.console import Teller, step_progress
from mattecli.cli.recipe import AUTO, Machine, ModelRequest, look_of, open_model, open_output, still_to_make
from mattecli.errors import InputError

if TYPE_CHECKING:
    from mattecli import Matte, Model, OutputOptions
    from mattecli.requests.photos import Job


def image(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT", help="Photos, folders, globs, or - for stdin.", show_default=False)],
    output: options.Output = None,
    model: options.Model = None,
    trimap: Annotated[str | None, typer.Option(metavar="FILE", help="Black: background, grey: unknown, white: foreground.")] = None,
    strokes: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Scribbles: white or green on the subject, black or red beside it; or polylines in .json."),
    ] = None,
    background: options.PlatePhoto = None,
    mask: Annotated[str | None, typer.Option(metavar="FILE", help="A rough mask of the subject, white on black.")] = None,
    screen: Annotated[
        str | None, typer.Option(metavar="green|blue|auto", help="The photo was taken before such a screen; its spill is taken away.")
    ] = None,
    kind: options.Kind = None,
    over: Annotated[str | None, typer.Option(metavar="COLOUR|IMAGE", help="Lay the cut-out over this (means --as composite).")] = None,
    fit: Annotated[str, typer.Option(help="Bring that picture to size: cover, contain or stretch.")] = "cover",
    blur: options.Blur = "0",
    gamma: options.Gamma = False,
    decontaminate: Annotated[
        str, typer.Option(metavar="on|off", help="Take the old background out of the colours; off keeps the photo's own.")
    ] = "on",
    keep_hidden: options.KeepHidden = False,
    refine: Annotated[
        str | None, typer.Option(metavar="[MODEL]|none", help="Let a trimap model finish a coarse matte.  [default: as the model advises]")
    ] = None,
    option: options.Tunables = None,
    device: options.Device = AUTO,
    precision: options.Precision = AUTO,
    max_memory: Annotated[
        str | None,
        typer.Option(
            "--max-memory", metavar="SIZE", help="Stay below this, as 6G: work in tiles or smaller, or refuse.  [default: all free]"
        ),
    ] = None,
    json_lines: Annotated[bool, typer.Option("--json", help="One line of JSON for each picture on stdout.")] = False,
    offline: options.Offline = False,
    overwrite: options.Overwrite = False,
    skip_existing: options.SkipExisting = False,
    quiet: options.Quiet = False,
) -> None:
    """Cut the subject out of photos.

    Writes a PNG with transparency for each photo and prints its path. Without a guide the subject is found; with --trimap,
    --strokes, --mask, --bg or --screen you say what it is.

    Examples:

      matte image photo.jpg -o cutout.png

      matte image photo.jpg --trimap trimap.png --over white -o composite.jpg

      matte image photos/ -o cutouts/ --model shm-fast --json

      matte image photos/ -o cutouts/ --skip-existing
    """
    from mattecli.requests.photos import check_destinations, plan_jobs

    given = {"trimap": trimap, "strokes": strokes, "background": background, "mask": mask}
    guides = {name: file for name, file in given.items() if file is not None}
    look = look_of(kind, over, option, fit=fit, blur=blur, gamma=gamma, decontaminate=decontaminate, keep_hidden=keep_hidden)
    teller = Teller(json_lines=json_lines, quiet=quiet)
    jobs = plan_jobs(inputs, output, kind=look.kind, guides=guides, over=over, overwrite=overwrite, tell=teller.note)
    check_destinations(jobs, has_alpha=look.kind == "cutout")
    request = ModelRequest(model, guides if screen is None else guides | {"screen": screen}, refine, look.options)
    teller.alone = len(jobs) == 1
    left = still_to_make(jobs, skip_existing=skip_existing, overwrite=overwrite, tell=teller.note)
    present = [job for job in left if _is_present(job, teller)]
    if present:
        with step_progress("loading", len(present)) as step:
            wanted = open_output(look)
            opened = open_model(request, Machine(device, precision, offline, max_memory), teller.note)
            _run(present, partial(_make, model=opened, request=request, output=wanted), opened, teller, step)
    if teller.failures:
        raise typer.Exit(1)


def _is_present(job: "Job", teller: Teller) -> bool:
    """Missing files are reported before the seconds that loading takes."""
    if job.lacks:
        teller.failed(job, InputError(job.lacks))
        return False
    for file in (job.source, *job.guides.values()):
        if file != "-" and not os.path.exists(file):
            teller.failed(job, InputError(f"there is no file {file}; check the path"))
            return False
    return True


def _run(jobs: "list[Job]", make: "Callable[[Job], dict[str, Any]]", model: "Model", teller: Teller, step: Callable[[str], None]) -> None:
    from mattecli.core.tuning.parallelism import photos_at_once, shared_out
    from mattecli.pipelines.batch import process_all

    at_once = min(photos_at_once(model.loaded.device), len(jobs))

    def tell(record: dict[str, Any]) -> None:
        teller.done(record["output"], record, [f"{record['input']}: {text}" for text in record["notes"]])

    with shared_out(at_once):
        teller.tell_all(process_all(jobs, make, threads=at_once), tell, step)


def _make(job: "Job", *, model: "Model", request: ModelRequest, output: "OutputOptions") -> dict[str, Any]:
    """Make one picture; returns its record."""

    def finish(matte: "Matte") -> dict[str, Any]:
        matte.save(job.destination, output)
        return {"input": job.source, "output": job.destination, **matte.record(), "notes": list(matte.notes_of(output))}

    given = {name: value for name, value in request.given.items() if name == "screen"} | dict(job.guides)
    return model.then(job.source, finish, guides=given, refine=request.refine, options=request.options)
