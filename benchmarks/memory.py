"""How much memory one call of each model takes on the CPU, at 512x512, 1920x1080 and 3840x2160, beside the loaded model, in float32.

Weights are those the constructor leaves (memory does not depend on their values); a tenth of the pixels are unknown. Every number is
the growth of the peak resident memory of a fresh process with one thread, above what it held with the exported, frozen file loaded and
the picture made: the largest of three calls, of one where that takes longer than 20 seconds. A process may take `--limit` gigabytes of
address space; what does not fit has no number. Also measured, because the pipeline adds it: finding foreground colours and composing.

From the numbers the script computes the `memory` of each table in models.toml (see core/contract.py): the numbers from zero up
that are nowhere below what was measured and, in sum over the ratios, least above it. It prints them; a person copies them.

NAME@ours is the narrower network of which this project's weights are, where it is another than the authors'.

Usage: python benchmarks/memory.py [--models a,b] [--json FILE] [--markdown FILE] [--limit GB]     With --json, measured rows are kept,
       with the machine of the first, and only missing ones measured. --models none makes the Markdown from the JSON alone. Linux only.
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import linprog

from mattecli.cli import process
from mattecli.compositing.foreground import estimate_foreground
from mattecli.core import export, machine, random_weights, store, torchscript
from mattecli.core.contract import Footprint
from mattecli.core.registry import ModelSpec, registry
from mattecli.core.runtime import load_model, pick_device, to_array
from mattecli.core.tuning.memory import COMPOSING, Task, call_bytes, readable
from mattecli.errors import OutOfMemoryError
from mattecli.matting.levels import to_levels
from models import scene

# What benchmarks/max_memory.py measured.
BOUND = (
    "Under `--max-memory` the bound holds for all that a process has: over photos of mixed sizes its most was 592 MB of 640 MB (12 photos,",
    "all with less detail) and 608 MB of 800 MB; with 520 MB all were refused, at 513 MB (`benchmarks/max_memory.py`, 2026-11-30).",
)
SIZES = {"512": (512, 512), "1080p": (1080, 1920), "4k": (2160, 3840)}
COMPOSE = "composing"
# The other settings that tell what grows with the picture from what grows with the network's input.
VARIATIONS: dict[str, list[dict[str, int]]] = {
    "side": [{"side": 768}],
    "max_side": [{"max_side": 960}],
    "tile": [{"tile": 640}, {"tile": 1024}],
    "sample_pixels": [{"sample_pixels": 2_000_000}],
}
# The authors' own files are not here; networks of the same layers stand in for what is inside them.
INSIDE = {"bgmv2-mobilenetv2-script": "bgmv2", "bgmv2-resnet50-script": "bgmv2-resnet50"}


def held(field: str) -> float:
    """Megabytes of this process: VmRSS now, or VmHWM at most since the last `forget_peak`."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024 / 1e6


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def growth(work) -> tuple[float, float]:
    """Megabytes by which the peak rises above what is held now, the most of three calls, and the seconds of the first."""
    before, most, begin = held("VmRSS"), 0.0, time.perf_counter()
    for call in range(3):
        forget_peak()
        work()
        most = max(most, held("VmHWM") - before)
        if call == 0:
            seconds = time.perf_counter() - begin
            if seconds > 20:
                break
    return most, seconds


def widened(trimap: torch.Tensor, unknown: float) -> torch.Tensor:
    """A trimap of the same height and width with that share unknown, in a band."""
    band = torch.full_like(trimap, 0.0)
    height = trimap.shape[2]
    band[:, :, : int(height * 0.05)] = 1.0
    band[:, :, int(height * 0.05) : int(height * (0.05 + unknown))] = 0.5
    return band


def measured_here(task: dict) -> dict[str, float]:
    """In the fresh process: the growth of one setting."""
    torch.set_num_threads(1)
    program = held("VmRSS")
    image, guides = scene(*SIZES[task["size"]])
    if task["model"] == COMPOSE:
        soft = torch.nn.functional.avg_pool2d(guides["trimap"], 31, 1, 15)
        peak, seconds = growth(lambda: to_levels(to_array(estimate_foreground(image, soft)), 255))
        return {"loaded": round(program), "peak": round(peak, 1), "seconds": round(seconds, 1)}
    guides["trimap"] = widened(guides["trimap"], task["unknown"])
    with_picture = held("VmRSS")
    model = load_model(Path(task["file"]), device=pick_device("cpu"))
    loaded = held("VmRSS") - with_picture
    try:
        peak, seconds = growth(lambda: model(image, guides, task["options"]))
    except OutOfMemoryError:
        return {"peak": None}
    return {"loaded": round(program + loaded), "peak": round(peak, 1), "seconds": round(seconds, 1)}


