"""How true the mattes of a clip are: a swinging figure with exact alpha for each frame, through each installed model and the plate way.

For each way, with and without --smooth: mean absolute error (x1000) over all pixels, dtSSD (x100; RVM's definition, the first frame counts
as zero), and seconds a frame. The plate way needs no weights: what differs from the plate becomes a trimap, and closed-form finishes it.

Usage: python benchmarks/swing.py FOLDER [--json FILE]     FOLDER holds clip.mp4, plate.jpg and alpha_0000.png ...
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattecli.core import machine
from mattecli.core.registry import registry
from mattecli.core.runtime import open_matter, pick_device
from mattecli.core.store import is_installed
from mattecli.errors import UsageError
from mattecli.io.images import read_photo
from mattecli.pipelines.guides import choose, choose_refiner
from mattecli.pipelines.image import Recipe
from mattecli.pipelines.take import Take
from mattecli.pipelines.video import process_clip


def mattes(folder: Path, pattern: str) -> NDArray[np.float32]:
    return np.stack([read_photo(file).pixels[..., 0] for file in sorted(folder.glob(pattern))]).astype(np.float32) / 255


def measure(folder: Path, model: str, given: dict[str, str], *, smooth: bool) -> dict[str, object]:
    choice = choose(registry(), model, given)
    refiner = choose_refiner(registry(), choice, None)
    device = pick_device("auto")
    opened = open_matter(refiner, device=device) if refiner else None
    recipe = Recipe(choice, open_matter(choice.spec, device=device), opened, kind="alpha")
    with tempfile.TemporaryDirectory() as name:
        footage = process_clip(Take(str(folder / "clip.mp4"), f"{name}/%05d.png", given, smooth=smooth), recipe)
        found = mattes(Path(name), "*.png")
    true = mattes(folder, "alpha_*.png")
    steps = (found[1:] - found[:-1]) - (true[1:] - true[:-1])
    return {
        "model": model + (f" + {refiner.name}" if refiner else ""),
        "guide": ", ".join(given) or "none",
        "smooth": smooth,
        "MAD x1000": round(float(np.abs(found - true).mean()) * 1000, 2),
        "dtSSD x100": round(float(np.sqrt((steps**2).mean(axis=(1, 2))).sum()) / len(true) * 100, 2),
        "seconds a frame": round(footage.seconds / footage.frames, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    plate = {"background": str(arguments.folder / "plate.jpg")}
    rows = []
    for spec in registry().models.values():
        for given in ({}, plate) if is_installed(spec) else ():
            try:
                rows += [measure(arguments.folder, spec.name, given, smooth=smooth) for smooth in (False, True)]
            except UsageError:
                continue  # this model does not take these guides
            print(*(json.dumps(row) for row in rows[-2:]), sep="\n", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({**machine.describe(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
