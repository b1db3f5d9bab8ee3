"""One measurement in its own process, so that load time, first call and peak memory are those of one model alone.

Run as `python -m mattecli.cli.trial TRIAL.json RESULT.json`; run.py does that. The result is one JSON object: the numbers by
name, and "notes"; or "skipped" or "failed" with a sentence. A process that dies leaves what it had measured until then, if anything.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mattecli.bench.scene import UNKNOWN, guide_file, photo_file
from mattecli.compositing.output import OutputOptions
from mattecli.core.registry import spec_of_export
from mattecli.core.runtime import PRECISIONS, Device, LoadedModel, load_model, pick_device
from mattecli.core.tuning.budget import budget_of
from mattecli.core.tuning.cuda_graphs import CALLS_BEFORE
from mattecli.core.tuning.memory import Task, expected_peak, readable
from mattecli.core.usage import forget_peak, peak_memory, wait_for
from mattecli.errors import MatteError
from mattecli.guides.choose import ModelChoice
from mattecli.io.clip_types import Span
from mattecli.io.images import read_levels, read_photo
from mattecli.pipelines.recipe import Recipe
from mattecli.pipelines.tensors import guide_tensor, seen_image

WARM_UP_CALLS = 2  # which allocate memory and prepare kernels
WARM_UP_CALLS_ON_GPU = CALLS_BEFORE + 1  # the last of which is recorded as a CUDA graph
FEWEST_REPEATS, MOST_REPEATS = 3, 100
FEWEST_CLIP_FRAMES = 4
STEPS = {"decode": "decode", "guide": "guide", "matte": "inference", "compose": "compose", "encode": "encode"}

Inputs = tuple[Tensor, dict[str, Tensor]]


@dataclass(frozen=True)
class Trial:
    """A measurement of an exported `file` on a scene in `folder` (see scene.py), and end to end on `clip` unless that is ""."""

    file: str
    folder: str
    device: str
    precision: str
    batch: int
    seconds: float
    clip: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def run_trial(trial: Trial, keep: Callable[[Mapping[str, Any]], None]) -> None:
    """Measure one model at one size; `keep` receives all results so far, after each stage.

    Seconds are wall clock, and begin and end with an idle device. Raises MatteError for what cannot be measured.
    """
    device = pick_device(trial.device)
    torch.zeros(1, device=device.torch)  # creating a GPU's context takes a second, which is not the model's
    model, load = _timed(lambda: load_model(Path(trial.file), device=device, precision=trial.precision), device)
    inputs = _inputs(trial, model)
    if (reason := _why_not(model, inputs[0])) is not None:
        return keep({"skipped": reason})
    found: dict[str, Any] = {"load_seconds": load, **_alone(trial, model, inputs), "notes": []}
    keep(found)
    # The following steps take further memory, so they run after the peaks are read; if they fail, the numbers above are kept.
    if trial.clip:
        found |= _attempt("end to end", found["notes"], lambda: _end_to_end(trial, model, found["median_seconds"] / trial.batch))
        keep(found)
    if trial.precision != "fp32":
        found |= _attempt("parity", found["notes"], lambda: _parity(trial, model, inputs))
        keep(found)


def _timed(work: Callable[[], Any], device: Device) -> tuple[Any, float]:
    wait_for(device.torch)
    begin = time.perf_counter()
    result = work()
    wait_for(device.torch)
    return result, time.perf_counter() - begin


def _inputs(trial: Trial, model: LoadedModel) -> Inputs:
    """The scene as a batch on the device."""
    folder = Path(trial.folder)
    image = seen_image(read_photo(photo_file(folder)), model)
    guides = {guide: guide_tensor(guide, read_levels(guide_file(folder, guide)), model) for guide in model.info.guides}
    return image.repeat(trial.batch, 1, 1, 1), {guide: tensor.repeat(trial.batch, 1, 1, 1) for guide, tensor in guides.items()}


def _why_not(model: LoadedModel, image: Tensor) -> str | None:
    """Why the model is not run: its expected memory exceeds the available memory. None where it fits or is unknown."""
    batch, _, height, width = image.shape
    task = Task((height, width), batch, PRECISIONS[model.precision].itemsize, UNKNOWN)
    expected, budget = expected_peak(model.info, task, {}), budget_of(model.device)
    if expected is None or budget is None or expected <= budget.left:
        return None
    return f"it would take about {readable(expected)}, and {budget}"


def _alone(trial: Trial, model: LoadedModel, inputs: Inputs) -> dict[str, Any]:
    """The measurements of the model alone: times of calls, and memory."""
    warm_up = WARM_UP_CALLS_ON_GPU if model.device.torch.type == "cuda" else WARM_UP_CALLS
    forget_peak(model.device.torch)
    times = _call_times(model, inputs, warm_up, trial.seconds)
    steady = times[warm_up:]
    median = float(np.median(steady))
    return {
        "first_seconds": times[0],
        "median_seconds": median,
        "p95_seconds": float(np.quantile(steady, 0.95)),
        "repeats": len(steady),
        "fps": trial.batch / median,
        **{f"{place}_bytes": most for place, most in peak_memory(model.device.torch).items()},
    }


def _call_times(model: LoadedModel, inputs: Inputs, warm_up: int, seconds: float) -> list[float]:
    """Seconds of each call: warm-up calls, then calls for about the given time."""
    times = [_timed(lambda: model(*inputs), model.device)[1] for _ in range(warm_up)]
    begin, repeats = time.perf_counter(), 0
    while repeats < FEWEST_REPEATS or (repeats < MOST_REPEATS and time.perf_counter() - begin < seconds):
        times.append(_timed(lambda: model(*inputs), model.device)[1])
        repeats += 1
    return times


def _attempt(what: str, notes: list[str], measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return measure()
    except MatteError as error:
        notes.append(f"{what}: {error}")
        return {}


def _end_to_end(trial: Trial, model: LoadedModel, frame_seconds: float) -> dict[str, Any]:
    """Frames a second from file to file: `matte video` on as many of the clip's first frames as the model mattes in the given time."""
    # Imported here, so that they do not count as memory of the model.
    from mattecli.io.video_read import probe
    from mattecli.pipelines.video import process_clip
    from mattecli.requests.clip import ClipRequest

    spec = spec_of_export(Path(trial.file))
    frames = max(FEWEST_CLIP_FRAMES, 2 * trial.batch, round(trial.seconds / frame_seconds))
    with tempfile.TemporaryDirectory(prefix="matte-bench-") as folder:
        request = ClipRequest(
            source=trial.clip,
            destination=str(Path(folder) / "composite.mp4"),
            guides={guide: str(guide_file(Path(trial.folder), guide)) for guide in spec.guides},
            span=Span(end=Fraction(frames) / probe(trial.clip).rate),
            batch=trial.batch,
        )
        recipe = Recipe(ModelChoice(spec, "trimap" if "trimap" in spec.guides else ""), model)
        moments: list[float] = []
        result = process_clip(request, recipe, OutputOptions("composite"), on_frame=lambda done, total: moments.append(time.perf_counter()))
    return {
        "clip_fps": result.frames / result.seconds,
        **_steady_fps(moments),
        "clip_frames": result.frames,
        **{f"{name}_seconds": result.split.get(step, 0.0) / result.frames for step, name in STEPS.items()},
    }


def _steady_fps(moments: list[float]) -> dict[str, float]:
    """Frames a second in the second half of a clip, after warm-up; empty for a clip that is too short."""
    latter = moments[len(moments) // 2 :]
    return {"steady_fps": (len(latter) - 1) / (latter[-1] - latter[0])} if len(latter) >= 8 else {}


def _parity(trial: Trial, model: LoadedModel, inputs: Inputs) -> dict[str, Any]:
    """The differences of the alpha from that of the same model in fp32, in levels of 255."""
    fast, _ = model(*inputs)
    exact, _ = load_model(Path(trial.file), device=model.device, precision="fp32")(*inputs)
    difference = (fast - exact).abs() * 255
    if not bool(difference.isfinite().all()):
        raise MatteError(f"the alpha in {model.precision} holds values that are no numbers")
    return {"parity_max": float(difference.max()), "parity_mean": float(difference.mean())}


def main() -> None:
    task, result = map(Path, sys.argv[1:])

    def keep(found: Mapping[str, Any]) -> None:
        result.write_text(json.dumps(found), encoding="utf-8")

    try:
        run_trial(Trial(**json.loads(task.read_text(encoding="utf-8"))), keep)
    except MatteError as error:
        keep({"failed": str(error)})