def measured(task: dict, limit: int) -> dict:
    """One row, or one without a peak where the process ran out of its address space."""
    done = subprocess.run(
        [sys.executable, __file__, "--here", json.dumps(task)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit << 30, limit << 30)),
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return {key: value for key, value in task.items() if key != "file"} | json.loads(done.stdout)


def settings(spec: ModelSpec) -> list[dict]:
    """What to measure: size, options, share of unknown pixels."""
    usual = [{"size": size, "options": {}, "unknown": 0.1} for size in SIZES]
    varied = [{"size": "1080p", "options": change, "unknown": 0.1} for name in spec.options for change in VARIATIONS.get(name, [])]
    shares = _wide_shares(spec.memory) if spec.memory else []
    wide = [{"size": "1080p", "options": {}, "unknown": share} for share in shares]
    large = [{"size": "4k", "options": {"tile": 1024}, "unknown": 0.1}] if "tile" in spec.options else []
    return usual + varied + large + wide


def _wide_shares(footprint: Footprint) -> list[float]:
    """The further shares of unknown pixels at which a solver is measured, and one before a network."""
    if footprint.solved > 0:
        return [0.5, 0.9]
    return [0.5] if footprint.sees == "unknown" else []


def with_random_weights(spec: ModelSpec) -> Path:
    """The exported file, with weights as the constructor leaves them."""
    if spec.name not in INSIDE:
        return random_weights.random_export(spec)
    inner = registry().models[INSIDE[spec.name]]
    network = torchscript.script(export.network_module(inner).build(**inner.build))
    path = store.home() / "random" / f"{spec.name}.pt"
    export.export(export.network_module(spec).wrap(network, **spec.build).eval(), path, export.info_for(spec, None))
    return path


def regressors(row: dict, spec: ModelSpec) -> tuple[float, ...]:
    """1, megapixels of the picture, megapixels of the network's input, and, where a solver precedes it, the unknown ones among these."""
    way = (spec.memory.sees, spec.memory.bound) if spec.memory else ("all", "")
    height, width = SIZES[row["size"]]
    task, options = Task((height, width), unknown=row["unknown"]), {**spec.options, **row["options"]}
    units = [Footprint(0.0, 0.0, 1.0, *way)] + [Footprint(0.0, 0.0, 0.0, *way, solved=1.0)] * bool(spec.memory and spec.memory.solved)
    return 1.0, height * width / 1e6, *(call_bytes(unit, task, options) / 1e6 for unit in units)


def fitted(rows: list[dict], spec: ModelSpec) -> list[int]:
    """fixed, picture, seen and, where a solver precedes the network, solved of a footprint, in whole megabytes, that covers all rows."""
    rows = [row for row in rows if row["peak"] is not None]
    design, peaks = np.array([regressors(row, spec) for row in rows]), np.array([row["peak"] for row in rows])
    excess = (design / peaks[:, None]).sum(0)
    return [math.ceil(value) for value in linprog(excess, A_ub=-design, b_ub=-peaks).x]


def toml(numbers: list[int], spec: ModelSpec) -> str:
    fixed, picture, seen, *solved = numbers
    kind = f', sees = "{spec.memory.sees}"' if spec.memory and spec.memory.sees != "all" else ""
    bound = f', bound = "{spec.memory.bound}"' if spec.memory and spec.memory.bound else ""
    solver = f", solved = {solved[0]}" if solved else ""
    return f"memory = {{ fixed = {fixed}, picture = {picture}, seen = {seen}{kind}{bound}{solver} }}"


def cell(rows: list[dict], spec: ModelSpec, size: str) -> str:
    """Measured / expected with the default options."""
    peak = next((row["peak"] for row in rows if row["size"] == size and not row["options"] and row["unknown"] == 0.1), None)
    return f"{'-' if peak is None else readable(peak * 1e6)} / {readable(expected(spec, SIZES[size], {}))}"


