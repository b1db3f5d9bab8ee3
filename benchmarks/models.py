"""What each model costs: parameters, multiply-accumulates, and seconds on the CPU, at 512x512 and at 1920x1080.

Weights are random (speed does not depend on their values). Multiply-accumulates are those of convolutions and
matrix products, counted by torch's FlopCounterMode on the whole path of the export (resizing to the network's side included); closed-form
matting is an iterative solver and has no such number. Seconds are those of the exported, frozen file: the faster of two calls.

Usage: python benchmarks/models.py [--models a,b] [--json FILE] [--markdown FILE]
"""

import argparse
import json
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from mattecli.cli import process
from mattecli.core import machine, random_weights
from mattecli.core.registry import ModelSpec, registry
from mattecli.core.runtime import LoadedModel, load_model, pick_device

SIZES = {"512": (512, 512), "1080p": (1080, 1920)}
PAPERS = {
    "modnet": "67 fps at 512 px on a GTX 1080 Ti (paper, abstract)",
    "bgmv2": "100.6 fps HD, 45.4 fps 4K on an RTX 2080 Ti; 5,006,839 parameters (paper, tables 3 and 4)",
    "bgmv2-resnet50": "60.0 fps HD, 33.2 fps 4K on an RTX 2080 Ti; 34.3 GMac HD, 40,247,703 parameters (paper, tables 3 and 4)",
    "bgmv2-resnet101": "42.5 fps HD, 29.8 fps 4K on an RTX 2080 Ti; 59,239,831 parameters (paper, tables 3 and 4)",
    "bgm": "7.8 fps at 512x512 on an RTX 2080 Ti, 473.8 GMac with its segmenter (BGMv2 paper, table 3)",
    "fdm": "15 fps on a phone (paper, abstract)",
    "mmnet": "30 fps on a Xiaomi Mi 5, after acceleration (paper, abstract)",
}


def scene(height: int, width: int) -> tuple[Tensor, dict[str, Tensor]]:
    """A random photo, and guides with a disc as the subject and a tenth of the pixels unknown."""
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    distance = (rows**2 + columns**2).sqrt()
    trimap = torch.where(distance < 0.55, 1.0, torch.where(distance > 0.66, 0.0, 0.5))[None, None]
    smooth = torch.nn.functional.avg_pool2d(image, 9, 1, 4)
    return smooth, {"trimap": trimap, "background": smooth.flip(3), "mask": (distance < 0.6).float()[None, None]}


def count(wrapped: torch.nn.Module, spec: ModelSpec, size: tuple[int, int]) -> float | None:
    """Multiply-accumulates of one photo, in billions."""
    if not any(True for _ in wrapped.parameters()):
        return None
    image, guides = scene(*size)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        wrapped(image, *(guides[guide] for guide in spec.guides))
    return round(counter.get_total_flops() / 2e9, 2)


def seconds(model: LoadedModel, size: tuple[int, int]) -> float:
    """The faster of two calls."""
    image, guides = scene(*size)
    timed = []
    for _ in range(2):
        begin = time.perf_counter()
        model(image, guides)
        timed.append(time.perf_counter() - begin)
    return round(min(timed), 3)


def measured(spec: ModelSpec) -> dict[str, object]:
    wrapped = random_weights.build_random(spec)
    model = load_model(random_weights.random_export(spec), device=pick_device("cpu"))
    row: dict[str, object] = {"model": spec.name, "parameters": sum(parameter.numel() for parameter in wrapped.parameters())}
    for name, size in SIZES.items():
        row[f"gmacs_{name}"] = count(wrapped, spec, size)
        row[f"seconds_{name}"] = seconds(model, size)
    return row | {"reported": PAPERS.get(spec.name, "")}


def markdown(report: dict) -> str:
    """docs/models.md"""
    on = report["machine"]
    lines = [
        "# What the models cost",
        "",
        f"Made by `python benchmarks/models.py --markdown docs/models.md` on {on['date']}: {on['processor']},",
        f"{on['torch_threads']} threads, torch {on['torch']}, fp32, the exported file with its default options. GMACs and seconds are for",
        "the whole path from photo to alpha, so a model that works at a fixed side costs about the same at both sizes. The last column is",
        "what its authors report, on their hardware.",
        "",
        "| model | parameters | GMACs 512x512 | seconds | GMACs 1920x1080 | seconds | reported |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in report["models"]:
        gmacs = ["-" if row[f"gmacs_{size}"] is None else f"{row[f'gmacs_{size}']:.1f}" for size in SIZES]
        times = [f"{row[f'seconds_{size}']:.2f}" for size in SIZES]
        cells = [f"`{row['model']}`", f"{row['parameters']:,}", gmacs[0], times[0], gmacs[1], times[1], row["reported"]]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    process.set_up_torch()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", help="names, separated by commas (default: one of each architecture and build)")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    arguments = parser.parse_args()
    every = registry().models
    different = {
        (spec.architecture, tuple(spec.build.items())): spec for spec in reversed(every.values()) if spec.container == "checkpoint"
    }
    chosen = [every[name] for name in arguments.models.split(",")] if arguments.models else [*reversed(different.values())]
    report: dict = {"machine": machine.describe(), "models": []}
    for spec in chosen:
        report["models"].append(measured(spec))
        print(json.dumps(report["models"][-1]), flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(report, indent=1) + "\n")
        if arguments.markdown:
            arguments.markdown.write_text(markdown(report))


if __name__ == "__main__":
    main()
