"""`matte composite`: a picture or clip and its matte laid over something else."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mattecli.cli.console import complain, frame_progress, note, note_json, say, say_json, step_progress
from mattecli.cli.recipe import AUTO, switch_of
from mattecli.errors import MatteError, UsageError

if TYPE_CHECKING:
    from mattecli.pipelines.composite import Layout
    from mattecli.pipelines.composite_clip import Reel
    from mattecli.pipelines.plan import Job
    from mattecli.pipelines.result import Result
    from mattecli.pipelines.take import Take

STDOUT = "-"


def composite(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE", help="Photos or cut-outs: files, folders, globs, - for stdin; or a clip.", show_default=False),
    ],
    over: Annotated[
        str, typer.Option(metavar="BACKDROP", help="What is laid behind: a colour, a picture, a clip, or transparent.", show_default=False)
    ],
    alpha: Annotated[
        str | None,
        typer.Option(metavar="A", help="The matte: a file, a folder, a pattern, or a clip.  [default: the image's own transparency]"),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="A file, a folder, a pattern with {stem}, {name}, {parent}, or - for stdout.  [default: beside the input]",
        ),
    ] = None,
    fit: Annotated[str, typer.Option(help="Bring the backdrop to size: cover, contain or stretch.")] = "cover",
    blur: Annotated[
        str, typer.Option(metavar="SIGMA", help="Put the backdrop out of focus: pixels such as 12, or 1.5% of the longer side.")
    ] = "0",
    gamma: Annotated[bool, typer.Option("--gamma", help="Blend encoded values, as older tools do, not light.")] = False,
    decontaminate: Annotated[
        str, typer.Option(metavar="on|off", help="Take the old background out of the colours; off where they are the subject's own.")
    ] = "on",
    premultiplied: Annotated[
        bool, typer.Option("--premultiplied", help="With --over transparent: multiply the colours by alpha, for tools that want it so.")
    ] = False,
    fps: Annotated[str | None, typer.Option(metavar="RATE", help="Frames a second of patterns of pictures: frames/%05d.png.")] = None,
    codec: Annotated[str | None, typer.Option(help="Of a clip: h264, hevc, vp9, prores or ffv1.  [default: what suits the ending]")] = None,
    crf: Annotated[int | None, typer.Option(min=0, max=63, help="Quality of h264, hevc and vp9; lower is better and larger.")] = None,
    device: Annotated[str, typer.Option(help="Where colours are estimated: auto, cpu, cuda, cuda:N or mps.")] = AUTO,
    json_lines: Annotated[bool, typer.Option("--json", help="One line of JSON for each result on stdout.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Let a result replace its own input.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only errors on stderr.")] = False,
) -> None:
    """Lay pictures or clips over something else by their mattes.

    The subject's own colours are estimated first, so that nothing of the old background comes along; an image with a transparency of
    its own is a cut-out, whose colours are taken as they are. Light is blended, as a lens does it.

    Examples:

      matte composite photo.jpg --alpha alpha.png --over beach.jpg --blur 1% -o composite.jpg

      matte composite cutouts/ --over white -o white/

      matte composite clip.mp4 --alpha alpha.mov --over street.mp4 -o composite.mp4
    """
    from mattecli.pipelines.composite import is_clip

    layout = _layout(
        over,
        fit,
        blur,
        linear=not gamma,
        decontaminate=switch_of("--decontaminate", decontaminate),
        premultiplied=premultiplied,
        device=device,
    )
    teller = Teller(json_lines=json_lines, quiet=quiet)
    if len(inputs) == 1 and (is_clip(inputs[0]) or (alpha is not None and is_clip(alpha))):
        _compose_clip(_take(inputs[0], alpha, output, layout, fps=fps, codec=codec, crf=crf, overwrite=overwrite), layout, teller)
    else:
        _compose_pictures(_jobs(inputs, alpha, output, layout, overwrite=overwrite), layout, teller)
    if layout.backdrop is not None:
        layout.backdrop.close()
    if teller.failures:
        raise typer.Exit(1)


@dataclass
class Teller:
    """Tells the person or the calling program what became of each picture."""

    json_lines: bool
    quiet: bool
    failures: int = 0

    def failed(self, job: "Job", error: MatteError) -> None:
        self.failures += 1
        complain(error if job.source in str(error) else f"{job.source}: {error}")
        if self.json_lines:
            say_json({"input": job.source, "output": None, "error": str(error)})

    def done(self, result: "Result | Reel") -> None:
        if not self.quiet:
            for text in result.notes:
                note(text)
        if self.json_lines:
            # A picture on stdout leaves no room for its record, which then goes to stderr.
            (say_json if result.destination != STDOUT else note_json)(_record(result))
        elif result.destination != STDOUT:
            say(result.destination)


def _record(result: "Result | Reel") -> dict[str, Any]:
    frames = getattr(result, "frames", None)
    return {
        "input": result.source,
        "output": result.destination,
        "size": list(result.size),
        **({} if frames is None else {"frames": frames}),
        "split": {step: round(seconds, 4) for step, seconds in result.split.items()},
        "notes": list(result.notes),
    }


def _layout(over: str, fit: str, blur: str, *, linear: bool, decontaminate: bool, premultiplied: bool, device: str) -> "Layout":
    from mattecli.pipelines.backdrop import open_backdrop, parse_blur
    from mattecli.pipelines.composite import TRANSPARENT, Layout

    if premultiplied and over != TRANSPARENT:
        raise UsageError("--premultiplied goes with --over transparent; over a backdrop nothing is left to multiply")
    if device != AUTO:
        from mattecli.core.runtime import pick_device

        pick_device(device)
    backdrop = None if over == TRANSPARENT else open_backdrop(over, mode=fit, blur=parse_blur(blur))
    return Layout(backdrop, premultiplied=premultiplied, linear=linear, decontaminate=decontaminate, device=device)


def _jobs(inputs: list[str], alpha: str | None, output: str | None, layout: "Layout", *, overwrite: bool) -> "list[Job]":
    from mattecli.pipelines.composite import check_jobs
    from mattecli.pipelines.plan import plan_jobs

    jobs = plan_jobs(inputs, output, kind=layout.kind, guides={} if alpha is None else {"alpha": alpha}, overwrite=overwrite)
    check_jobs(jobs, layout)
    return jobs


def _compose_pictures(jobs: "list[Job]", layout: "Layout", teller: Teller) -> None:
    from mattecli.pipelines.composite import process_composite

    with step_progress("composing", len(jobs)) as step:
        for job in jobs:
            try:
                teller.done(process_composite(job, layout))
            except MatteError as error:
                teller.failed(job, error)
            step(Path(job.source).name)


def _take(
    source: str,
    alpha: str | None,
    output: str | None,
    layout: "Layout",
    *,
    fps: str | None,
    codec: str | None,
    crf: int | None,
    overwrite: bool,
) -> "Take":
    from mattecli.pipelines.take import Take, check_take, default_destination, parse_rate

    if alpha is None:
        raise UsageError("the transparency of a clip is not read; give its mattes with --alpha, as a clip or as pictures")
    if layout.premultiplied:
        raise UsageError("--premultiplied is for pictures; players and editors expect straight colours in clips")
    destination = output or default_destination(source, layout.kind)
    take = Take(source, destination, {"alpha": alpha}, fps=parse_rate(fps) if fps else None, codec=codec, crf=crf)
    check_take(take, kind=layout.kind, overwrite=overwrite)
    return take


def _compose_clip(take: "Take", layout: "Layout", teller: Teller) -> None:
    from mattecli.pipelines.composite_clip import process_composite_clip

    with frame_progress(Path(take.source).name) as on_frame:
        reel = process_composite_clip(take, layout, on_frame=on_frame)
    teller.done(reel)
