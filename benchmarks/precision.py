"""What `--precision bf16` costs in mattes: photos with a reference matted in float32 and in bfloat16 by the same models.

For photos of the data index with a true or a reference alpha: mean and greatest difference of the two mattes, and the mean absolute
difference (MAD) of each from the reference, of the network alone (--refine none) and of what `matte image` makes (refined). Reference
alphas are other networks' results, checked by eye, not ground truth. The table of docs/measured.md is written with --page.

Usage: python benchmarks/precision.py [--models subject,mmnet] [--photos 8] [--data FOLDER] [--page]
                                      [--json benchmarks/results/precision.json]
FOLDER holds index.json (default: $MATTE_SHARED/data, else ../shared/data). The models must be installed.
"""

import argparse
import json
import os
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

import mattecli
from mattecli.cli import process
from mattecli.core import machine
from pages import PAGE_OF_NUMBERS, with_tables
from refinement import photos
from weights import table

Alpha = NDArray[np.float32]
Row = dict[str, str | float]
PRECISIONS = ("fp32", "bf16")
WAYS = {"alone": "none", "refined": "auto"}


def measured(name: str, chosen: list[tuple[str, Path, Alpha]]) -> list[Row]:
    """The numbers of each photo, of the network alone and refined."""
    models = {precision: mattecli.load(name, device="cpu", precision=precision, offline=True) for precision in PRECISIONS}
    rows = []
    for photo, file, reference in chosen:
        for way, refine in WAYS.items():
            alphas = {precision: np.asarray(model(str(file), refine=refine).alpha) for precision, model in models.items()}
            rows.append({"model": name, "way": way, "photo": photo, **apart(alphas, reference)})
            print(json.dumps(rows[-1]), flush=True)
    return rows


def apart(alphas: dict[str, Alpha], reference: Alpha) -> dict[str, float]:
    difference = np.abs(alphas["bf16"] - alphas["fp32"])
    mad = {f"mad_{precision}": float(np.abs(alpha - reference).mean()) for precision, alpha in alphas.items()}
    return {"mean_apart": float(difference.mean()), "apart": float(difference.max()), **mad}


def markdown(rows: list[Row]) -> str:
    """One line a model and way: means over the photos, and the greatest difference of any."""
    lines = []
    for model, way in dict.fromkeys((str(row["model"]), str(row["way"])) for row in rows):
        group = [row for row in rows if (row["model"], row["way"]) == (model, way)]
        mean = {key: fmean(float(row[key]) for row in group) for key in ("mean_apart", "mad_fp32", "mad_bf16")}
        most = max(float(row["apart"]) for row in group)
        figures = [f"{mean['mean_apart']:.5f}", f"{most:.2f}", f"{1000 * mean['mad_fp32']:.2f}", f"{1000 * mean['mad_bf16']:.2f}"]
        lines.append([f"`{model}`, {way}", str(len(group)), *figures])
    return table(["model", "photos", "moved, mean", "most, of any pixel", "MAD in fp32", "MAD in bf16"], lines).rstrip()


def main() -> None:
    process.set_up_torch()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="subject,mmnet")
    parser.add_argument("--photos", type=int, default=8, help="so many, evenly taken from all")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MATTE_SHARED", "../shared")) / "data")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--page", action="store_true", help="write the table of docs/measured.md")
    arguments = parser.parse_args()
    every = [(name, file, alpha) for _, name, file, alpha in photos(arguments.data, ["eval", "portraits"])]
    chosen = [every[place * len(every) // arguments.photos] for place in range(min(arguments.photos, len(every)))]
    rows = [row for name in arguments.models.split(",") for row in measured(name, chosen)]
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine.describe(), "rows": rows}, indent=1) + "\n")
    if arguments.page:
        PAGE_OF_NUMBERS.write_text(with_tables(PAGE_OF_NUMBERS.read_text(), {"precision": markdown(rows)}))


if __name__ == "__main__":
    main()
