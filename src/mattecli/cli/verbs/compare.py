"""`matte compare`: every installed model on one photo, side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import mattecli
from mattecli.cli import options, process
from mattecli.cli.choices import model_names
from mattecli.cli.console import PictureCommand, download_progress, note, say, say_json, step_progress
from mattecli.core.choices import check_device, check_precision
from mattecli.core.registry import registry
from mattecli.errors import MatteError, ModelError

if TYPE_CHECKING:
    from mattecli import Matte
    from mattecli.pipelines.compare import Panel

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=PictureCommand)
def compare(
    photo: Annotated[str, typer.Argument(metavar="PHOTO", help="The photo to matte.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The contact sheet to write.", show_default=False)],
    models: Annotated[
        str | None, typer.Option(metavar="A,B,C", autocompletion=model_names(), help="The models to compare.  [default: all installed]")
    ] = None,
    trimap: Annotated[str | None, typer.Option(metavar="FILE", help="For the models that take one.")] = None,
    strokes: Annotated[str | None, typer.Option(metavar="FILE", help="Scribbles to make a trimap from.")] = None,
    background: options.PlatePhoto = None,
    mask: Annotated[str | None, typer.Option(metavar="FILE", help="A rough mask of the subject.")] = None,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    json_lines: Annotated[bool, typer.Option("--json", help="One line of JSON for each model, then the sheet's path.")] = False,
    offline: options.Offline = False,
) -> None:
    """Lay a photo's mattes from several models on one sheet, over magenta, with name, seconds and device.

    A model whose guides are not given is left out, and named on stderr.

    Example:

      matte compare photo.jpg --trimap trimap.png -o sheet.png
    """
    from mattecli.io.images import check_suffix, read_photo, write_image
    from mattecli.pipelines.compare import fitting, make_sheet
    from mattecli.requests.paths import keep_inputs, refuse_empty

    given = {"trimap": trimap, "strokes": strokes, "background": background, "mask": mask}
    guides = {name: file for name, file in given.items() if file is not None}
    refuse_empty("an input", photo, *guides.values())
    check_suffix(output, has_alpha=False)
    keep_inputs([photo, *guides.values()], [str(output)], what="the sheet", advice="give another -o")
    check_device(device)
    check_precision(precision)
    chosen, left_out = fitting(registry(), models.split(",") if models else None, guides)
    picture = read_photo(photo)
    for sentence in left_out:
        note(f"left out: {sentence}")
    from mattecli.core.runtime import pick_device, pick_precision

    process.set_up_torch()
    pick_precision(precision, pick_device(device))
    panels: list[Panel] = []
    with step_progress("loading", len(chosen)) as step, download_progress() as on_progress:
        for name, taken in chosen.items():
            step(name)
            try:
                model = mattecli.load(name, guides=taken, device=device, precision=precision, offline=offline, on_progress=on_progress)
                panels.append(model.then(picture, _panel, guides=taken))
            except MatteError as error:
                note(f"left out: {name}: {error}")
    if not panels:
        raise ModelError("no model could take part; give a guide (--trimap, --bg) or pull a model with `matte models pull modnet`")
    write_image(make_sheet(picture, panels), output)
    if json_lines:
        for panel in panels:
            say_json({"model": panel.model, "seconds": round(panel.seconds, 4), "device": panel.device})
    say(str(output))


def _panel(matte: "Matte") -> "Panel":
    """A model's composite over a loud colour, as one panel of the sheet."""
    from mattecli.compositing.backdrop import plain_backdrop
    from mattecli.compositing.output import OutputOptions
    from mattecli.pipelines.compare import LOUD, Panel

    picture = matte.pixels(OutputOptions("composite", plain_backdrop(LOUD)), bits=8)
    name = matte.model + (f" + {matte.refiner}" if matte.refiner else "")
    return Panel(picture, name, matte.split["matte"] + matte.split.get("refine", 0.0), matte.device)
