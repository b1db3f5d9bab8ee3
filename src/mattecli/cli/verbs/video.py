"""`matte video`: clips in, clips out."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mattecli.cli import batch_options, options, picture_options
from mattecli.cli.batch_options import BatchRequest
from mattecli.cli.choices import SCREENS, one_of
from mattecli.cli.console import Teller, frame_progress
from mattecli.cli.pace import telling_pace
from mattecli.cli.recipe import AUTO, DeviceOptions, MattingCommand, open_model, output_settings, with_model, with_weights
from mattecli.errors import InputError, UsageError
from mattecli.requests.quality import BEST

if TYPE_CHECKING:
    from mattecli import Model, OutputOptions
    from mattecli.batch.items import Settings
    from mattecli.pipelines.recipe import Recipe
    from mattecli.requests.clip import ClipRequest

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=MattingCommand)
def video(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CLIP",
            help="Video files, folders of frames or of videos, patterns: frames/%05d.png, or - for stdin.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help=".mov, .webm, .mkv, .mp4, .gif, .webp, .apng, .y4m, .nut; pictures: frames/%05d.png; - for stdout; of several clips a "
            "folder, or a pattern with {stem}.  "
            "[default: beside the clip, .mov, or .mp4 for composites]",
        ),
    ] = None,
    model: options.Model = None,
    weights: options.Weights = None,
    background: Annotated[
        str | None, typer.Option("--bg", "--plate", metavar="FILE", help="The scene without the subject: a photo, or a clip of it.")
    ] = None,
    align: Annotated[str, typer.Option(**one_of("auto", "none", "homography"), help="How the plate is laid onto the frames.")] = AUTO,
    trimap: Annotated[str | None, typer.Option(metavar="FILE", help="A trimap for all frames, or a clip or frames of them.")] = None,
    mask: Annotated[
        str | None, typer.Option(metavar="FILE", help="A rough mask of the first frame, which is followed, or a clip or frames of masks.")
    ] = None,
    follow: Annotated[
        str,
        typer.Option(
            **one_of(*options.FOLLOWS),
            help="Follow the subject of a still guide through the clip: auto does for masks, on for trimaps too.",
        ),
    ] = AUTO,
    screen: Annotated[
        str | None,
        typer.Option(
            **one_of(*SCREENS, beside="#HEX"),
            help="The clip was taken before such a screen; the spill of green and blue is taken away.",
        ),
    ] = None,
    kind: options.Kind = None,
    over: Annotated[str | None, typer.Option(metavar="COLOUR|IMAGE|CLIP", help="Lay the cut-out over this (means --as composite).")] = None,
    fit: options.Fit = "cover",
    blur: options.Blur = "0",
    gamma: options.Gamma = False,
    decontaminate: options.Decontaminate = "on",
    keep_hidden: options.KeepHidden = False,
    premultiplied: Annotated[
        bool, typer.Option("--premultiplied", help="Multiply a cut-out's colours by its alpha, for tools that want it so.")
    ] = False,
    invert: picture_options.Invert = False,
    size: picture_options.Size = None,
    max_side: picture_options.MaxSide = None,
    refine: options.Refine = None,
    quality: options.Quality = BEST,
    smooth: Annotated[
        bool | None,
        typer.Option(
            "--smooth/--no-smooth", help="Steady the matte over time; still hair stops flickering.  [default: for models without guides]"
        ),
    ] = None,
    start: options.Start = None,
    end: options.End = None,
    every: Annotated[int, typer.Option(min=1, metavar="N", help="Only each N-th frame.")] = 1,
    fps: options.Rate = None,
    codec: options.Codec = None,
    crf: options.Crf = None,
    preview: Annotated[
        str | None, typer.Option(metavar="FILE", help="First write a picture of some frames beside their alpha and composite.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with an interrupted sequence of pictures; of several clips, leave out those that are made."),
    ] = False,
    start_number: Annotated[
        int | None,
        typer.Option(min=0, max=99_999_999, metavar="N", help="Number pictures from this.  [default: as the pictures read, else 1]"),
    ] = None,
    tone_map: Annotated[
        str,
        typer.Option(
            **one_of(*options.TONE_MAPS),
            help="Of an HDR clip (PQ, HLG): keep its levels, or make the result SDR.",
        ),
    ] = "keep",
    deinterlace: Annotated[bool, typer.Option("--deinterlace", help="Make interlaced frames whole (bwdif).")] = False,
    option: options.Tunables = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Frames a pass through the model.  [default: 1, on CUDA 4]")] = None,
    device: options.Device = AUTO,
    precision: options.Precision = AUTO,
    max_memory: options.MaxMemory = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout: frames, seconds of each step, peak memory.")] = False,
    offline: options.Offline = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Let the result replace its own input.")] = False,
    manifest: batch_options.Manifest = None,
    results: batch_options.Results = None,
    retry_failed: batch_options.RetryFailed = False,
    checksum: batch_options.Checksum = False,
    shard: batch_options.Shard = None,
    order: batch_options.Order = "given",
    on_error: batch_options.OnError = "continue",
    max_failures: batch_options.MaxFailures = None,
    timeout: batch_options.Timeout = None,
    workers: batch_options.Workers = None,
    engine: batch_options.Engine = "local",
    address: batch_options.Address = None,
    gpus: batch_options.Gpus = None,
    quiet: options.Quiet = False,
) -> None:
    """Cut the subject out of a clip.

    Every frame comes out at its input's time, with the sound. .mov (ProRes 4444) and .webm (VP9) carry transparency, and so do
    pictures, .mkv (FFV1, lossless), .webp, .apng and, with hard edges, .gif; .mp4 is for --over and --as alpha. On stdout cut-outs
    are NUT, which ffmpeg reads as it is, and the rest y4m.

    Examples:

      matte video clip.mp4 --bg plate.jpg -o cutout.mov

      matte video clip.mp4 --model fdm-erd --smooth --over beach.jpg -o composite.mp4

      matte video clip.mp4 -o 'frames/%05d.png' --resume

      matte video takes/ --screen green --max-side 1280 -o cutouts/

      matte video clip.mp4 --mask first_frame.png -o cutout.mov

      matte video hdr.mov --bg plate.jpg --tone-map sdr -o cutout.mov

      matte video clip.mp4 --over white -o - | ffmpeg -i - -c:v libx264 small.mp4

      matte video --manifest clips.csv --results results.jsonl --resume
    """
    from mattecli.batch.maker import open_output
    from mattecli.batch.storage import is_url
    from mattecli.guides.clip_sources import check_given
    from mattecli.requests.clip import ClipRequest, check_request, parse_rate, parse_span
    from mattecli.requests.clips import plan_clips, spooled_request

    given = {"background": background, "trimap": trimap, "mask": mask}
    guides = {name: file for name, file in given.items() if file is not None}
    settings = output_settings(
        kind,
        over,
        option,
        fit=fit,
        blur=blur,
        gamma=gamma,
        decontaminate=decontaminate,
        keep_hidden=keep_hidden,
        premultiplied=premultiplied,
        picture=picture_options.words_of(invert=invert, size=size, max_side=max_side),
    )
    many = BatchRequest(
        manifest=manifest,
        results=results,
        retry_failed=retry_failed,
        checksum=checksum,
        shard=shard,
        order=order,
        on_error=on_error,
        max_failures=max_failures,
        timeout=timeout,
        overwrite=batch_options.INPUTS if overwrite else None,
        workers=workers,
        engine=engine,
        address=address,
        gpus=gpus,
    )
    teller = Teller(json_lines=as_json, quiet=quiet)
    machine = DeviceOptions(device, precision, offline, max_memory)
    span, rate, toned = parse_span(start, end, every), parse_rate(fps) if fps else None, options.tone_map_of(tone_map)
    settings = with_model(settings, with_weights(model, weights), guides=guides, screen=screen, refine=refine, quality=quality)
    remote = any(is_url(text) for text in (*(sources or ()), output, over, *guides.values()) if text)
    planned = plan_clips(sources, output, kind=settings.kind) if sources and not remote and not many.asked else []
    if len(planned) != 1:
        from mattecli.cli.clip_batch import make_clips

        if preview is not None:
            raise UsageError("--preview is a picture of one clip; drop it, or what makes this a batch")
        clip = {"start": start, "end": end, "every": every, "fps": fps, "codec": codec, "crf": crf, "align": align, "smooth": smooth}
        clip |= {"batch": batch, "start_number": start_number, "follow": None if follow == AUTO else follow}
        clip |= {"deinterlace": deinterlace or None, "tone_map": None if toned == "copy" else toned}
        settings = replace(settings, clip={name: value for name, value in clip.items() if value is not None})
        return make_clips(replace(many, resume=resume), sources or [], output, settings, machine, teller)
    request = ClipRequest(
        *planned[0],
        guides,
        span,
        fps=rate,
        codec=codec,
        crf=crf,
        align=align,
        smooth=smooth,
        batch=batch,
        resume=resume,
        start_number=start_number,
        deinterlace=deinterlace,
        follow=follow,
        tone_map=toned,
        keeps_matte=model is None and screen is None and not guides,
    )
    with ExitStack() as held:
        request = held.enter_context(spooled_request(request))
        check_request(request, kind=settings.kind, over=over, preview=preview, overwrite=overwrite)
        check_given(request)  # before the seconds that loading a model takes
        wanted = open_output(settings, machine.max_memory)
        if wanted.backdrop is not None:
            held.callback(wanted.backdrop.close)
        opened = open_model(settings, machine, teller.note)
        if preview is not None:
            _write_preview(preview, request, opened.recipe(settings.given, refine=refine, options=settings.options), wanted, teller.note)
        _make(request, opened, wanted, settings, teller)


def _make(
    request: "ClipRequest",
    opened: "Model",
    wanted: "OutputOptions",
    settings: "Settings",
    teller: Teller,
) -> None:
    """Make one clip and tell of it; an error where its source broke off."""
    from mattecli.door.video import clip_record, matte_request

    with frame_progress(Path(request.source).name) as on_frame:
        counted = telling_pace(on_frame, teller.note)
        result = matte_request(
            request, opened, wanted, screen=settings.screen, refine=settings.refine, options=settings.options, on_frame=counted
        )
    made = clip_record(result, opened, opened.recipe(settings.given, refine=settings.refine))
    teller.done(result.destination, {"input": result.source, "output": result.destination, **made}, result.notes)
    if result.damage is not None:
        raise InputError(f"{result.source} {result.damage}; the {result.frames} frames before that were written to {result.destination}")


def _write_preview(file: str, request: "ClipRequest", recipe: "Recipe", output: "OutputOptions", tell: Callable[[str], None]) -> None:
    from mattecli.pipelines.preview import write_preview

    write_preview(file, request, recipe, output)
    tell(f"preview: {file}")
