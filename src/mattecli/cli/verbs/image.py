"""`matte image`: photos in, cut-outs out."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mattecli.cli import batch_options, options, picture_options
from mattecli.cli.batch_options import BatchRequest
from mattecli.cli.choices import SCREENS, one_of
from mattecli.cli.console import Teller, step_progress
from mattecli.cli.recipe import AUTO, DeviceOptions, MattingCommand, open_model, output_settings, with_model, with_weights
from mattecli.errors import InputError, MatteError, UsageError
from mattecli.requests.quality import BEST

if TYPE_CHECKING:
    from mattecli import Matte, Model, OutputOptions
    from mattecli.batch.items import Item, Settings
    from mattecli.requests.photos import Job

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=MattingCommand)
def image(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT", help="Photos, folders, globs, URLs (s3://, gs://, az://, https://), or - for stdin.", show_default=False
        ),
    ] = None,
    output: options.Output = None,
    model: options.Model = None,
    weights: options.Weights = None,
    trimap: Annotated[str | None, typer.Option(metavar="FILE", help="Black: background, grey: unknown, white: foreground.")] = None,
    strokes: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Scribbles: white or green on the subject, black or red beside it; or polylines in .json."),
    ] = None,
    background: options.PlatePhoto = None,
    mask: Annotated[str | None, typer.Option(metavar="FILE", help="A rough mask of the subject, white on black.")] = None,
    screen: Annotated[
        str | None,
        typer.Option(
            **one_of(*SCREENS, beside="#HEX"),
            help="The photo was taken before such a screen; the spill of green and blue is taken away.",
        ),
    ] = None,
    kind: options.Kind = None,
    over: Annotated[str | None, typer.Option(metavar="COLOUR|IMAGE", help="Lay the cut-out over this (means --as composite).")] = None,
    fit: options.Fit = "cover",
    blur: options.Blur = "0",
    gamma: options.Gamma = False,
    decontaminate: options.Decontaminate = "on",
    keep_hidden: options.KeepHidden = False,
    invert: picture_options.Invert = False,
    crop: picture_options.Crop = None,
    size: picture_options.Size = None,
    max_side: picture_options.MaxSide = None,
    page: picture_options.Page = None,
    layer: picture_options.Layer = None,
    depth: picture_options.Depth = None,
    file_quality: picture_options.FileQuality = None,
    straight: picture_options.Straight = False,
    strip: picture_options.Strip = False,
    refine: options.Refine = None,
    quality: options.Quality = BEST,
    option: options.Tunables = None,
    device: options.Device = AUTO,
    precision: options.Precision = AUTO,
    max_memory: options.MaxMemory = None,
    json_lines: Annotated[bool, typer.Option("--json", help="One line of JSON for each picture on stdout.")] = False,
    offline: options.Offline = False,
    overwrite: batch_options.Overwrite = None,
    skip_existing: options.SkipExisting = False,
    manifest: batch_options.Manifest = None,
    results: batch_options.Results = None,
    resume: batch_options.Resume = False,
    retry_failed: batch_options.RetryFailed = False,
    checksum: batch_options.Checksum = False,
    shard: batch_options.Shard = None,
    order: batch_options.Order = "given",
    on_error: batch_options.OnError = "continue",
    max_failures: batch_options.MaxFailures = None,
    timeout: batch_options.Timeout = None,
    workers: batch_options.Workers = None,
    watch: batch_options.Watch = False,
    engine: batch_options.Engine = "local",
    address: batch_options.Address = None,
    gpus: batch_options.Gpus = None,
    quiet: options.Quiet = False,
) -> None:
    """Cut the subject out of photos.

    Writes a PNG with transparency for each photo and prints its path. Without a guide the subject is found; with --trimap,
    --strokes, --mask, --bg or --screen you say what it is.

    Examples:

      matte image photo.jpg -o cutout.png

      matte image photo.jpg --trimap trimap.png --over white -o composite.jpg

      matte image photo.heic --crop 5% --size 1000 --over white -o product.jpg --file-quality 90

      matte image render.exr --layer beauty -o cutout.exr

      matte image photos/ -o cutouts/ --model shm-fast --json

      matte image photos/ -o cutouts/ --skip-existing

      matte image --manifest photos.csv --results results.jsonl --resume --shard 3/8

      matte image inbox/ -o cutouts/ --watch
    """
    given = {"trimap": trimap, "strokes": strokes, "background": background, "mask": mask}
    guides = {name: file for name, file in given.items() if file is not None}
    picture = picture_options.words_of(
        page=page,
        layer=layer,
        crop=crop,
        size=size,
        max_side=max_side,
        invert=invert,
        depth=depth,
        file_quality=file_quality,
        straight=straight,
        strip=strip,
    )
    settings = output_settings(
        kind,
        over,
        option,
        fit=fit,
        blur=blur,
        gamma=gamma,
        decontaminate=decontaminate,
        keep_hidden=keep_hidden,
        picture=picture,
    )
    batch = BatchRequest(
        manifest=manifest,
        results=results,
        resume=resume or skip_existing,
        retry_failed=retry_failed,
        checksum=checksum,
        shard=shard,
        order=order,
        on_error=on_error,
        max_failures=max_failures,
        timeout=timeout,
        overwrite=overwrite,
        workers=workers,
        watch=watch,
        engine=engine,
        address=address,
        gpus=gpus,
    )
    settings = with_model(settings, with_weights(model, weights), guides=guides, screen=screen, refine=refine, quality=quality)
    machine = DeviceOptions(device, precision, offline, max_memory)
    photos = PhotoRequest(tuple(inputs or ()), output, settings, machine, batch)
    _make_photos(photos, Teller(json_lines=json_lines, quiet=quiet))


@dataclass(frozen=True)
class PhotoRequest:
    """What `matte image` is asked for."""

    inputs: tuple[str, ...]
    output: str | None
    settings: "Settings"
    machine: DeviceOptions
    batch: BatchRequest


def _make_photos(asked: PhotoRequest, teller: Teller) -> None:
    """One photo is made in this process, several are a batch."""
    from mattecli.batch.storage import is_url
    from mattecli.batch.url_photos import plan_url_jobs
    from mattecli.cli.batch import check_batch, check_photo_item, job_items, manifest_items, watched_items
    from mattecli.requests.photos import check_destinations, plan_jobs
    from mattecli.requests.pictures import picture_options

    settings = asked.settings
    check_batch(asked.batch, asked.inputs)
    if asked.batch.manifest is not None:
        if asked.inputs:
            raise UsageError("--manifest names the inputs, so no others are given; drop one of them")
        check = partial(check_photo_item, offline=asked.machine.offline)
        items, total = manifest_items(asked.batch, settings, asked.output, check)
        return _make_batch(asked, items, total, teller)
    if not asked.inputs:
        raise UsageError("there is no input; give photos, a folder, or --manifest FILE")
    if asked.batch.watch:
        return _make_batch(asked, watched_items(asked.inputs, asked.output, settings), None, teller)
    named = (*asked.inputs, asked.output, *settings.reads)
    remote = any(is_url(text) for text in named if text)
    jobs = (plan_url_jobs if remote else plan_jobs)(
        asked.inputs,
        asked.output,
        kind=settings.kind,
        guides=settings.guides,
        over=settings.over,
        overwrite=asked.batch.replaces_inputs,
        tell=teller.note,
    )
    check_destinations(jobs, has_alpha=settings.kind == "cutout", options=picture_options(settings.picture).file)
    teller.alone = len(jobs) == 1
    if teller.alone and not asked.batch.asked and not remote:
        return _make_one(jobs[0], asked, teller)
    items = job_items(jobs, settings)
    for item in items if remote else ():
        check_photo_item(item, offline=asked.machine.offline)
    _make_batch(asked, items, len(jobs), teller)


def _make_batch(asked: PhotoRequest, items: "Iterable[Item | None]", total: int | None, teller: Teller) -> None:
    from mattecli.batch.items import Run
    from mattecli.cli.batch import run_batch

    machine = asked.machine
    run = Run(machine.device, machine.precision, machine.offline, machine.max_memory)
    run_batch(asked.batch, run, asked.settings, items, total=total, teller=teller, what="images")


def _make_one(job: "Job", asked: PhotoRequest, teller: Teller) -> None:
    """One photo, in this process: what nobody foresaw keeps its traceback."""
    if not _is_present(job, teller):
        raise typer.Exit(1)
    from mattecli.batch.maker import open_output

    try:
        with step_progress("loading", 1):
            output = open_output(asked.settings, asked.machine.max_memory)
            model = open_model(asked.settings, asked.machine, teller.note)
            record = _make(job, replace(asked.settings, guides=job.guides), model=model, output=output)
    except UsageError:
        raise  # the command is wrong, and no photo has failed
    except MatteError as error:
        teller.failed(job, error)
        raise typer.Exit(error.exit_code) from error
    seen = [record["found"]] if "found" in record else []
    teller.done(record["output"], record, [f"{record['input']}: {text}" for text in (*seen, *record["notes"])])


def _is_present(job: "Job", teller: Teller) -> bool:
    """Files that are missing or no pictures are reported before the seconds that loading takes."""
    from mattecli.requests.inputs import check_file

    try:
        if job.lacks:
            raise InputError(job.lacks)
        for file in (job.source, *job.guides.values()):
            check_file(file)
    except MatteError as error:
        teller.failed(job, error)
        return False
    return True


def _make(job: "Job", settings: "Settings", *, model: "Model", output: "OutputOptions") -> dict[str, Any]:
    """Make one picture; returns its record."""
    import mattecli

    words = settings.picture
    source = mattecli.PictureFile(job.source, words.get("page", 1), words.get("layer"))

    def finish(matte: "Matte") -> dict[str, Any]:
        matte.save(job.destination, output)
        told = {} if model.guides else {"found": str(matte.found)}
        return {"input": job.source, "output": job.destination, **matte.record(), **told, "notes": list(matte.notes_of(output))}

    return model.then(source, finish, guides=settings.given, refine=settings.refine, options=settings.options)
