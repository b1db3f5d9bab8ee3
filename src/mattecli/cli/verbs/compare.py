"""`matte compare`: every installed model on one photo, side by side."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from mattecli.cli import options, process
from mattecli.cli.console import download_progress, note, say, say_json, step_progress
from mattecli.core.registry import registry
from mattecli.errors import MatteError, ModelError


def compare(
    photo: Annotated[str, typer.Argument(metavar="PHOTO", help="The photo to matte.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The contact sheet to write.", show_default=False)],
    models: Annotated[str | None, typer.Option(metavar="A,B,C", help="The models to compare.  [default: all installed]")] = None,
    trimap: Annotated[str | None, typer.Option(metavar="FILE", help="For the models that take one.")] = None,
    strokes: Annotated[str | None, typer.Option(metavar="FILE", help="Scribbles to make a trimap from.")] = None,
    background: options.PlatePhoto = None,
    mask: Annotated[str | None, typer.Option(metavar="FILE", help="A rough mask of the subject.")] = None,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    json_lines: Annotated[bool, typer.Option("--json", help="One line of JSON for each model, then the sheet's path.")] = False,
    offline: options.Offline = False,
) -> None:
    """Lay a photo's mattes from several models over magenta on one sheet, with name, seconds and device.

    A model whose guides are not given is left out, and named on stderr.

    Example:

      matte compare photo.jpg --trimap trimap.png -o sheet.png
    """
    from mattecli.core.runtime import open_model, pick_device, pick_precision
    from mattecli.guides.choose import choose_refiner
    from mattecli.io.images import check_suffix, read_photo, write_image
    from mattecli.pipelines.compare import Tile, fitting, make_sheet, make_tile
    from mattecli.pipelines.recipe import Recipe
    from mattecli.requests.paths import keep_inputs, refuse_empty

    given = {"trimap": trimap, "strokes": strokes, "background": background, "mask": mask}
    guides = {name: file for name, file in given.items() if file is not None}
    refuse_empty("an input", photo, *guides.values())
    check_suffix(output, has_alpha=False)
    keep_inputs([photo, *guides.values()], [str(output)], what="the sheet", advice="give another -o")
    known = registry()
    chosen, left_out = fitting(known, models.split(",") if models else None, guides)
    for sentence in left_out:
        note(f"left out: {sentence}")
    picture = read_photo(photo)
    process.set_up_torch()
    chip = pick_device(device)
    exact = pick_precision(precision, chip)
    tiles: list[Tile] = []
    with step_progress("loading", len(chosen)) as step, download_progress() as on_progress:
        open_one = partial(open_model, device=chip, precision=exact, offline=offline, on_progress=on_progress)
        for choice, taken in chosen:
            step(choice.spec.name)
            refiner = choose_refiner(known, choice, None)
            try:
                recipe = Recipe(choice, open_one(choice.spec), open_one(refiner) if refiner else None)
                tiles.append(make_tile(picture, taken, recipe))
            except MatteError as error:
                note(f"left out: {choice.spec.name}: {error}")
    if not tiles:
        raise ModelError("no model could take part; give a guide (--trimap, --bg) or pull a model with `matte models pull modnet`")
    write_image(make_sheet(picture, tiles), output)
    if json_lines:
        for tile in tiles:
            say_json({"model": tile.model, "seconds": round(tile.seconds, 4), "device": tile.device})
    say(str(output))
