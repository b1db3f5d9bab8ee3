"""How good `matte image` is with no guide and no model pulled: a subject found by OpenCV's means, matted with what comes with matte.

For every photo of the data index's kinds "eval" and "portraits" with a true or a reference alpha: mean absolute difference (x1000) of the
outline found, of its matte within an even band around that, and of what `matte image` makes of it, whose band follows the hair. Photos
in which no subject is found are named. The reference alphas of portraits are other networks' results that were looked at.

Usage: python benchmarks/subject.py [--data FOLDER] [--json benchmarks/results/subject.json]
FOLDER holds index.json (default: $MATTE_SHARED/data, else ../shared/data).
"""

import argparse
import json
import os
from pathlib import Path

import numpy as np

from mattecli.cli import process
from mattecli.core import machine
from mattecli.core.clock import Clock
from mattecli.core.registry import registry
from mattecli.core.runtime import open_model, pick_device, to_array
from mattecli.errors import EmptyError
from mattecli.guides.choose import SUBJECT, ModelChoice
from mattecli.io.images import read_photo
from mattecli.matting.levels import to_uint8
from mattecli.matting.subject import find_subject, rough_trimap
from mattecli.pipelines.matte import matte_photo
from mattecli.pipelines.recipe import Recipe
from swing import Matte
from weights import files_of, read_matte

STEPS = "outline", "even_band", "matte"


def measured(files: dict[str, str], even: Recipe, traced: Recipe) -> dict[str, object]:
    """The numbers of one photo, or that nothing was found."""
    photo = read_photo(files["image"])
    true = read_matte(files.get("alpha") or files["reference_alpha"])
    try:
        subject = find_subject(to_uint8(photo.pixels))
    except EmptyError:
        return {"found_as": None}
    trimap = {"trimap": rough_trimap(subject)}
    mattes = [to_array(matte_photo(photo, trimap, recipe, clock=Clock()).alpha) for recipe in (even, traced)]
    steps = zip(STEPS, [subject.mask / np.float32(255), *mattes], strict=True)
    return {"found_as": subject.kind, **{step: difference(found, true) for step, found in steps}}


def difference(found: Matte, true: Matte) -> float:
    return round(1000 * float(np.abs(found - true).mean()), 2)


def main() -> None:
    process.set_up_torch()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MATTE_SHARED", "../shared")) / "data")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    spec = registry().models[registry().defaults["refine"][0]]
    model = open_model(spec, device=pick_device("auto"))
    even, traced = (Recipe(ModelChoice(spec, source), model) for source in ("trimap", SUBJECT))
    entries = json.loads((arguments.data / "index.json").read_text())["entries"]
    rows = []
    for entry in entries:
        if entry["kind"] in ("eval", "portraits") and {"alpha", "reference_alpha"} & set(entry["files"]):
            rows.append({"id": entry["id"], **measured(files_of(entry, arguments.data), even, traced)})
            print(json.dumps(rows[-1]), flush=True)
    found = [row for row in rows if row["found_as"]]
    summary = {"photos": len(rows), "found": len(found)}
    for name, of in (("mean", np.mean), ("median", np.median)):
        summary[name] = {step: round(float(of([row[step] for row in found])), 2) for step in STEPS}
    print(json.dumps(summary, indent=1))
    if arguments.json:
        report = {"machine": machine.describe(), "model": spec.name, "summary": summary, "photos": rows}
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
