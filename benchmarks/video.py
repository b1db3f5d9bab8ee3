"""`matte video` against its model alone, and against a plain loop; and whether memory grows with the clip.

speed: a 1080p clip through (1) the model alone, on frames and plates that lie ready as tensors, one frame after the other on all cores,
(2) the same with a frame on each core, (3) `matte video`, end to end, and (4) the loop people write first: OpenCV reads a frame, the
model runs, OpenCV writes. They take turns, so that a busy moment hits all alike. `matte video` is set against each of the others; no
frame can come before the first was registered and matted, nor the file be whole before the last was encoded, so a short clip counts
against it.
memory: peaks of fresh processes with a short clip and one of many times its length.
The model has random weights: speed and memory do not depend on their values.

Usage: python benchmarks/video.py speed|memory [--model bgmv2] [--frames 24] [--repeat 3] [--json FILE]
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mattecli.cli import process
from mattecli.compositing.output import OutputOptions
from mattecli.core import machine
from mattecli.core.random_weights import random_export
from mattecli.core.registry import registry
from mattecli.core.runtime import LoadedModel, load_model, pick_device, to_array, to_tensor
from mattecli.core.tuning.parallelism import frames_at_once, limit_threads
from mattecli.guides.choose import ModelChoice
from mattecli.io.clip_types import Clip
from mattecli.io.images import write_image
from mattecli.io.video_write import open_writer
from mattecli.pipelines.recipe import Recipe
from mattecli.pipelines.video import process_clip
from mattecli.requests.clip import ClipRequest

Picture = NDArray[np.uint8]
RATE = Fraction(25)


def scene(height: int, width: int) -> Picture:
    """A background with structure at all scales, the same each time."""
    noise = np.random.default_rng(1)
    layers = [cv2.resize(noise.random((height // step + 1, width // step + 1, 3)), (width, height)) / 3 for step in (8, 64, 256)]
    return np.asarray(sum(layers) * 255, np.uint8)


def frame(background: Picture, number: int) -> Picture:
    """A dark figure that moves across the background."""
    height, width = background.shape[:2]
    picture = background.copy()
    middle = (width // 4 + number * width // 100, height // 2)
    cv2.ellipse(picture, middle, (width // 10, height // 3), 0, 0, 360, (90, 60, 50), -1, cv2.LINE_AA)
    return picture


def make_clip(folder: Path, height: int, width: int, frames: int) -> tuple[Path, Path]:
    """(clip, plate), the clip in H.264."""
    background, path = scene(height, width), folder / f"clip_{frames}.mp4"
    write_image(background, folder / "plate.png")
    clip = Clip("made here", (height, width), 1 / RATE, RATE)
    with open_writer(str(path), kind="composite", clip=clip, sound=None) as writer:
        for number in range(frames):
            writer.write(frame(background, number % 50), pts=number, duration=1)
    return path, folder / "plate.png"


Ready = tuple[list[Tensor], dict[str, Tensor]]


def made_ready(model: LoadedModel, height: int, width: int) -> Ready:
    """Some frames and their guides as tensors on the device."""
    background = scene(height, width)
    guides = {"background": to_tensor(background, model.device)} if "background" in model.info.guides else {}
    return [to_tensor(frame(background, number), model.device) for number in range(4)], guides


def model_alone(model: LoadedModel, ready: Ready, frames: int) -> float:
    """Seconds the model takes for all frames, one after the other, nothing else."""
    images, guides = ready
    begin = time.perf_counter()
    for number in range(frames):
        model(images[number % len(images)], guides)
    return time.perf_counter() - begin


def model_a_frame_a_core(model: LoadedModel, ready: Ready, frames: int) -> float:
    """The same seconds, with as many frames at once as `matte video` works on."""
    images, guides = ready
    at_once = frames_at_once(model.device)
    with ThreadPoolExecutor(at_once, initializer=limit_threads, initargs=(max(torch.get_num_threads() // at_once, 1),)) as pool:
        begin = time.perf_counter()
        list(pool.map(lambda number: model(images[number % len(images)], guides), range(frames)))
        return time.perf_counter() - begin


def plain_loop(model: LoadedModel, clip: Path, plate: Path, destination: Path) -> float:
    """Seconds of the loop people write first: read, infer, composite over green, write; OpenCV's own codecs."""
    background = cv2.cvtColor(cv2.imread(str(plate)), cv2.COLOR_BGR2RGB)
    guides = {"background": to_tensor(np.asarray(background, np.uint8), model.device)} if "background" in model.info.guides else {}
    begin = time.perf_counter()
    source = cv2.VideoCapture(str(clip))
    size = (int(source.get(cv2.CAP_PROP_FRAME_WIDTH)), int(source.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    sink = cv2.VideoWriter(str(destination), cv2.VideoWriter.fourcc(*"mp4v"), float(RATE), size)
    green = np.array([120, 255, 155], np.float32) / 255
    while (read := source.read())[0]:
        image = to_tensor(np.asarray(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB), np.uint8), model.device)
        alpha, foreground = model(image, guides)
        share, colours = to_array(alpha)[..., None], to_array(image if foreground is None else foreground)
        laid = (share * colours + (1 - share) * green) * 255
        sink.write(cv2.cvtColor(laid.astype(np.uint8), cv2.COLOR_RGB2BGR))
    sink.release()
    return time.perf_counter() - begin


def speed(model: str, frames: int, repeat: int, kind: str, size: tuple[int, int]) -> dict[str, object]:
    spec = registry().find(model)
    model = load_model(random_export(spec), device=pick_device("auto"))
    recipe = Recipe(ModelChoice(spec, ""), model)
    runs: dict[str, list[float]] = {"model, one by one": [], "model, a frame a core": [], "matte video": [], "plain loop": []}
    split: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip, plate = make_clip(folder, *size, frames)
        guides = {"background": str(plate)} if "background" in spec.guides else {}
        request = ClipRequest(str(clip), str(folder / ("out.mp4" if kind == "composite" else "out.mov")), guides)
        ready = made_ready(model, *size)
        model_a_frame_a_core(model, ready, 4)
        for _ in range(repeat):
            runs["model, one by one"].append(frames / model_alone(model, ready, frames))
            runs["model, a frame a core"].append(frames / model_a_frame_a_core(model, ready, frames))
            result = process_clip(request, recipe, OutputOptions(kind))
            runs["matte video"].append(frames / result.seconds)
            split = dict(result.split)
            runs["plain loop"].append(frames / plain_loop(model, clip, plate, folder / "plain.mp4"))
    fps = {way: round(statistics.median(values), 3) for way, values in runs.items()}
    return {
        "what": f"{model} (random weights), {size[1]}x{size[0]}, {frames} frames, {kind}",
        "frames a second": fps,
        "seconds of each step of matte video": {step: round(seconds, 2) for step, seconds in split.items()},
        **{f"matte video / {way}": round(fps["matte video"] / pace, 3) for way, pace in fps.items() if way != "matte video"},
    }


def memory(model: str, lengths: tuple[int, int]) -> dict[str, object]:
    """Peak bytes of a fresh process for each length; frames are small, so that what grows would show."""
    export, peaks = random_export(registry().find(model)), {}
    with tempfile.TemporaryDirectory() as name:
        for frames in lengths:
            clip, _ = make_clip(Path(name), 96, 128, frames)
            command = [
                sys.executable,
                "-m",
                "mattecli",
                "video",
                str(clip),
                "--model",
                str(export),
                "-o",
                f"{name}/out.mov",
                "--json",
                "-q",
            ]
            record = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            peaks[frames] = record["peak_memory"]["host"]
    return {
        "what": f"{model} (random weights), 128x96",
        "peak bytes by frames": peaks,
        "growth": round(peaks[lengths[1]] / peaks[lengths[0]], 4),
    }


def main() -> None:
    process.set_up_torch()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "memory"))
    parser.add_argument("--model")
    parser.add_argument("--frames", type=int, default=96)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--kind", default="cutout", choices=("cutout", "composite"))
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    tasks: dict[str, Callable[[], dict[str, object]]] = {
        "speed": lambda: speed(arguments.model or "bgmv2", arguments.frames, arguments.repeat, arguments.kind, (height, width)),
        "memory": lambda: memory(arguments.model or "fdm", (300, 10_000)),
    }
    result = {**machine.describe(), **tasks[arguments.what]()}
    print(json.dumps(result, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
