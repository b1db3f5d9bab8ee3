"""How long `matte image` without a guide takes with the sources of an earlier commit and with these, in turns in fresh processes.

Each photo is cut to 16:9 and scaled to 1280x720, and matted in turns by both versions from the shell, `--repeat` times after one that is
not counted. Reported are the least seconds by the clock and the least of the processor, of all threads, with the threads of a usual
call: other programs only ever add to both.

Usage: python benchmarks/two_versions.py COMMIT PHOTO ... [--repeat 7] [--json benchmarks/results/two_versions.json]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from mattecli.core import machine
from same_outputs import ROOT, unpack

SIZE = (1280, 720)
"""Width and height."""

Seconds = dict[str, float]


def scaled(photo: Path, path: Path) -> Path:
    """The middle of a photo in the shape of SIZE, scaled to it, as PNG."""
    pixels = cv2.imread(str(photo))
    height, width = pixels.shape[:2]
    rows, columns = min(height, width * SIZE[1] // SIZE[0]), min(width, height * SIZE[0] // SIZE[1])
    top, left = (height - rows) // 2, (width - columns) // 2
    cv2.imwrite(str(path), cv2.resize(pixels[top : top + rows, left : left + columns], SIZE, interpolation=cv2.INTER_AREA))
    return path


def seconds(tree: Path, photo: Path, home: Path) -> Seconds:
    """Seconds of one process with a tree's sources, by the clock and of the processor."""
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "MATTE_HOME": str(home)}
    command = [sys.executable, "-m", "mattecli", "image", str(photo), "-o", str(home / "cut.png"), "--overwrite", "--quiet", "--offline"]
    before, begin = _of_processor(), time.perf_counter()
    subprocess.run(command, env=environment, capture_output=True, check=True)
    return {"clock": time.perf_counter() - begin, "processor": _of_processor() - before}


def _of_processor() -> float:
    """Seconds of the processor that the processes started here have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def least(trials: list[Seconds]) -> Seconds:
    return {way: round(min(trial[way] for trial in trials), 2) for way in trials[0]}


def compare(trees: dict[str, Path], photo: Path, home: Path, repeat: int) -> dict[str, Seconds]:
    """The least seconds of each tree for one photo."""
    trials: dict[str, list[Seconds]] = {name: [] for name in trees}
    for turn in range(repeat + 1):
        for name, tree in trees.items():
            (home / name).mkdir(exist_ok=True)
            taken = seconds(tree, photo, home / name)
            if turn > 0:  # the first call makes the exports
                trials[name].append(taken)
    return {name: least(taken) for name, taken in trials.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the results there")
    arguments = parser.parse_args()
    report: dict = {"machine": machine.describe(), "commit": arguments.commit, "size": SIZE, "repeat": arguments.repeat, "photos": {}}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        trees = {"before": unpack(arguments.commit, home / "tree"), "now": ROOT}
        for photo in arguments.photos:
            small = scaled(photo, home / f"{photo.stem}.png")
            report["photos"][photo.stem] = compare(trees, small, home, arguments.repeat)
            print(photo.stem, json.dumps(report["photos"][photo.stem]), flush=True)
    means = {
        name: {way: round(float(np.mean([rows[name][way] for rows in report["photos"].values()])), 2) for way in ("clock", "processor")}
        for name in trees
    }
    report["mean"] = means
    print("mean", json.dumps(means))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
