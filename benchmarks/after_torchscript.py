"""What could take TorchScript's place (decision 18): one network as an export of ours and through torch.export.

Both have the same random weights and the same photos and take turns, call by call, in one process. Reported are the greatest difference
of the alphas (0..1), median seconds and processor seconds of a call, seconds to load, bytes of the file, and what it does with a photo
smaller than any it was made for.

Usage: python benchmarks/after_torchscript.py [--model shm-fast] [--repeat 9] [--json FILE]
"""

import argparse
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mattecli.cli import process

process.set_up()  # before torch is loaded: on a busy machine spinning threads would distort all times

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from mattecli.core import machine, torchscript  # noqa: E402
from mattecli.core.random_weights import build_random, random_export  # noqa: E402
from mattecli.core.registry import registry  # noqa: E402
from mattecli.core.runtime import load_model, pick_device  # noqa: E402

SIZES = [(512, 512), (1080, 1920)]
SMALL = (200, 300)
# Exports of torch.export hold for one side of each `if` over sizes; these networks branch on whether a photo is larger than their input.
FEWEST_ROWS, MOST_ROWS = 257, 4096
WARM_UP = 2

Call = Callable[[Tensor], Tensor]  # image [1, 3, H, W] -> alpha [1, 1, H, W]


def exported(module: torch.nn.Module) -> Any:
    sides = {2: torch.export.Dim("height", min=FEWEST_ROWS, max=MOST_ROWS), 3: torch.export.Dim("width", min=FEWEST_ROWS, max=MOST_ROWS)}
    return torch.export.export(module, (torch.rand(1, 3, 300, 420),), dynamic_shapes=(sides,))


def by_torchscript(file: Path) -> Call:
    model = load_model(file, device=pick_device("cpu"))
    return lambda image: model.answer(image, {}).alpha


def by_torch_export(file: Path) -> Call:
    module = torch.export.load(file).module()
    return lambda image: module(image)[0]


def written(name: str, folder: Path) -> dict[str, tuple[Path, Callable[[Path], Call]]]:
    """The file of each way, and what loads it."""
    module = build_random(registry().find(name))
    torch.export.save(exported(module), folder / "model.pt2")
    return {
        "TorchScript, as matte loads it": (random_export(registry().find(name)), by_torchscript),
        "torch.export": (folder / "model.pt2", by_torch_export),
    }


def measure(calls: dict[str, Call], size: tuple[int, int], repeat: int) -> dict[str, Any]:
    image = torch.nn.functional.avg_pool2d(torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0)), 9, 1, 4)
    clocks: dict[str, list[tuple[float, float]]] = {way: [] for way in calls}
    alphas: dict[str, Tensor] = {}
    for turn in range(WARM_UP + repeat):
        for way, call in calls.items():
            wall, processor = time.perf_counter(), time.process_time()
            alphas[way] = call(image)
            if turn >= WARM_UP:
                clocks[way].append((time.perf_counter() - wall, time.process_time() - processor))
    first = next(iter(alphas.values()))
    return {
        way: {
            "seconds": round(statistics.median(clock[0] for clock in clocks[way]), 4),
            "processor_seconds": round(statistics.median(clock[1] for clock in clocks[way]), 4),
            "difference": float((alphas[way] - first).abs().max()),
        }
        for way in calls
    }


def loaded(file: Path, load: Callable[[Path], Call]) -> tuple[Call, dict[str, Any]]:
    begin = time.process_time()
    call = load(file)
    facts = {"processor_seconds_to_load": round(time.process_time() - begin, 3), "bytes": file.stat().st_size}
    try:
        call(torch.rand(1, 3, *SMALL))
        facts["a smaller photo"] = "taken"
    except Exception as error:
        facts["a smaller photo"] = str(error).splitlines()[0][:120]
    return call, facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="shm-fast")
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    process.set_up_torch()
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode(), torchscript.quiet:
        ways = {way: loaded(*made) for way, made in written(options.model, Path(folder)).items()}
        rows = {str(size): measure({way: call for way, (call, _) in ways.items()}, size, options.repeat) for size in SIZES}
    result = {
        "machine": machine.describe(),
        "model": options.model,
        "ways": {way: facts for way, (_, facts) in ways.items()},
        "sizes": rows,
    }
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
