"""How good closed-form matting is and how long it takes, beside PyMatting's.

Measures, on the 16 training images of alphamatting.com (shared data, eval/alphamatting_*), with the narrow and the wide trimaps:

- sad: sum over the unknown pixels of |alpha - true alpha| / 1000, alphas in 0..1;
- seconds: warm wall time of one image, the best of `--repeat` turns, and processor_seconds, that of all threads. Both solvers take turns
  image by image in one process, with the same number of threads. Reading the image is not counted;
- first_result_seconds: a fresh process that imports the library, loads what it must and mattes the first image, once;
- with `--growth`, seconds for one image and its narrow trimap scaled to 0.25 .. 12 megapixels (`--growth-limit` ends earlier).

On a busy machine threads that wait by spinning stall each other, torch's most of all, so `matte` sets OMP_WAIT_POLICY=passive, and the
recorded results have it too. Ours is the TorchScript module that `matte` runs. PyMatting is needed only here, and ours is measured alone
without it: pip install pymatting.
Run as: OMP_WAIT_POLICY=passive python benchmarks/closed_form.py --growth --json benchmarks/results/closed_form.json
"""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from mattecli.core.machine import describe
from mattecli.core.torchscript import freeze, quiet, script
from mattecli.nets import closed_form

Array = NDArray[np.float64]
Solver = Callable[[Array, Array], Array]
MEGAPIXELS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0)
TRIMAPS = {"narrow": "trimap", "wide": "trimap2"}
FIRST, GROWN = "alphamatting_GT01", "alphamatting_GT06"
FIRST_RESULT = {
    "ours": """
import sys, numpy, torch
torch.set_num_threads(int(sys.argv[3]))
case = numpy.load(sys.argv[1])
with torch.inference_mode():
    module = torch.jit.freeze(torch.jit.load(sys.argv[2]).eval())
    image, trimap = torch.from_numpy(case["image"]).permute(2, 0, 1)[None].float(), torch.from_numpy(case["trimap"])[None, None].float()
    module(image, trimap)
""",
    "pymatting": """
import sys, numba, numpy
from pymatting import estimate_alpha_cf
numba.set_num_threads(min(int(sys.argv[3]), numba.config.NUMBA_NUM_THREADS))
case = numpy.load(sys.argv[1])
estimate_alpha_cf(case["image"], case["trimap"])
""",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = Path(os.environ.get("MATTE_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    parser.add_argument("--data", type=Path, default=shared / "data", help="folder of the shared data (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="turns per image, of which the best counts (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of both solvers (default: all)")
    parser.add_argument("--growth", action="store_true", help="measure also how the time grows with the image")
    parser.add_argument("--growth-limit", type=float, default=12.0, help="largest image of --growth in megapixels")
    parser.add_argument("--json", type=Path, help="write the results there")
    options = parser.parse_args()
    report(measure(options), options.json)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    torch.set_num_threads(options.threads)
    folder = options.data / "eval"
    names = sorted(path.name.removesuffix("_alpha.png") for path in folder.glob("alphamatting_*_alpha.png"))
    if not names:
        sys.exit(f"no alphamatting_*_alpha.png in {folder}; say where the shared data are with --data")
    solvers = {"ours": load_ours()}
    if importlib.util.find_spec("pymatting"):
        solvers["pymatting"] = load_pymatting(options.threads)
    else:
        print("PyMatting is not installed, so nothing is compared; run: pip install pymatting", file=sys.stderr)
    results: dict[str, Any] = {"machine": machine(), "first_result_seconds": {name: time_first(name, options) for name in solvers}}
    for kind in TRIMAPS:
        results[kind] = compare(solvers, folder, names, kind, options.repeat)
    if options.growth:
        results["growth"] = grow(solvers, folder, [size for size in MEGAPIXELS if size <= options.growth_limit])
    return results


def machine() -> dict[str, object]:
    version = importlib.metadata.version("pymatting") if importlib.util.find_spec("pymatting") else None
    return {**describe(), "pymatting": version, "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY")}


def report(results: dict[str, Any], path: Path | None) -> None:
    for kind in TRIMAPS:
        for name, mean in results[kind]["mean"].items():
            print(f"{kind:7} {name:10} " + "  ".join(f"{key} {value:.3f}" for key, value in mean.items()))
    print("time to first result:", results["first_result_seconds"])
    for row in results.get("growth", []):
        print(row)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results, indent=1) + "\n")