def expected(spec: ModelSpec, size: tuple[int, int], options: dict[str, int]) -> float:
    return call_bytes(spec.memory, Task(size, unknown=0.1), {**spec.options, **options}) if spec.memory else math.nan


def unshrunk(spec: ModelSpec) -> tuple[str, str]:
    """What is expected of 3840x2160 when the network's input has every pixel, as a whole and in tiles of 1024; "" where it cannot."""
    if "max_side" not in spec.options and "tile" not in spec.options:
        return "", ""
    whole = {"max_side": 3840} if "max_side" in spec.options else {}
    tiled = readable(expected(spec, SIZES["4k"], whole | {"tile": 1024})) if "tile" in spec.options else ""
    return readable(expected(spec, SIZES["4k"], whole)), tiled


def measurable() -> dict[str, ModelSpec]:
    """All models by name, then the networks of this project's weights that are narrower than the authors', as NAME@ours."""
    models = registry().models
    ours = {f"{name}@ours": spec.ours for name, spec in models.items() if spec.ours is not None and spec.ours.build != spec.build}
    return {**models, **ours}


def markdown(report: dict) -> str:
    """docs/memory.md"""
    on = report["machine"]
    measured_names = {row["model"] for row in report["rows"]}
    lines = [
        "# What the models take of memory",
        "",
        f"Made by `python benchmarks/memory.py --markdown docs/memory.md` on {on['date']}: {on['processor']}, 1 thread,",
        f"torch {on['torch']}, fp32, one picture, a tenth of it unknown. *Loaded* is the whole process before the first picture; the other",
        "cells are what a call takes beside that, measured / expected by `matte` from models.toml, with the default options. The last two",
        "columns are what is expected when the network gets every pixel (`--option max_side=3840`), whole or with `--option tile=1024`.",
        f"Finding foreground colours and composing takes up to {readable(COMPOSING * 1e6)} a megapixel; `matte` never expects less than",
        "that. On a GPU the same numbers are used; libraries there differ, so they are a guess.",
        "",
        *BOUND,
        "",
        "| model | loaded | 512x512 | 1920x1080 | 3840x2160 | 3840x2160 unshrunk | in tiles |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, spec in ((name, spec) for name, spec in measurable().items() if name in measured_names):
        rows = [row for row in report["rows"] if row["model"] == name]
        loaded = max(row["loaded"] for row in rows if row["peak"] is not None)
        cells = [f"`{name}`", f"{loaded} MB", *(cell(rows, spec, size) for size in SIZES), *unshrunk(spec)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def key_of(row: dict) -> str:
    return json.dumps([row["model"], row["size"], row["options"], row["unknown"]])


def _kind(spec: ModelSpec) -> tuple:
    """Tables that differ in their weights only run the same code; authors' files are code themselves."""
    return spec.architecture, tuple(spec.build.items()), spec.name if spec.container == "torchscript" else ""


def main() -> None:
    process.set_up_torch()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", help="names, separated by commas (default: one of each architecture and build)")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--limit", type=int, default=12, help="gigabytes of address space for each process")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(measured_here(json.loads(arguments.here))))
        return
    every = measurable()
    different = {_kind(spec): name for name, spec in reversed(every.items())}
    names = arguments.models.split(",") if arguments.models else [COMPOSE, *reversed(different.values())]
    report: dict = {"machine": machine.describe(), "rows": []}
    if arguments.json and arguments.json.exists():
        report = json.loads(arguments.json.read_text())
    done = {key_of(row) for row in report["rows"]}
    for name in [name for name in names if name in every or name == COMPOSE]:
        wanted = settings(every[name]) if name in every else [{"size": size, "options": {}, "unknown": 0.1} for size in SIZES]
        tasks = [{"model": name, **setting} for setting in wanted]
        missing = [task for task in tasks if key_of(task) not in done]
        file = str(with_random_weights(every[name])) if missing and name in every else ""
        for task in missing:
            report["rows"].append(measured({**task, "file": file}, arguments.limit))
            print(json.dumps(report["rows"][-1]), flush=True)
            if arguments.json:
                arguments.json.write_text(json.dumps(report, indent=1) + "\n")
        if name in every:
            rows = [row for row in report["rows"] if row["model"] == name]
            print(f"{name}: {toml(fitted(rows, every[name]), every[name])}", flush=True)
    if arguments.markdown:
        arguments.markdown.write_text(markdown(report))


if __name__ == "__main__":
    main()
