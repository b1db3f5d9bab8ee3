"""Batches beside the network alone: images a second from JPEG files to alphas as PNG files, and memory over ten thousand images.

Throughput: in each round the ways take turns. "network" is the loaded model on images that lie in memory, one after the other on all
cores; "network, an image a core" is the same in a process with one thread for each core, at the same time. "batch" is `matte image` on a
folder, from half of its results on, since the second process loads while the first one works. `ratio` is the batch's to the faster of
the others, `loop_ratio` to "network".

Images a second depend on what else the machine does; milliseconds of a core an image hardly do. They are stated for "network, an image a
core", for the batch, and for what no batch can save: decoding the JPEG and encoding the alpha as PNG, by the same libraries and nothing
around them. `floor` is the ratio of the network's milliseconds to the sum of the three, the best that there can be; `processor_ratio` is
the batch's.

Memory: a batch of many small images, or of mixed sizes; the largest resident set of the main process and of its workers in each tenth of
the run.

Weights are random: speed and memory do not depend on their values.

Usage: python benchmarks/batch.py [--models shm-fast,fdm-erd] [--sides 512,1024] [--images 200] [--rounds 3] [--memory N]
       [--mixed N] [--json FILE]
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
import torch
from PIL import Image

import mattecli
from mattecli.core import machine, random_weights
from mattecli.core.registry import registry
from mattecli.io.pictures.beside import NOTHING
from mattecli.io.pictures.png_write import encode_png

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
begin, spent, count = time.perf_counter(), time.process_time(), 0
while time.perf_counter() - begin < seconds:
    model(image, {})
    count += 1
print(count / (time.perf_counter() - begin), 1000 * (time.process_time() - spent) / count)
"""
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
CORES = len(os.sched_getaffinity(0))