def load_ours() -> Solver:
    module = freeze(script(closed_form.wrap(closed_form.build())))

    def solve(image: Array, trimap: Array) -> Array:
        with torch.inference_mode():
            colours = torch.from_numpy(image).permute(2, 0, 1)[None].float()
            alpha = module(colours, torch.from_numpy(trimap)[None, None].float())[0]
        return alpha[0, 0].double().numpy()

    return solve


def load_pymatting(threads: int) -> Solver:
    import numba
    from pymatting import estimate_alpha_cf

    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    return estimate_alpha_cf


def read_case(folder: Path, name: str, kind: str) -> tuple[Array, Array, Array]:
    """Image [H, W, 3], trimap [H, W] with 0, 0.5 and 1, and true alpha [H, W]."""
    image = cv2.imread(str(folder / f"{name}.png"), cv2.IMREAD_COLOR)[:, :, ::-1] / 255.0
    trimap = cv2.imread(str(folder / f"{name}_{TRIMAPS[kind]}.png"), cv2.IMREAD_GRAYSCALE)
    alpha = cv2.imread(str(folder / f"{name}_alpha.png"), cv2.IMREAD_GRAYSCALE) / 255.0
    return np.ascontiguousarray(image), np.where(trimap == 128, 0.5, trimap / 255.0), alpha


def clock(solver: Solver, image: Array, trimap: Array) -> tuple[Array, float, float]:
    """The alpha, its wall time and its processor time in seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    alpha = solver(image, trimap)
    return alpha, time.perf_counter() - wall, time.process_time() - processor


def compare(solvers: dict[str, Solver], folder: Path, names: list[str], kind: str, repeat: int) -> dict[str, Any]:
    """Errors and times of every image and their means. The first image warms both solvers up."""
    for solver in solvers.values():
        solver(*read_case(folder, names[0], kind)[:2])
    images: dict[str, dict[str, dict[str, float]]] = {}
    for name in names:
        image, trimap, truth = read_case(folder, name, kind)
        turns: dict[str, list[tuple[Array, float, float]]] = {who: [] for who in solvers}
        for _ in range(repeat):
            for who, solver in solvers.items():
                turns[who].append(clock(solver, image, trimap))
        images[name] = {who: summarise(turns[who], truth, trimap == 0.5) for who in solvers}
        print(kind, name, {who: [round(value, 3) for value in row.values()] for who, row in images[name].items()}, file=sys.stderr)
    keys = ("sad", "seconds", "processor_seconds")
    mean = {who: {key: statistics.fmean(row[who][key] for row in images.values()) for key in keys} for who in solvers}
    return {"mean": mean, "images": images}


def summarise(turns: list[tuple[Array, float, float]], truth: Array, unknown: NDArray[np.bool_]) -> dict[str, float]:
    sad = float(np.abs(turns[0][0] - truth)[unknown].sum() / 1000)
    return {"sad": sad, "seconds": min(turn[1] for turn in turns), "processor_seconds": min(turn[2] for turn in turns)}


def grow(solvers: dict[str, Solver], folder: Path, sizes: list[float]) -> list[dict[str, float]]:
    """Seconds for one image scaled to several sizes, one turn each."""
    image, trimap, _ = read_case(folder, GROWN, "narrow")
    rows = []
    for size in sizes:
        scale = (size * 1e6 / trimap.size) ** 0.5
        larger = np.ascontiguousarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC).clip(0, 1))
        guide = cv2.resize(trimap, larger.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        row = {"megapixels": size, "unknown_share": round(float((guide == 0.5).mean()), 3)}
        rows.append(row | {who: round(clock(solver, larger, guide)[1], 3) for who, solver in solvers.items()})
        print(rows[-1], file=sys.stderr)
    return rows


def time_first(who: str, options: argparse.Namespace) -> float:
    """Seconds from the start of a fresh process to its first alpha."""
    image, trimap, _ = read_case(options.data / "eval", FIRST, "narrow")
    with tempfile.TemporaryDirectory() as folder:
        module, case = Path(folder) / "closed_form.pt", Path(folder) / "case.npz"
        np.savez(case, image=image, trimap=trimap)
        with quiet:
            torch.jit.save(script(closed_form.wrap(closed_form.build())), str(module))
        command = [sys.executable, "-W", "ignore", "-c", FIRST_RESULT[who], str(case), str(module), str(options.threads)]
        start = time.perf_counter()
        subprocess.run(command, check=True)
        return round(time.perf_counter() - start, 3)


if __name__ == "__main__":
    main()
