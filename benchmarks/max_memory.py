"""Whether `--max-memory` holds: the most memory that any process of `matte image` has, over photos of mixed sizes, at several bounds.

Prints a line for each bound: the bound, the peak of resident memory of the largest process, photos made, reduced and refused, in all.

Usage: python benchmarks/max_memory.py [--bounds 520M,640M,800M] [--photos 24] [--model NAME]     Linux only.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from mattecli.core.tuning.memory import parse_bytes
from mattecli.io.images import write_image

SIDES = ((900, 900), (400, 500), (700, 1100), (300, 300))
EVERY_SECONDS = 0.05


def draw(folder: Path, count: int) -> None:
    for number in range(count):
        height, width = SIDES[number % len(SIDES)]
        photo = np.random.default_rng(number).integers(90, 130, (height, width, 3), dtype=np.uint8)
        cv2.ellipse(photo, (width // 2, height // 2), (width // 5, height // 3), 0, 0, 360, (200, 60, 40), -1)
        write_image(photo, folder / f"{number:03}.{'jpg' if number % 3 else 'png'}")


def family(process: int) -> list[int]:
    """A process and all that it started."""
    found = [process]
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += [member for child in task.read_text().split() for member in family(int(child))]
        except OSError:  # it has just ended
            continue
    return found


def peak_of(process: int) -> int:
    """The most resident memory that a process had, in bytes; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def measure(folder: Path, bound: str, model: str | None) -> tuple[int, str]:
    """The peak of a batch's largest process in bytes, and what stderr says."""
    out = folder / f"out-{bound}"
    command = [sys.executable, "-m", "mattecli", "image", str(folder / "photos"), "-o", str(out), "--max-memory", bound]
    with (folder / "said").open("w+") as said:
        running = subprocess.Popen([*command, *(["--model", model] if model else [])], stdout=subprocess.DEVNULL, stderr=said)
        peak = 0
        while running.poll() is None:
            peak = max(peak, *map(peak_of, family(running.pid)))
            time.sleep(EVERY_SECONDS)
        said.seek(0)
        return peak, said.read()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bounds", default="520M,640M,800M")
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--model")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "photos").mkdir()
        draw(folder / "photos", asked.photos)
        for bound in asked.bounds.split(","):
            peak, said = measure(folder, bound, asked.model)
            made = len(list((folder / f"out-{bound}").rglob("*.png")))
            holds = "holds" if peak <= parse_bytes(bound) else "EXCEEDED"
            told = f"{made} made, {said.count('it would need')} with less detail, {said.count('error:')} refused"
            print(f"{bound}: most {peak / 1e6:.0f} MB, {holds}; {told}", flush=True)


if __name__ == "__main__":
    main()