def alone(model: Path, side: int, processes: int, seconds: float) -> tuple[float, float]:
    """Images a second of the network in so many processes, which share the cores, and milliseconds of a core an image."""
    command = [sys.executable, "-c", ALONE, str(model), str(side), str(CORES // processes), str(seconds)]
    running = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    for process in running:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [[float(word) for word in process.communicate()[0].split()] for process in running]
    return sum(pace for pace, _ in said), statistics.mean(spent for _, spent in said)


def around(model: Path, folder: Path, turns: int = 20) -> float:
    """Milliseconds of a core that decoding a photo of a folder and encoding its alpha take."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    loaded, spent = mattecli.load(model).loaded, []
    for file in sorted(folder.iterdir())[:turns]:
        data = file.read_bytes()
        begin = time.thread_time()
        pixels = simplejpeg.decode_jpeg(data, strict=True)
        decoded = time.thread_time() - begin
        alpha = loaded(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255, {})[0]
        levels = (alpha[0, 0] * 255).round().to(torch.uint8).numpy()
        begin = time.thread_time()
        encode_png(levels, io.BytesIO(), NOTHING)
        spent.append(decoded + time.thread_time() - begin)
    return 1000 * statistics.median(spent)


def write_photos(folder: Path, count: int, side: int) -> None:
    """Smooth noise: JPEG files of about the size that photos of their dimensions have."""
    folder.mkdir(parents=True)
    for number in range(min(count, 20)):
        coarse = np.random.default_rng(number).integers(0, 255, (max(2, side // 12), max(2, side // 12), 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(folder / f"{number:05d}.jpg", quality=90)
    for number in range(20, count):
        os.link(folder / f"{number % 20:05d}.jpg", folder / f"{number:05d}.jpg")


def write_mixed_photos(folder: Path, count: int, kinds: int = 60) -> None:
    """Photos of 48 to 900 pixels a side, portrait and landscape, in a shuffled order that repeats."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(7)
    for number in range(min(count, kinds)):
        height, width = (int(48 * (900 / 48) ** random.random()) for _ in range(2))
        coarse = random.integers(0, 255, (max(2, height // 12), max(2, width // 12), 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(folder / f"{number:05d}.jpg", quality=90)
    for number in range(kinds, count):
        os.link(folder / f"{int(random.integers(kinds)):05d}.jpg", folder / f"{number:05d}.jpg")


def start(folder: Path, model: Path, *more: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "mattecli", "image", "photos", "-o", "out", "--results", "results.jsonl", "--model", str(model)]
    looks = ["--as", "alpha", "--refine", "none", "--quiet"]
    return subprocess.Popen([*command, *looks, *more], cwd=folder, stdout=subprocess.DEVNULL)


def progress(process: "subprocess.Popen[bytes]", results: Path) -> Iterator[int]:
    """The number of results, polled until the process ends."""
    while process.poll() is None:
        yield results.read_bytes().count(b"\n") if results.exists() else 0
        time.sleep(0.05)
    assert process.returncode == 0, f"exit code {process.returncode}"
    yield results.read_bytes().count(b"\n")


def batch(model: Path, side: int, images: int) -> tuple[float, float]:
    """Images a second of `matte image` from half of the results on, and milliseconds of a core an image."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_photos(folder / "photos", images, side)
        process = start(folder, model)
        seen: list[tuple[int, float, float]] = []
        for done in progress(process, folder / "results.jsonl"):
            spent = sum(map(processor_ms, family(process.pid)))
            if done >= images // 2 and spent >= (seen[-1][2] if seen else 1.0):  # less when workers are gone
                seen.append((done, time.perf_counter(), spent))
        assert seen[-1][0] > images * 3 // 4
        count = seen[-1][0] - seen[0][0]
        return count / (seen[-1][1] - seen[0][1]), (seen[-1][2] - seen[0][2]) / count


def throughput(name: str, side: int, images: int, rounds: int) -> dict[str, object]:
    model = random_weights.random_export(registry().find(name))
    timed: dict[str, list[tuple[float, float]]] = {"network": [], "network, an image a core": [], "batch": []}
    for _ in range(rounds):
        timed["network"].append(alone(model, side, 1, 5.0))
        timed["network, an image a core"].append(alone(model, side, CORES, 5.0))
        timed["batch"].append(batch(model, side, images))
    with tempfile.TemporaryDirectory() as folder:
        write_photos(Path(folder, "photos"), 20, side)
        beside = around(model, Path(folder, "photos"))
    ratios = [made[0] / max(one[0], many[0]) for one, many, made in zip(*timed.values(), strict=True)]
    loops = [made[0] / one[0] for one, _, made in zip(*timed.values(), strict=True)]
    pace = {way: round(statistics.median(pace for pace, _ in values), 2) for way, values in timed.items()}
    network, whole = (statistics.median(spent for _, spent in timed[way]) for way in ("network, an image a core", "batch"))
    row = {"model": name, "side": side, **pace, "ratio": round(statistics.median(ratios), 3), "ratios": [round(one, 3) for one in ratios]}
    row |= {"loop_ratio": round(statistics.median(loops), 3)}
    row |= {"network_ms": round(network, 1), "codecs_ms": round(beside, 1), "batch_ms": round(whole, 1)}
    row |= {"processor_ratio": round(network / whole, 3), "floor": round(network / (network + beside), 3)}
    print(json.dumps(row), flush=True)
    return row


def processor_ms(pid: int) -> float:
    """Milliseconds of a core that a process has taken; 0 for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * TICK_MS


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


def memory(name: str, images: int, *, side: int = 64, mixed: bool = False, more: tuple[str, ...] = ()) -> dict[str, object]:
    """Megabytes of the main process and of its largest worker, by tenths of the run; growth: from the first third's most to the last's."""
    model = random_weights.random_export(registry().find(name))
    main, worker = [0] * 30, [0] * 30
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        if mixed:
            write_mixed_photos(folder / "photos", images)
        else:
            write_photos(folder / "photos", images, side)
        process = start(folder, model, *more)
        for done in progress(process, folder / "results.jsonl"):
            part = min(29, done * 30 // images)
            pids = family(process.pid)
            main[part] = max(main[part], resident(process.pid))
            worker[part] = max([worker[part], *map(resident, pids[1:])])
        failed = (folder / "results.jsonl").read_text().count('"failed"')
    row: dict[str, object] = {"model": name, "images": images, "side": "48 to 900" if mixed else side, "options": list(more)}
    row |= {
        f"{who}_mb": [round(max(parts[at : at + 3]) / 1e6, 1) for at in range(0, 30, 3)]
        for who, parts in (("main", main), ("worker", worker))
    }
    row |= {"growth": round(max(worker[20:]) / max(worker[:10]), 3), "failed": failed}
    print(json.dumps(row), flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description="Throughput and memory of batches.")
    parser.add_argument("--models", default="shm-fast,fdm-erd")
    parser.add_argument("--sides", default="512,1024")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3, help="0 leaves throughput out")
    parser.add_argument("--memory", type=int, default=0, metavar="N", help="also the memory over so many images")
    parser.add_argument("--mixed", type=int, default=0, metavar="N", help="also over so many of mixed sizes, with and without --max-memory")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    pairs = [(name, int(side)) for name in asked.models.split(",") for side in asked.sides.split(",")]
    rows = [throughput(name, side, asked.images, asked.rounds) for name, side in pairs] if asked.rounds else []
    flat = [memory(asked.models.split(",")[0], asked.memory)] if asked.memory else []
    for more in ((), ("--max-memory", "900M")) if asked.mixed else ():
        flat.append(memory(asked.models.split(",")[0], asked.mixed, mixed=True, more=more))
    if asked.json:
        asked.json.write_text(json.dumps({"machine": machine.describe(), "throughput": rows, "memory": flat}, indent=1) + "\n")


if __name__ == "__main__":
    main()
