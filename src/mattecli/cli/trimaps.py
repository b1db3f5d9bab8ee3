"""`matte trimap-from-strokes` and `matte trimap-from-mask`: from what a person drew to a trimap."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mattecli.cli.console import complain, note, note_json, say, say_json, step_progress
from mattecli.errors import MatteError, UsageError

if TYPE_CHECKING:
    from mattecli.pipelines.plan import Job
    from mattecli.pipelines.trimaps import MadeTrimap

STDOUT = "-"
AUTO = "auto"

Output = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="PATH",
        help="A file (.png, .tif, .bmp), a folder, a pattern with {stem}, {name}, {parent}, or - for stdout.  [default: beside the input]",
    ),
]
BandWidth = Annotated[
    str,
    typer.Option(
        "--band",
        metavar="WIDTH",
        help="How far unknown reaches to either side of the outline: auto, pixels such as 12, or 1.5% of the longer side. "
        "Hair and other soft edges get more.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One line of JSON for each trimap on stdout.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Let a result replace its own input.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only errors on stderr.")]


def trimap_from_strokes(
    photo: Annotated[str, typer.Argument(metavar="PHOTO", help="The photo; or a folder or glob of them.", show_default=False)],
    strokes: Annotated[
        str,
        typer.Argument(
            metavar="STROKES",
            help="White or green on the subject, black or red beside it, on grey or transparent; or polylines in .json; "
            "or a folder or pattern of such files.",
            show_default=False,
        ),
    ],
    output: Output = None,
    grow: Annotated[str, typer.Option(help="Spread the strokes by random-walk or geodesic; none leaves them as they are.")] = "random-walk",
    band: BandWidth = AUTO,
    json_lines: Json = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Make a trimap of a photo and a few strokes over it.

    The strokes spread as far as the picture lets them; what remains unknown is a narrow band along the outline, wider at hair, and
    whatever the strokes do not settle. stderr tells how much that is. In JSON: {"foreground": [[x, y], ...], "background": [[x, y], ...]},
    or a list of such lines for each; "width" is the pen's, in pixels.

    Examples:

      matte trimap-from-strokes photo.jpg strokes.png -o trimap.png

      matte trimap-from-strokes photo.jpg strokes.json --grow geodesic --band 1.5% -o trimap.png

      matte trimap-from-strokes photo.jpg strokes.png --grow none -o drawn.png
    """
    from mattecli.pipelines.trimaps import parse_band, parse_growth, plan_trimaps, process_strokes

    growth, width = parse_growth(grow), parse_band(band)
    if growth is None and width is not None:
        raise UsageError("--band is the unknown band of strokes that have spread, and --grow none lets them not; drop one of the two")
    jobs = plan_trimaps([photo], output, strokes=strokes, overwrite=overwrite)
    _make_all(jobs, lambda job: process_strokes(job, growth=growth, band=width), Teller(json_lines=json_lines, quiet=quiet))


def trimap_from_mask(
    masks: Annotated[
        list[str],
        typer.Argument(metavar="MASK", help="Masks or soft mattes: files, folders, globs, or - for stdin.", show_default=False),
    ],
    output: Output = None,
    band: BandWidth = AUTO,
    json_lines: Json = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Make a trimap of a mask, hard or soft.

    White (or opaque, where the picture has transparency) is the subject. What lies in between becomes unknown, with a band around it
    whose width goes with the subject's size and, where the mask is soft, with how far the softness reaches.

    Examples:

      matte trimap-from-mask mask.png -o trimap.png

      matte trimap-from-mask alpha.png --band 12 -o trimap.png

      matte trimap-from-mask masks/ -o trimaps/ --json
    """
    from mattecli.pipelines.trimaps import parse_band, plan_trimaps, process_mask

    width = parse_band(band)
    jobs = plan_trimaps(masks, output, overwrite=overwrite)
    _make_all(jobs, lambda job: process_mask(job, band=width), Teller(json_lines=json_lines, quiet=quiet))


@dataclass
class Teller:
    """Tells the person or the calling program what became of each trimap."""

    json_lines: bool
    quiet: bool
    failures: int = 0

    def failed(self, job: "Job", error: MatteError) -> None:
        self.failures += 1
        files = (job.source, *job.guides.values())
        complain(error if any(file in str(error) for file in files) else f"{job.source}: {error}")
        if self.json_lines:
            say_json({"input": job.source, "output": None, "error": str(error)})

    def done(self, made: "MadeTrimap") -> None:
        if not self.quiet:
            shares = (("foreground", made.foreground), ("background", made.background), ("unknown", made.unknown))
            note(f"{made.source}: " + ", ".join(f"{100 * share:.1f} % {kind}" for kind, share in shares))
            for warning in made.warnings:
                note(f"{made.source}: warning: {warning}")
        if self.json_lines:
            # A picture on stdout leaves no room for its record, which then goes to stderr.
            (say_json if made.destination != STDOUT else note_json)(_record(made))
        elif made.destination != STDOUT:
            say(made.destination)


def _record(made: "MadeTrimap") -> dict[str, Any]:
    return {
        "input": made.source,
        "output": made.destination,
        "size": list(made.size),
        "foreground_percent": round(100 * made.foreground, 2),
        "background_percent": round(100 * made.background, 2),
        "unknown_percent": round(100 * made.unknown, 2),
        "warnings": list(made.warnings),
    }


def _make_all(jobs: "list[Job]", make: "Callable[[Job], MadeTrimap]", teller: Teller) -> None:
    with step_progress("making trimaps", len(jobs)) as step:
        for job in jobs:
            try:
                teller.done(make(job))
            except MatteError as error:
                teller.failed(job, error)
            step(Path(job.source).name)
    if teller.failures:
        raise typer.Exit(1)
