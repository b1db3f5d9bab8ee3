"""How well and how fast coarse mattes are refined, at both qualities and as earlier versions did it, in one run on the same mattes.

For every photo of some kinds of the data index with a true or a reference alpha whose subject the default network finds
(intersection over union of at least 0.8 with it): the sum of absolute differences in thousands (SAD) of the network's matte and of the
same matte refined, and the processor seconds of the refinement on one thread. The earlier way finds the band in a copy of 640 pixels, lays
one twice as wide around what is soft there, and its trimap model takes the whole picture. The ways take turns on each photo. Reference
alphas are other networks' results, checked by eye, not ground truth.

Usage: python benchmarks/refinement.py [--kinds eval,portraits] [--data FOLDER] [--json benchmarks/results/refinement.json]
FOLDER holds index.json (default: $MATTE_SHARED/data, else ../shared/data).
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray

import mattecli
from mattecli.cli import process
from mattecli.core import machine
from mattecli.core.clock import Clock
from mattecli.core.runtime import to_array
from mattecli.io.images import read_photo
from mattecli.matting.trimap import COARSE_BAND
from mattecli.pipelines import refine
from mattecli.pipelines.matte import matte_photo, suited
from mattecli.pipelines.recipe import Recipe
from portraits import intersection_over_union

Alpha = NDArray[np.float32]
LEAST_OVERLAP = 0.8
EARLIER = {"SIDE": 640, "MARGIN": 1 << 20, "LAST_BAND": COARSE_BAND, "LEAST_PIXELS": 0.0}


@contextmanager
def earlier() -> Iterator[None]:
    with mock.patch.multiple(refine, **EARLIER):
        yield


def measured(file: Path, truth: Alpha, recipe: Recipe) -> dict[str, float] | None:
    """SAD and processor seconds of each way; None for a photo whose subject the network does not find."""
    photo = read_photo(file)
    coarse = matte_photo(photo, {}, replace(recipe, refiner=None), clock=Clock())
    found = to_array(coarse.alpha)
    if intersection_over_union(found, truth) < LEAST_OVERLAP:
        return None
    options = suited(recipe.refiner, lossy=photo.lossy)
    row = {"none": float(np.abs(found - truth).sum() / 1000)}
    ways = {"fast": partial(refine.refine, side=refine.FAST_SIDE), "best": refine.refine, "earlier": earlier()(refine.refine)}
    for name, way in ways.items():
        begin = time.process_time()
        matted = way(coarse, recipe.refiner, options)
        row[f"{name}_seconds"] = time.process_time() - begin
        row[name] = float(np.abs(to_array(matted.alpha) - truth).sum() / 1000)
    return row


def photos(data: Path, kinds: list[str]) -> Iterator[tuple[str, str, Path, Alpha]]:
    """Kind, name, file and alpha of each photo that has one of its size."""
    for entry in json.loads((data / "index.json").read_text())["entries"]:
        reference = next((entry["files"][name] for name in ("alpha", "reference_alpha") if name in entry["files"]), None)
        if entry["kind"] in kinds and reference is not None:
            alpha = read_photo(data / reference).pixels
            alpha = (alpha if alpha.ndim == 2 else alpha[..., 0]).astype(np.float32) / np.iinfo(alpha.dtype).max
            kind = "true alpha" if "alpha" in entry["files"] else "reference alpha"
            yield kind, entry["id"], data / entry["files"]["image"], alpha


def summary(rows: list[dict]) -> dict[str, object]:
    kinds = sorted({row["kind"] for row in rows})
    groups = {kind: [row for row in rows if row["kind"] == kind] for kind in kinds}
    return {kind: {"photos": len(group), **means(group)} for kind, group in groups.items()}


def means(group: list[dict]) -> dict[str, float]:
    return {key: round(float(np.mean([row[key] for row in group])), 3) for key in group[0] if isinstance(group[0][key], float)}


def main() -> None:
    process.set_up_torch()
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", default="eval,portraits")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MATTE_SHARED", "../shared")) / "data")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    model = mattecli.load(device="cpu", offline=True)
    recipe = model.recipe({})
    rows = []
    for kind, name, file, alpha in photos(arguments.data, arguments.kinds.split(",")):
        row = measured(file, alpha, recipe)
        if row is not None:
            rows.append({"id": name, "kind": kind, **{key: round(value, 3) for key, value in row.items()}})
            print(rows[-1], flush=True)
    report = {
        "machine": machine.describe(),
        "model": model.name,
        "refiner": recipe.refiner.info.name,
        "summary": summary(rows),
        "photos": rows,
    }
    print(json.dumps(report["summary"], indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
