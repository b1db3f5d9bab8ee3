"""What a request to a warm service takes beside the same call through the Python door, and beside a fresh `matte image` process.

One photo of 1280x720, a drawn creature in front of a garden, and its trimap. Service and door take turns, in two processes; the door's call
reads the files, mattes, and writes the cut-out to a file, as the service does. Medians of the rounds are reported.

Usage: python benchmarks/serve.py [--model fusion] [--rounds N] [--json FILE]
"""

import argparse
import http.client
import json
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
from mattecli.core import machine

WIDTH, HEIGHT = 1280, 720
BOUNDARY = "between-parts"


def draw(folder: Path) -> tuple[Path, Path]:
    """The demo's creature at 1280x720 and a trimap of it."""
    subprocess.run([sys.executable, "examples/make_demo.py", str(folder)], check=True)
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
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=300)
    connection.request("POST", "/v1/matte", body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
    answer = connection.getresponse()
    picture = answer.read()
    connection.close()
    assert answer.status == 200, picture


def measure(folder: Path, model_name: str, rounds: int) -> dict[str, object]:
    photo, trimap = draw(folder)
    model = mattecli.load(model_name, offline=True)
    guides = {"trimap": trimap} if "trimap" in model.guides else {}
    body = form({"image": photo, "model": model_name, **guides})
    command = [sys.executable, "-m", "mattecli", "image", str(photo), "--model", model_name, "-o", str(folder / "command.png")]
    command += ["--trimap", str(trimap)] if guides else []
    serve = [sys.executable, "-m", "mattecli", "serve", "--port", "0", "--model", model_name]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as service:
        try:
            assert service.stdout is not None
            address = service.stdout.readline().strip()
            ways: dict[str, Callable[[], object]] = {
                "door": lambda: model(photo, **guides).save(folder / "door.png"),
                "service": lambda: request(address, body),
                "command": lambda: subprocess.run(command, check=True, capture_output=True),
            }
            for call in ways.values():
                call()
            seconds = {name: [] for name in ways}
            for _ in range(rounds):
                for name, call in ways.items():
                    seconds[name].append(timed(call))
        finally:
            service.terminate()
    medians = {name: round(statistics.median(values), 4) for name, values in seconds.items()}
    # Each round's two turns stand side by side, so that the machine's pace, which changes, is in both.
    ratio = statistics.median(service / door for service, door in zip(seconds["service"], seconds["door"], strict=True))
    saved = round(medians["command"] - medians["service"], 2)
    all_seconds = {name: [round(value, 4) for value in values] for name, values in seconds.items()}
    return {"model": model_name, "seconds": medians, "service_per_door": round(ratio, 3), "saved": saved, "rounds": all_seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="fusion")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = {"machine": machine.describe(), "size": [WIDTH, HEIGHT], **measure(Path(folder), arguments.model, arguments.rounds)}
    print(json.dumps(report, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
