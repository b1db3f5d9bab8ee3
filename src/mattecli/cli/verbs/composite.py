"""`matte composite`: a picture or clip and its matte laid over something else."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mattecli.cli import options, picture_options
from mattecli.cli.choices import a_device, one_of
from mattecli.cli.console import STDOUT, Teller, frame_progress, step_progress
from mattecli.cli.picture_options import FramingCommand
from mattecli.cli.recipe import AUTO, switch_of
from mattecli.errors import InputError, UsageError

if TYPE_CHECKING:
    from mattecli.batch.items import Item, Settings
    from mattecli.pipelines.composite import Layout
    from mattecli.pipelines.composite_clip import CompositeClipResult
    from mattecli.pipelines.result import Result
    from mattecli.requests.clip import ClipRequest
    from mattecli.requests.photos import Job

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=FramingCommand)
def composite(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE", help="Photos or cut-outs: files, folders, globs, - for stdin; or a clip.", show_default=False),
    ],
    over: Annotated[
        str,
        typer.Option(
            **one_of("transparent", beside="COLOUR|IMAGE|CLIP"),
            help="What is laid behind; of a clip of pictures 25 a second.",
            show_default=False,
        ),
    ],
    alpha: Annotated[
        str | None,
        typer.Option(metavar="A", help="The matte: a file, a folder, a pattern, or a clip.  [default: the image's own transparency]"),
    ] = None,
    output: options.Output = None,
    fit: options.Fit = "cover",
    blur: options.Blur = "0",
    gamma: options.Gamma = False,
    decontaminate: options.Decontaminate = "on",
    keep_hidden: options.KeepHidden = False,
    premultiplied: Annotated[
        bool, typer.Option("--premultiplied", help="With --over transparent: multiply the colours by alpha, for tools that want it so.")
    ] = False,
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
    fps: Annotated[str | None, typer.Option(metavar="RATE", help="Frames a second of patterns of pictures: frames/%05d.png.")] = None,
    codec: options.Codec = None,
    crf: options.Crf = None,
    device: Annotated[str, typer.Option(**a_device(), help="Where colours are estimated.")] = AUTO,
    json_lines: Annotated[bool, typer.Option("--json", help="One line of JSON for each result on stdout.")] = False,
    overwrite: options.Overwrite = False,
    skip_existing: options.SkipExisting = False,
    quiet: options.Quiet = False,
) -> None:
    """Lay pictures or clips over a backdrop by their mattes.

    The subject's own colours are estimated first, so that nothing of the old background comes along; an image with a transparency of
    its own is a cut-out, whose colours are taken as they are. Light is blended, as a lens does it.

    Examples:

      matte composite photo.jpg --alpha alpha.png --over beach.jpg --blur 1% -o composite.jpg

      matte composite cutouts/ --over white -o white/

      matte composite clip.mp4 --alpha alpha.mov --over street.mp4 -o composite.mp4

      matte composite cutout.exr --over plate.exr -o composite.exr

      matte composite cutout.mov --over beach.jpg -o composite.mp4

      matte composite clip.mp4 --alpha alpha.mkv --over transparent --crop 5% -o cutout.mov
    """
    from mattecli.requests.clip import is_clip

    layout = _layout(
        over,
        fit,
        blur,
        linear=not gamma,
        decontaminate=switch_of("--decontaminate", decontaminate),
        premultiplied=premultiplied,
        keep_hidden=keep_hidden,
        device=device,
        picture=picture_options.words_of(
            invert=invert,
            crop=crop,
            size=size,
            max_side=max_side,
            page=page,
            layer=layer,
            depth=depth,
            file_quality=file_quality,
            straight=straight,
            strip=strip,
        ),
    )
    if invert and alpha is None:
        raise UsageError("a cut-out has no background left to show, so --invert goes with --alpha; give the matte, or drop --invert")
    behind = None if layout.output.backdrop is None else over
    teller = Teller(json_lines=json_lines, quiet=quiet)
    if len(inputs) == 1 and (is_clip(inputs[0]) or (alpha is not None and is_clip(alpha))):
        if skip_existing:
            raise UsageError("--skip-existing is for pictures, and this is a clip; drop it")
        request = _request(inputs[0], alpha, output, layout, fps=fps, codec=codec, crf=crf)
        _compose_clip(request, layout, teller, over=behind, overwrite=overwrite)
    else:
        jobs = _jobs(inputs, alpha, output, layout, teller, over=behind, overwrite=overwrite)
        settings = _settings(layout, behind, fit, blur)
        left = _still_to_make(jobs, settings, overwrite=overwrite, tell=teller.note) if skip_existing else jobs
        _compose_pictures(left, layout, settings, teller)
    if layout.output.backdrop is not None:
        layout.output.backdrop.close()
    if teller.failures:
        raise typer.Exit(1)


def _tell(teller: Teller, result: "Result | CompositeClipResult") -> None:
    teller.done(result.destination, _record(result), [f"{result.source}: {text}" for text in result.notes])


def _record(result: "Result | CompositeClipResult") -> dict[str, Any]:
    of_clips = {name: getattr(result, name) for name in ("frames", "damage") if hasattr(result, name)}
    return {
        "input": result.source,
        "output": result.destination,
        "size": [result.size[1], result.size[0]],
        **of_clips,
        "split": {step: round(seconds, 4) for step, seconds in result.split.items()},
        "notes": list(result.notes),
    }


def _layout(
    over: str,
    fit: str,
    blur: str,
    *,
    linear: bool,
    decontaminate: bool,
    premultiplied: bool,
    keep_hidden: bool,
    device: str,
    picture: dict[str, Any],
) -> "Layout":
    from mattecli.compositing.backdrop import open_backdrop, parse_blur
    from mattecli.compositing.output import OutputOptions
    from mattecli.pipelines.composite import TRANSPARENT, Layout
    from mattecli.requests.paths import refuse_empty
    from mattecli.requests.pictures import picture_options as picture_options_of

    refuse_empty("--over", over)
    if premultiplied and over != TRANSPARENT:
        raise UsageError("--premultiplied goes with --over transparent; over a backdrop nothing is left to multiply")
    if keep_hidden and over != TRANSPARENT:
        raise UsageError("--keep-hidden goes with --over transparent; over a backdrop nothing is hidden")
    if premultiplied and keep_hidden:
        raise UsageError("--premultiplied hides the colours that --keep-hidden keeps; drop one of them")
    asked = picture_options_of(picture)
    if keep_hidden and not asked.framing.is_plain:
        raise UsageError("--keep-hidden keeps colours where nothing is cut or scaled; drop it, or --crop, --size and --max-side")
    if device != AUTO:
        from mattecli.core.runtime import pick_device

        pick_device(device)
    backdrop = None if over == TRANSPARENT else open_backdrop(over, mode=fit, blur=parse_blur(blur))
    output = OutputOptions(
        "cutout" if backdrop is None else "composite",
        backdrop,
        linear=linear,
        decontaminate=decontaminate,
        keep_hidden=keep_hidden,
        premultiplied=premultiplied,
        file=asked.file,
        framing=asked.framing,
        invert=asked.invert,
    )
    return Layout(output, asked.pick, device)


def _jobs(
    inputs: list[str], alpha: str | None, output: str | None, layout: "Layout", teller: Teller, *, over: str | None, overwrite: bool
) -> "list[Job]":
    from mattecli.requests.photos import check_destinations, plan_jobs

    guides = {} if alpha is None else {"alpha": alpha}
    jobs = plan_jobs(inputs, output, kind=layout.output.kind, guides=guides, over=over, overwrite=overwrite, tell=teller.note)
    check_destinations(jobs, has_alpha=layout.output.kind == "cutout", options=layout.output.file)
    return jobs


def _settings(layout: "Layout", over: str | None, fit: str, blur: str) -> "Settings":
    """What decides the pictures, as the records of what was made have it."""
    from mattecli.batch.items import Settings

    output = layout.output
    return Settings(
        model="none: matte composite",
        kind=output.kind,
        over=over,
        fit=fit,
        blur=blur,
        gamma=not output.linear,
        decontaminate=output.decontaminate,
        keep_hidden=output.keep_hidden,
        premultiplied=output.premultiplied,
        picture={
            "file": repr(output.file),
            "pick": repr(layout.pick),
            "framing": repr(output.framing),
            "invert": repr(output.invert),
        },
    )


def _still_to_make(jobs: "list[Job]", settings: "Settings", *, overwrite: bool, tell: Callable[[str], None]) -> "list[Job]":
    """The jobs whose results are missing or were made otherwise; `tell` is called with notes on how many are left out or made anew."""
    from mattecli.batch.resume import DONE, REMAKE, MadeBefore

    if overwrite:
        raise UsageError("--skip-existing keeps the results that are there, --overwrite replaces even inputs; drop one of them")
    before = MadeBefore()
    verdicts = [before.verdict(_item(job, settings)) for job in jobs]
    if DONE in verdicts:
        tell(f"{verdicts.count(DONE)} of {len(jobs)} results are there already, so their pictures are left out")
    if REMAKE in verdicts:
        tell(f"{verdicts.count(REMAKE)} are there, but not as made from their pictures with these settings, so they are made anew")
    return [job for job, verdict in zip(jobs, verdicts, strict=True) if verdict != DONE]


def _item(job: "Job", settings: "Settings") -> "Item":
    from mattecli.batch.items import Item

    return Item(job.source, job.destination, replace(settings, guides=job.guides))


def _compose_pictures(jobs: "list[Job]", layout: "Layout", settings: "Settings", teller: Teller) -> None:
    from mattecli.batch.resume import MadeBefore
    from mattecli.pipelines.batch import process_all
    from mattecli.pipelines.composite import process_composite

    made = MadeBefore()

    def compose(job: "Job") -> "Result":
        with made.noting(_item(job, settings)) if STDOUT not in (job.source, job.destination) else nullcontext():
            return process_composite(job, layout)

    with step_progress("composing", len(jobs)) as step:
        teller.tell_all(process_all(jobs, compose), partial(_tell, teller), step)


def _request(
    source: str,
    alpha: str | None,
    output: str | None,
    layout: "Layout",
    *,
    fps: str | None,
    codec: str | None,
    crf: int | None,
) -> "ClipRequest":
    from mattecli.requests.clip import ClipRequest, default_destination, parse_rate

    destination = default_destination(source, layout.output.kind) if output is None else output
    guides = {} if alpha is None else {"alpha": alpha}
    return ClipRequest(source, destination, guides, fps=parse_rate(fps) if fps else None, codec=codec, crf=crf)


def _compose_clip(request: "ClipRequest", layout: "Layout", teller: Teller, *, over: str | None, overwrite: bool) -> None:
    from mattecli.pipelines.composite_clip import process_composite_clip
    from mattecli.requests.clip import check_request

    check_request(request, kind=layout.output.kind, over=over, overwrite=overwrite)
    with frame_progress(Path(request.source).name) as on_frame:
        reel = process_composite_clip(request, layout, on_frame=on_frame)
    _tell(teller, reel)
    if reel.damage is not None:
        raise InputError(f"{reel.damage}; the {reel.frames} frames before that were written to {reel.destination}")
