"""How good `matte image` without guides is on real portraits, before and after refinement.

For every photo of the data index that has a binary mask or a reference alpha: intersection over union at alpha 0.5, and for those with
a reference alpha the mean absolute difference, of the coarse model's matte and of the same matte refined. The reference alphas are other
networks' results, checked by eye, not ground truth, so differences below about 0.005 mean little.

Usage: python benchmarks/portraits.py [--model shm-fast] [--refiner auto] [--data FOLDER] [--json FILE]
FOLDER holds index.json (default: $MATTE_SHARED/data, else ../shared/data). The model must be installed.
"""

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattecli.cli import process
from mattecli.core import machine
from mattecli.core.clock import Clock
from mattecli.core.registry import registry
from mattecli.core.runtime import open_model, pick_device, to_array
from mattecli.guides.choose import ModelChoice, choose_refiner
from mattecli.io.images import read_photo
from mattecli.pipelines.matte import matte_photo
from mattecli.pipelines.recipe import Recipe

Alpha = NDArray[np.float32]


def measured(entry: dict, data: Path, recipe: Recipe) -> dict[str, object]:
    """The numbers of one photo."""
    photo = read_photo(data / entry["files"]["image"])
    coarse, fine = (matte_photo(photo, {}, one, clock=Clock()).alpha for one in (replace(recipe, refiner=None), recipe))
    name = "reference_alpha" if "reference_alpha" in entry["files"] else "mask"
    reference = read_photo(data / entry["files"][name]).pixels[..., 0].astype(np.float32) / 255
    row: dict[str, object] = {"id": entry["id"], "reference": name}
    for step, alpha in (("coarse", to_array(coarse)), ("refined", to_array(fine))):
        row[f"{step}_iou"] = intersection_over_union(alpha, reference)
        row[f"{step}_mad"] = float(np.abs(alpha - reference).mean())
    return row


def intersection_over_union(alpha: Alpha, reference: Alpha) -> float:
    found, true = alpha > 0.5, reference > 0.5
    return float((found & true).sum() / max((found | true).sum(), 1))


def mean(rows: list[dict], key: str) -> float:
    return round(float(np.mean([row[key] for row in rows])), 5)


def main() -> None:
    process.set_up_torch()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="shm-fast")
    parser.add_argument("--refiner", default="auto", help="as `matte image --refine` takes it")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MATTE_SHARED", "../shared")) / "data")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    device = pick_device("auto")
    known = registry()
    spec = known.find(arguments.model)
    refiner = open_model(choose_refiner(known, ModelChoice(spec, ""), arguments.refiner), device=device)
    recipe = Recipe(ModelChoice(spec, ""), open_model(spec, device=device), refiner)
    entries = json.loads((arguments.data / "index.json").read_text())["entries"]
    chosen = [entry for entry in entries if entry["kind"] == "portraits" and {"mask", "reference_alpha"} & set(entry["files"])]
    rows = []
    for entry in chosen:
        rows.append(measured(entry, arguments.data, recipe))
        line = "{id:26} {reference:16} iou {coarse_iou:.3f} -> {refined_iou:.3f}   mad {coarse_mad:.4f} -> {refined_mad:.4f}"
        print(line.format(**rows[-1]))
    groups = {
        "people": [row for row in rows if not row["id"].startswith(("animal", "natural"))],
        "people with reference alpha": [row for row in rows if row["id"].startswith("p3m")],
        "animals and plants": [row for row in rows if row["id"].startswith(("animal", "natural"))],
        "all": rows,
    }
    summary = {
        name: {"photos": len(group), **{key: mean(group, key) for key in ("coarse_iou", "refined_iou", "coarse_mad", "refined_mad")}}
        for name, group in groups.items()
    }
    print(json.dumps(summary, indent=1))
    if arguments.json:
        report = {"machine": machine.describe(), "model": arguments.model, "refiner": refiner.info.name, "summary": summary, "photos": rows}
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
