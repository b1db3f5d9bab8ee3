"""How true the foreground colours of a cut-out are, and how long they take.

Measures, on generated portraits whose foreground, alpha and plate are known exactly (shared data, plates/synthperson_*), and on a
furry animal with another solver's foreground as reference (eval/pymatting_lemur, so not a ground truth):

- colour_mse_soft, colour_mse_visible: mean squared colour error x 1000 (colours in 0..1) where 0 < alpha < 1, and where alpha > 0;
- recomposition, recomposition_soft: mean |alpha F + (1 - alpha) plate - photo| in 8-bit steps, in the trimap's unknown area (goal:
  below 2) and on soft pixels alone;
- seconds: warm wall time (best and median of several turns) and processor time (best), one portrait scaled to 1280 px wide.

Compared are the photo's own colours, PyMatting's estimate_foreground_ml, ours, and ours with the clean plate; "truth" is the exact
foreground, whose recomposition is what JPEG left of it. PyMatting is needed
only here: `pip install pymatting`. Run as: python benchmarks/foreground.py --shared ../shared --json benchmarks/results/foreground.json
"""

import argparse
import importlib.metadata
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from mattecli.compositing.foreground import estimate_foreground
from mattecli.core.machine import describe

try:
    from pymatting import estimate_foreground_ml
except ImportError:
    sys.exit("this benchmark compares with PyMatting, which is not installed; run: pip install pymatting")

Array = NDArray[np.float32]
Case = dict[str, Array]
PORTRAITS = ("synthperson_arms", "synthperson_group")
WIDTH, RUNS = 1280, 9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared", help="folder of the shared data")
    parser.add_argument("--json", type=Path, help="write the results there")
    parser.add_argument("--threads", type=int, help="torch threads; on a busy machine 1 is often the fastest")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    cases = {name: read_portrait(options.shared / "data/plates", name) for name in PORTRAITS}
    cases["pymatting_lemur"] = read_lemur(options.shared / "data/eval")
    results = {
        "machine": {**describe(), "pymatting": importlib.metadata.version("pymatting")},
        "colours": {name: measure_colours(case) for name, case in cases.items()},
        "time": measure_time(cases["synthperson_arms"]),
    }
    text = json.dumps(results, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


def read(path: Path) -> Array:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        sys.exit(f"cannot read {path}; give the folder of the shared data with --shared")
    return (pixels[:, :, ::-1] if pixels.ndim == 3 else pixels).astype(np.float32) / 255


def read_portrait(folder: Path, name: str) -> Case:
    endings = {"photo": ".jpg", "alpha": "_alpha.png", "foreground": "_fg.jpg", "plate": "_plate.jpg", "trimap": "_trimap.png"}
    return {part: read(folder / (name + ending)) for part, ending in endings.items()}


def read_lemur(folder: Path) -> Case:
    endings = {"photo": ".png", "alpha": "_refalpha.png", "foreground": "_reffg.png"}
    return {part: read(folder / ("pymatting_lemur" + ending)) for part, ending in endings.items()}


def ours(photo: Array, alpha: Array, plate: Array | None = None) -> Array:
    def batch(array: Array) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(np.atleast_3d(array).transpose(2, 0, 1)))[None]

    found = estimate_foreground(batch(photo), batch(alpha), background=None if plate is None else batch(plate))
    return found[0].permute(1, 2, 0).numpy()


def measure_colours(case: Case) -> dict[str, dict[str, float]]:
    photo, alpha = case["photo"], case["alpha"]
    found = {"photo": photo, "pymatting": estimate_foreground_ml(photo, alpha), "ours": ours(photo, alpha)}
    if "plate" in case:
        found |= {"ours_with_plate": ours(photo, alpha, case["plate"]), "truth": case["foreground"]}
    return {method: score(foreground, case) for method, foreground in found.items()}


def score(foreground: Array, case: Case) -> dict[str, float]:
    alpha = case["alpha"]
    soft = (alpha > 0) & (alpha < 1)
    error = ((foreground - case["foreground"]) ** 2).mean(2) * 1000
    scores = {"colour_mse_soft": error[soft].mean(), "colour_mse_visible": error[alpha > 0].mean()}
    if "plate" in case:
        share = alpha[:, :, None]
        laid = share * foreground + (1 - share) * case["plate"]
        apart = np.abs(laid - case["photo"]).mean(2) * 255
        unknown = np.abs(case["trimap"] - 0.5) < 0.01
        scores |= {"recomposition": apart[unknown].mean(), "recomposition_soft": apart[soft].mean()}
    return {measure: round(float(value), 3) for measure, value in scores.items()}


def measure_time(case: Case) -> dict[str, Any]:
    height = round(case["alpha"].shape[0] * WIDTH / case["alpha"].shape[1])
    photo, alpha, plate = (cv2.resize(case[part], (WIDTH, height), interpolation=cv2.INTER_AREA) for part in ("photo", "alpha", "plate"))
    soft = float(((alpha > 0) & (alpha < 1)).mean())
    methods: dict[str, Callable[[], Array]] = {
        "pymatting": lambda: estimate_foreground_ml(photo, alpha),
        "ours": lambda: ours(photo, alpha),
        "ours_with_plate": lambda: ours(photo, alpha, plate),
    }
    # The methods take turns, so that whatever else the machine does meets all of them alike; the first turn warms up.
    wall: dict[str, list[float]] = {name: [] for name in methods}
    processor: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(RUNS + 1):
        for name, method in methods.items():
            start, start_processor = time.perf_counter(), time.process_time()
            method()
            wall[name].append(time.perf_counter() - start)
            processor[name].append(time.process_time() - start_processor)
    seconds = {
        name: {
            "best": round(min(wall[name][1:]), 3),
            "median": round(statistics.median(wall[name][1:]), 3),
            "processor_best": round(min(processor[name][1:]), 3),
        }
        for name in methods
    }
    load = [round(value, 1) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None
    return {"width": WIDTH, "height": height, "soft_share": round(soft, 4), "runs": RUNS, "load_average": load, "seconds": seconds}


if __name__ == "__main__":
    main()
