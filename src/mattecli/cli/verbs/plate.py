"""`matte plate`: the scene of a clip without what moves in it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mattecli.cli import options
from mattecli.cli.choices import one_of
from mattecli.cli.console import PictureCommand, Teller, frame_progress

if TYPE_CHECKING:
    from mattecli.guides.plate_of_clip import ClipPlate, PlateRequest

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=PictureCommand)
def plate(
    source: options.ClipSource,
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="A picture, or - for stdout.  [default: beside the clip]")
    ] = None,
    frames: Annotated[int, typer.Option(min=1, metavar="N", help="How many frames, spread over the clip, it is made of.")] = 51,
    start: options.Start = None,
    end: options.End = None,
    fps: options.Rate = None,
    align: Annotated[str, typer.Option(**one_of("auto", "none"), help="Whether the camera's motion is undone.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Make a clean plate of a clip whose subject moves.

    Each pixel becomes what it shows in most of the frames; a subject that stands still for most of the clip stays in it. Clips
    of more than 8 bits give a PNG or TIFF of 16.

    Examples:

      matte plate clip.mp4 -o plate.png

      matte plate clip.mp4 --start 0:10 --end 0:40 --frames 99 -o plate.png

      matte video clip.mp4 --bg plate.png -o cutout.mov
    """
    from mattecli.guides.plate_of_clip import PlateRequest, check_plate_request, default_destination, write_plate
    from mattecli.requests.clip import parse_rate, parse_span

    rate = parse_rate(fps) if fps else None
    request = PlateRequest(source, output or default_destination(source), frames, parse_span(start, end, 1), rate, align)
    check_plate_request(request)
    with frame_progress(Path(source).name) as on_frame:
        made = write_plate(request, on_frame=on_frame)
    Teller(json_lines=as_json, quiet=quiet).done(request.destination, _record(request, made), made.notes)


def _record(request: "PlateRequest", made: "ClipPlate") -> dict[str, Any]:
    height, width = made.clip.size
    return {
        "input": request.source,
        "output": request.destination,
        "size": [width, height],
        "bits": 8 * made.pixels.itemsize,
        "frames": made.frames,
        "left_out": made.left_out,
        "shift": round(made.shift, 2),
        "unsettled": round(made.unsettled, 4),
        "seconds": round(made.seconds, 3),
        "notes": list(made.notes),
    }
