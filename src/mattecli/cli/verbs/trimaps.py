"""`matte trimap-from-strokes` and `matte trimap-from-mask`: from what a person drew to a trimap."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mattecli.cli import options
from mattecli.cli.choices import one_of
from mattecli.cli.console import PictureCommand, Teller, step_progress
from mattecli.cli.recipe import AUTO
from mattecli.errors import UsageError

if TYPE_CHECKING:
    from mattecli.pipelines.trimaps import MadeTrimap
    from mattecli.requests.photos import Job

app = typer.Typer(rich_markup_mode=None)

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
        **one_of("auto", beside="WIDTH"),
        help="How far unknown reaches to either side of the outline: pixels such as 12, or 1.5% of the longer side. "
        "Hair and other soft edges get more.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One line of JSON for each trimap on stdout.")]


@app.command(cls=PictureCommand)
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
    grow: Annotated[
        str, typer.Option(**one_of("random-walk", "geodesic", "none"), help="How the strokes spread; none leaves them as they are.")
    ] = "random-walk",
    band: BandWidth = AUTO,
    json_lines: Json = False,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
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
    teller = Teller(json_lines=json_lines, quiet=quiet, by_guides=True)
    jobs = plan_trimaps([photo], output, strokes=strokes, overwrite=overwrite, tell=teller.note)
    _make_all(jobs, partial(process_strokes, growth=growth, band=width), teller)


@app.command(cls=PictureCommand)
def trimap_from_mask(
    masks: Annotated[
        list[str],
        typer.Argument(metavar="MASK", help="Masks or soft mattes: files, folders, globs, or - for stdin.", show_default=False),
    ],
    output: Output = None,
    band: BandWidth = AUTO,
    json_lines: Json = False,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
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
    teller = Teller(json_lines=json_lines, quiet=quiet, by_guides=True)
    jobs = plan_trimaps(masks, output, overwrite=overwrite, tell=teller.note)
    _make_all(jobs, partial(process_mask, band=width), teller)


def _make_all(jobs: "list[Job]", make: "Callable[[Job], MadeTrimap]", teller: Teller) -> None:
    from mattecli.pipelines.batch import process_all

    with step_progress("making trimaps", len(jobs)) as step:
        teller.tell_all(process_all(jobs, make), lambda made: teller.done(made.destination, _record(made), _notes(made)), step)
    if teller.failures:
        raise typer.Exit(1)


def _notes(made: "MadeTrimap") -> list[str]:
    shares = (("foreground", made.foreground), ("background", made.background), ("unknown", made.unknown))
    parts = ", ".join(f"{100 * share:.1f} % {kind}" for kind, share in shares)
    return [f"{made.source}: {text}" for text in (parts, *(f"warning: {warning}" for warning in made.warnings))]


def _record(made: "MadeTrimap") -> dict[str, Any]:
    return {
        "input": made.source,
        "output": made.destination,
        "size": [made.size[1], made.size[0]],
        "foreground_percent": round(100 * made.foreground, 2),
        "background_percent": round(100 * made.background, 2),
        "unknown_percent": round(100 * made.unknown, 2),
        "warnings": list(made.warnings),
    }
