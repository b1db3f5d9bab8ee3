"""Which input sides suit `subject`: its matte at each of several sides, and the mean of those at two of them.

The photographs are those that its training held out (every twentieth of the list, training/runs/subject.toml) and whose teachers agree
(0.75 or more); the references are their sharpened labels, so this chooses a setting without
the photos that benchmarks/subject.py judges by.

Usage: python benchmarks/subject_sides.py PEOPLE SHARPENED [--json benchmarks/results/subject_sides.json]
PEOPLE is the folder with sources.json, SHARPENED what `python -m training sharpen` made of it. From the repository's root.
"""

import argparse
import json
import sys
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mattecli.core import machine
from mattecli.core.registry import registry
from mattecli.core.runtime import LoadedModel, open_model, pick_device, to_tensor
from subject import score
from training.photos import Photo, photos

SIDES = (192, 224, 256, 288, 320, 384)
HOLD_OUT, AGREED = 20, 0.75


def scores(model: LoadedModel, photo: Photo) -> dict[str, dict[str, float]]:
    """IoU and MAD of each side and pair of sides on a photo."""
    pixels = photo.read()
    reference = pixels[..., 3].astype(np.float32) / 255
    image = to_tensor(np.ascontiguousarray(pixels[..., :3]), model.device)
    single = {side: model(image, {}, {"side": side, "second": 0})[0] for side in SIDES}
    ways = {str(side): alpha for side, alpha in single.items()}
    ways |= {f"{one}+{other}": (single[one] + single[other]) / 2 for one, other in combinations(SIDES, 2)}
    return {way: score(alpha[0, 0].numpy(), reference) for way, alpha in ways.items()}


def means(rows: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    return {way: {key: round(float(np.mean([row[way][key] for row in rows])), 4) for key in ("iou", "mad")} for way in rows[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", type=Path)
    parser.add_argument("sharpened", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    model = open_model(registry().find("subject"), device=pick_device("cpu"))
    held_out = [photo for photo in photos(arguments.people, arguments.sharpened)[::HOLD_OUT] if photo.agreement >= AGREED]
    rows = {
        kind: [scores(model, photo) for photo in held_out if (photo.kind == "person") == (kind == "people")]
        for kind in ("people", "others")
    }
    groups = {**rows, "all": [row for group in rows.values() for row in group]}
    summary = {name: {"photos": len(group), **means(group)} for name, group in groups.items()}
    print(json.dumps(summary["all"], indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine.describe(), "summary": summary}, indent=1) + "\n")


if __name__ == "__main__":
    main()
