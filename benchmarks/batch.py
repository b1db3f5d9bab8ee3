"""Batches beside the network alone: images a second from JPEG files to alphas as PNG files, and memory over ten thousand images.

Throughput: in each round the ways take turns. "network" is the loaded model on images that lie in memory, one after the other on all
cores; "network, an image a core" is the same in a process with one thread for each core, at the same time. "batch" is `matte image` on a
folder, from the first tenth of its results to the last one, so loading does not count. Ratios are the batch's to the faster of the others.

Memory: a batch of many small images; the largest resident set of the main process and of its workers in each tenth of the run.

Weights are stand-ins: neither depends on their values.

Usage: python benchmarks/batch.py [--models shm-fast,fdm-erd] [--sides 512,1024] [--images 200] [--rounds 3] [--memory N] [--json FILE]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from mattecli.core import machine, random_weights
from mattecli.core.registry import registry

ALONE = """
import sys, time, torch, mattecli
from mattecli.cli import process
process.set_up_torch()
file, side, threads, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
torch.set_num_threads(threads)
model = mattecli.load(file).loaded
image = torch.rand(1, 3, side, side)
for _ in range(3):
    model(image, {})
print("ready", flush=True)
sys.stdin.readline()
begin, count = time.perf_counter(), 0
while time.perf_counter() - begin < seconds:
    model(image, {})
    count += 1
print(count / (time.perf_counter() - begin))
"""
CORES = len(os.sched_getaffinity(0))


def alone(model: Path, side: int, processes: int, seconds: float) -> float:
    """Images a second of the network in so many processes, which share the cores."""
    command = [sys.executable, "-c", ALONE, str(model), str(side), str(CORES // processes), str(seconds)]
    running = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    for process in running:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return sum(float(process.communicate()[0]) for process in running)


def write_photos(folder: Path, count: int, side: int) -> None:
    """Smooth noise: JPEG files of about the size that photos of their dimensions have."""
    folder.mkdir(parents=True)
    for number in range(min(count, 20)):
        coarse = np.random.default_rng(number).integers(0, 255, (max(2, side // 12), max(2, side // 12), 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(folder / f"{number:05d}.jpg", quality=90)
    for number in range(20, count):
        os.link(folder / f"{number % 20:05d}.jpg", folder / f"{number:05d}.jpg")


def start(folder: Path, model: Path, *more: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "mattecli", "image", "photos", "-o", "out", "--results", "results.jsonl", "--model", str(model)]
    looks = ["--as", "alpha", "--refine", "none", "--quiet"]
    return subprocess.Popen([*command, *looks, *more], cwd=folder, stdout=subprocess.DEVNULL)


def progress(process: "subprocess.Popen[bytes]", results: Path) -> Iterator[int]:
    """The number of results, looked at again and again until the process ends."""
    while process.poll() is None:
        yield results.read_bytes().count(b"\n") if results.exists() else 0
        time.sleep(0.05)
    assert process.returncode == 0, f"exit code {process.returncode}"
    yield results.read_bytes().count(b"\n")


def batch(model: Path, side: int, images: int) -> float:
    """Images a second of `matte image` from a tenth of the results on."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_photos(folder / "photos", images, side)
        first: tuple[int, float] | None = None
        last = (0, 0.0)
        for done in progress(start(folder, model), folder / "results.jsonl"):
            if done > last[0]:
                last = (done, time.perf_counter())
            if first is None and done >= images // 10:
                first = last
        assert first is not None and last[0] == images
        return (last[0] - first[0]) / (last[1] - first[1])


def throughput(name: str, side: int, images: int, rounds: int) -> dict[str, object]:
    model = random_weights.standin_file(registry().find(name))
    timed: dict[str, list[float]] = {"network": [], "network, an image a core": [], "batch": []}
    for _ in range(rounds):
        timed["network"].append(alone(model, side, 1, 5.0))
        timed["network, an image a core"].append(alone(model, side, CORES, 5.0))
        timed["batch"].append(batch(model, side, images))
    ratios = [made / max(one, many) for one, many, made in zip(*timed.values(), strict=True)]
    row = {"model": name, "side": side, **{way: round(statistics.median(values), 2) for way, values in timed.items()}}
    row |= {"ratio": round(statistics.median(ratios), 3), "ratios": [round(ratio, 3) for ratio in ratios]}
    print(json.dumps(row), flush=True)
    return row


def family(pid: int) -> list[int]:
    """A process and all below it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(below for child in children for below in family(int(child)))]


def resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def memory(name: str, images: int, side: int = 64) -> dict[str, object]:
    """Megabytes of the main process and of its largest worker, by tenths of the run."""
    model = random_weights.standin_file(registry().find(name))
    main, worker = [0] * 10, [0] * 10
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        write_photos(folder / "photos", images, side)
        process = start(folder, model)
        for done in progress(process, folder / "results.jsonl"):
            tenth = min(9, done * 10 // images)
            pids = family(process.pid)
            main[tenth] = max(main[tenth], resident(process.pid))
            worker[tenth] = max([worker[tenth], *map(resident, pids[1:])])
    row: dict[str, object] = {"model": name, "images": images, "side": side}
    row |= {"main_mb": [round(value / 1e6, 1) for value in main], "worker_mb": [round(value / 1e6, 1) for value in worker]}
    print(json.dumps(row), flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description="Throughput and memory of batches.")
    parser.add_argument("--models", default="shm-fast,fdm-erd")
    parser.add_argument("--sides", default="512,1024")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, default=0, metavar="N", help="also the memory over so many images")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows = [throughput(name, int(side), asked.images, asked.rounds) for name in asked.models.split(",") for side in asked.sides.split(",")]
    flat = [memory(asked.models.split(",")[0], asked.memory)] if asked.memory else []
    if asked.json:
        asked.json.write_text(json.dumps({"machine": machine.describe(), "throughput": rows, "memory": flat}, indent=1) + "\n")


if __name__ == "__main__":
    main()
