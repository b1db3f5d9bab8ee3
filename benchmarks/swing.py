"""How true the mattes of a clip are: a swinging figure with exact alpha for each frame, by each installed model and from the plate alone.

For each way, with and without --smooth: MAD (x1000) over all pixels and dtSSD (x100), both as `matte eval --convention rvm` counts them
(the first frame has no dtSSD and counts as 0), and seconds a frame. The plate way needs no weights: what differs from the plate becomes a
trimap, and closed-form finishes it.

Usage: python benchmarks/swing.py FOLDER [--json FILE]     FOLDER holds clip.mp4, plate.jpg and alpha_0000.png ...
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from mattecli.cli import process
from mattecli.compositing.output import OutputOptions
from mattecli.core import machine
from mattecli.core.registry import registry
from mattecli.core.runtime import open_model, pick_device
from mattecli.core.store import is_installed
from mattecli.errors import UsageError
from mattecli.evaluation.metrics import CONVENTIONS, Sample, measure
from mattecli.guides.choose import choose, choose_refiner
from mattecli.io.images import read_photo
from mattecli.pipelines.recipe import Recipe
from mattecli.pipelines.video import ClipResult, process_clip
from mattecli.requests.clip import ClipRequest

Matte = NDArray[np.float32]
RVM = CONVENTIONS["rvm"]


def read_mattes(folder: Path, pattern: str) -> list[Matte]:
    """Numbered mattes [H, W] in 0..1."""
    return [read_photo(file).pixels[..., 0].astype(np.float32) / 255 for file in sorted(folder.glob(pattern))]


def recipe_for(model: str, given: dict[str, str]) -> Recipe:
    """How `matte ... --model MODEL` makes mattes from these guides. Raises UsageError where they do not go together."""
    choice = choose(registry(), model, given)
    refiner = choose_refiner(registry(), choice, None)
    device = pick_device("auto")
    return Recipe(choice, open_model(choice.spec, device=device), open_model(refiner, device=device) if refiner else None)


def matted_clip(folder: Path, given: dict[str, str], recipe: Recipe, *, smooth: bool = False) -> tuple[list[Matte], ClipResult]:
    """The mattes that `matte video` finds for the folder's clip, and its report of the run."""
    with tempfile.TemporaryDirectory() as name:
        result = process_clip(
            ClipRequest(str(folder / "clip.mp4"), f"{name}/%05d.png", given, smooth=smooth), recipe, OutputOptions("alpha")
        )
        return read_mattes(Path(name), "*.png"), result


def clip_scores(found: Sequence[Matte], true: Sequence[Matte], *metrics: str) -> dict[str, float]:
    """Means over a clip's frames of metrics (mad, grad, dtssd, ...), in the scales of the convention rvm."""
    asked = replace(RVM, scales={name: RVM.scales[name] for name in metrics})
    samples = [Sample(*mattes) for mattes in zip(found, true, strict=True)]
    rows = [measure(sample, asked, before=before) for before, sample in zip([samples[0], *samples], samples, strict=False)]
    return {name: fmean(row[name] or 0.0 for row in rows) for name in metrics}


def row_for(folder: Path, model: str, given: dict[str, str], *, smooth: bool) -> dict[str, object]:
    recipe = recipe_for(model, given)
    found, result = matted_clip(folder, given, recipe, smooth=smooth)
    scores = clip_scores(found, read_mattes(folder, "alpha_*.png"), "mad", "dtssd")
    return {
        "model": model + (f" + {recipe.refiner.info.name}" if recipe.refiner else ""),
        "guide": ", ".join(given) or "none",
        "smooth": smooth,
        "MAD x1000": round(scores["mad"], 2),
        "dtSSD x100": round(scores["dtssd"], 2),
        "seconds a frame": round(result.seconds / result.frames, 3),
    }


def main() -> None:
    process.set_up_torch()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    plate = {"background": str(arguments.folder / "plate.jpg")}
    rows = []
    for spec in registry().models.values():
        for given in ({}, plate) if is_installed(spec) else ():
            try:
                rows += [row_for(arguments.folder, spec.name, given, smooth=smooth) for smooth in (False, True)]
            except UsageError:
                continue  # this model does not take these guides
            print(*(json.dumps(row) for row in rows[-2:]), sep="\n", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({**machine.describe(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
