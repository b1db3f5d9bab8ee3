"""What a request to a warm service takes beside the same call through the Python door, and beside a fresh `matte image` process.

One photo of 1280x720, a drawn creature in front of a garden, and its trimap where the model takes one; mattes of the others are refined.
Service and door take turns, in two processes; the door's call reads the files, mattes, and writes the cut-out to a file, as the service
does, in a process set up as the service's. Medians of the rounds are reported, of the clock and of the processor seconds that the two
processes spend, which other work on the machine hardly changes.

Usage: python benchmarks/serve.py [--models fusion,subject] [--rounds N] [--json FILE]
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np

import mattecli
from mattecli.cli import process as settings

WIDTH, HEIGHT = 1280, 720
BOUNDARY = "between-parts"


def draw(folder: Path) -> tuple[Path, Path]:
    """The demo's creature at 1280x720 and a trimap of it."""
    subprocess.run([sys.executable, "examples/draw_creature.py", str(folder)], check=True)
    photo, alpha = (cv2.imread(str(folder / f"{name}.png"))[:405] for name in ("photo", "true_alpha"))
    photo, alpha = (cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) for picture in (photo, alpha))
    reach = np.ones((25, 25), np.uint8)
    trimap = np.where(cv2.erode(alpha, reach) > 250, 255, np.where(cv2.dilate(alpha, reach) < 5, 0, 128)).astype(np.uint8)
    cv2.imwrite(str(folder / "wide.png"), photo)
    cv2.imwrite(str(folder / "trimap.png"), trimap)
    return folder / "wide.png", folder / "trimap.png"


def form(fields: dict[str, Path | str]) -> bytes:
    parts = []
    for name, value in fields.items():
        is_file = isinstance(value, Path)
        file_name = f'; filename="{value.name}"' if is_file else ""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file_name}\r\n\r\n'
        parts.append(head.encode() + (value.read_bytes() if is_file else value.encode()) + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def timed(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def request(address: str, body: bytes) -> None:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=3600)
    connection.request("POST", "/v1/matte", body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
    answer = connection.getresponse()
    picture = answer.read()
    connection.close()
    assert answer.status == 200, picture


def processor_seconds(process: int) -> float:
    """Seconds of all cores that a process has spent."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def spent(process: int, call: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock and of the processor that a call takes in a process."""
    begin = processor_seconds(process)
    seconds = timed(call)
    return seconds, processor_seconds(process) - begin


def measure(folder: Path, model_name: str, rounds: int) -> dict[str, object]:
    photo, trimap = draw(folder)
    model = mattecli.load(model_name, offline=True)
    guides = {"trimap": trimap} if "trimap" in model.guides else {}
    body = form({"image": photo, "model": model_name, **guides})
    command = [sys.executable, "-m", "mattecli", "image", str(photo), "--model", model_name, "-o", str(folder / "command.png")]
    command += ["--trimap", str(trimap)] if guides else []
    serve = [sys.executable, "-m", "mattecli", "serve", "--port", "0", "--timeout", "3600", "--model", model_name]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as service:
        try:
            assert service.stdout is not None
            address = service.stdout.readline().strip()
            ways: dict[str, tuple[int, Callable[[], object]]] = {
                "door": (os.getpid(), lambda: model(photo, **guides).save(folder / "door.png")),
                "service": (service.pid, lambda: request(address, body)),
            }
            for _, call in ways.values():
                call()
            taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
            for number in range(rounds):
                for name, way in ways.items():
                    taken[name].append(spent(*way))
                print(f"round {number + 1}: {taken['door'][-1]} and {taken['service'][-1]}", file=sys.stderr, flush=True)
            commands = [timed(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(min(rounds, 2))]
        finally:
            service.terminate()
    return {"model": model_name, **summary(taken, commands)}


def summary(taken: dict[str, list[tuple[float, float]]], commands: list[float]) -> dict[str, object]:
    """Medians; a ratio is the median over the rounds, whose two turns stand side by side, so that the machine's pace is in both."""
    ratios = [[one / other for one, other in zip(*pair, strict=True)] for pair in zip(taken["service"], taken["door"], strict=True)]
    seconds = {name: statistics.median(wall for wall, _ in calls) for name, calls in taken.items()} | {
        "command": statistics.median(commands)
    }
    return {
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "processor_seconds": {name: round(statistics.median(cpu for _, cpu in calls), 3) for name, calls in taken.items()},
        "service_per_door": round(statistics.median(wall for wall, _ in ratios), 3),
        "service_per_door_processor": round(statistics.median(cpu for _, cpu in ratios), 3),
        "rounds": {name: [[round(value, 3) for value in pair] for pair in calls] for name, calls in taken.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default="closed-form,fusion,subject")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    settings.set_up()
    settings.set_up_pictures()
    settings.set_up_torch()
    from mattecli.core import machine  # after these settings, since it loads torch

    with tempfile.TemporaryDirectory() as folder:
        models = [measure(Path(folder), name, arguments.rounds) for name in arguments.models.split(",")]
    report = {"machine": machine.describe(), "size": [WIDTH, HEIGHT], "models": models}
    print(json.dumps(report, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
