"""How fast the models are on a GPU: each at HD and 4K in full and in half precision, by itself and from file to file.

Everything is measured by what `matte bench --device cuda` measures with (bench/trial.py), here in one process, so that a GPU that
is paid by the minute is not kept waiting for torch to load. Models without weights run on random weights: speed does not depend on the
values. Seconds are wall clock around synchronised calls, after the calls that warm up; memory is the most that torch held on the device.
A table in Markdown on stdout, progress on stderr.

Usage: python benchmarks/gpu.py [--models A,B] [--sizes hd,4k] [--precision fp32,tf32,fp16] [--seconds 1] [--no-clip] [--json FILE]
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import torch

from mattecli.bench.run import file_to_measure, parse_sizes, size_label
from mattecli.bench.scene import write_clip, write_scene
from mattecli.bench.trial import Trial, run_trial
from mattecli.core import machine
from mattecli.core.registry import registry
from mattecli.errors import MatteError
from weights import table

MODELS = "bgmv2,bgmv2-resnet50,modnet,shm-fast,dim,fusion,fusion-plate,subject"
COLUMNS = {
    "median ms": lambda row: f"{1000 * row['median_seconds']:.2f}",
    "tensor fps": lambda row: f"{row['fps']:.0f}",
    "end to end fps": lambda row: f"{row['clip_fps']:.1f}" if "clip_fps" in row else "-",
    "steady fps": lambda row: f"{row['steady_fps']:.1f}" if "steady_fps" in row else "-",
    "device memory": lambda row: f"{row.get('device_bytes', 0) / 1e9:.2f} GB",
    "alpha off by at most": lambda row: f"{row['parity_max']:.2f} of 255" if "parity_max" in row else "-",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=MODELS)
    parser.add_argument("--sizes", default="hd,4k")
    parser.add_argument("--precision", default="fp32,tf32,fp16")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--no-clip", action="store_true", help="leave out the clips")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = []
    for row in measured(arguments):
        rows.append(row)
        print(json.dumps(row), file=sys.stderr)
        if arguments.json:  # after every row, so that what was found stays when time runs out
            arguments.json.write_text(json.dumps({"machine": machine.describe(), "rows": rows}, indent=1) + "\n")
    print(markdown(rows))


def measured(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        for size in parse_sizes(arguments.sizes):
            scene = Path(folder) / size_label(size)
            scene.mkdir()
            write_scene(scene, size)
            clip = "" if arguments.no_clip else str(scene / "clip.mp4")
            if clip:
                write_clip(Path(clip), size)
            for name, precision in product(arguments.models.split(","), arguments.precision.split(",")):
                case = {"model": name, "size": size_label(size), "precision": precision}
                yield case | trial(name, scene, precision, clip, arguments)


def trial(name: str, scene: Path, precision: str, clip: str, arguments: argparse.Namespace) -> Mapping[str, Any]:
    """The result, or why there is none."""
    begin, found = time.perf_counter(), {}
    torch.cuda.empty_cache()  # of the trial before
    try:
        file = file_to_measure(registry().find(name))
        run_trial(Trial(str(file), str(scene), arguments.device, precision, 1, arguments.seconds, clip), found.update)
    except (MatteError, RuntimeError) as error:
        found["failed"] = str(error)[-500:]
    return found | {"trial_seconds": time.perf_counter() - begin}


def markdown(rows: list[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        shown = [show(row) for show in COLUMNS.values()] if "fps" in row else [row.get("failed") or row.get("skipped", "")]
        lines.append([f"`{row['model']}`", row["size"], row["precision"], *shown])
    return table(["model", "size", "precision", *COLUMNS], lines)


if __name__ == "__main__":
    main()
