"""python -m training run NAME; draw | train | validate | ship RUN.toml; sharpen | adopt | credits FROM TO; people.

Results go to stdout as JSON, the rest to stderr.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch

from mattecli.errors import InputError, MatteError
from training import loop, settings
from training.adopt import adopt
from training.credits import credits_page
from training.log import say
from training.photos import sharpen
from training.pool import ExamplePool, fill
from training.render import render_people
from training.ship import ship
from training.state import begun
from training.validation import validate


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        if asked.verb in WITHOUT_RUN:
            print(json.dumps(WITHOUT_RUN[asked.verb](asked)))
            return 0
        run = _with_chosen(settings.read(asked.run, asked.stage), asked)
        result = VERBS[asked.verb](run, asked)
    except MatteError as error:
        sys.stderr.write(f"training: error: {error}\n")
        return error.exit_code
    print(json.dumps(result))
    return 0


def _with_chosen(run: settings.Run, asked: argparse.Namespace) -> settings.Run:
    """The run with the settings that the command line overrides."""
    names = ("folder", "sources", "minutes", "steps")
    return replace(run, **{name: getattr(asked, name) for name in names if getattr(asked, name, None) is not None})


def _run(asked: argparse.Namespace) -> dict[str, object]:
    """Draw, train and ship all stages of a network, or resume them; the weights of the last one are written."""
    stages = [_with_chosen(stage, asked) for stage in settings.read_stages(_run_file(asked.name))]
    for number, run in enumerate(stages, 1):
        say(f"stage {number} of {len(stages)}: {run.folder}")
        if run.data.pool:
            fill(ExamplePool(run), run.data.pool, workers=asked.workers, report=_tell)
        state = loop.train(run, _device(asked.device))
        if state.step < run.steps:
            return {"stage": number, "step": state.step, "steps": run.steps}
        shipped = ship(run, Path(run.folder) / settings.SHIPPED)
    if asked.out is None:
        return {**shipped}
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(run.folder) / settings.SHIPPED, asked.out)
    return {**shipped, "path": str(asked.out)}


def _run_file(name: str) -> Path:
    """The file of a network by its name, or a file."""
    return Path(name) if name.endswith(".toml") else Path(__file__).parent / "runs" / f"{name}.toml"


def _draw(run: settings.Run, asked: argparse.Namespace) -> dict[str, object]:
    count = asked.count or run.data.pool
    if count == 0:
        raise InputError("the run draws while it trains (data.pool is 0); say how many to draw with --count, or set data.pool")
    pool = ExamplePool(run)
    fill(pool, count, workers=asked.workers, report=_tell)
    return {"folder": str(pool.folder), "examples": count}


def _tell(done: int, count: int) -> None:
    if done % 20 == 0 or done == count:
        say(f"{done} of {count} examples")


def _train(run: settings.Run, asked: argparse.Namespace) -> dict[str, object]:
    state = loop.train(run, _device(asked.device))
    return {"folder": run.folder, "step": state.step, "steps": run.steps}


def _validate(run: settings.Run, asked: argparse.Namespace) -> dict[str, object]:
    pool = ExamplePool(run, held_out=True)
    fill(pool, run.data.validation, workers=run.data.workers, report=_tell)
    state = begun(run, _device(asked.device))
    return {"step": state.step, **validate(state)}


def _ship(run: settings.Run, asked: argparse.Namespace) -> dict[str, str | int]:
    return ship(run, asked.out, asked.earlier)


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def _sharpen(asked: argparse.Namespace) -> dict[str, object]:
    return {"folder": str(asked.kept), "photographs": sharpen(asked.people, asked.kept, _tell)}


def _adopt(asked: argparse.Namespace) -> dict[str, str | int]:
    return adopt(asked.onnx, asked.out)


def _credits(asked: argparse.Namespace) -> dict[str, object]:
    asked.out.write_text(credits_page(asked.people), encoding="utf-8")
    return {"path": str(asked.out)}


def _people(asked: argparse.Namespace) -> dict[str, object]:
    made = render_people(asked.out, asked.count, python=asked.python, size=asked.size, samples=asked.samples, report=_tell_each)
    return {"folder": str(asked.out), "people": asked.count, "rendered": made}


def _tell_each(done: int, count: int) -> None:
    say(f"{done} of {count} people")


WITHOUT_RUN: dict[str, Callable[[argparse.Namespace], Mapping[str, object]]] = {
    "run": _run,
    "sharpen": _sharpen,
    "adopt": _adopt,
    "credits": _credits,
    "people": _people,
}
VERBS = {"draw": _draw, "train": _train, "validate": _validate, "ship": _ship}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="Makes the weights the project ships.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("run", type=Path, metavar="RUN.toml", help="the run's settings")
    common.add_argument("--stage", type=int, help="which of the file's stages, where it has several")
    common.add_argument("--folder", help="where what the run makes lies, instead of what the settings say")
    common.add_argument("--sources", help="the folder of pictures, instead of what the settings say")
    device = argparse.ArgumentParser(add_help=False)
    device.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 or auto (the default)")
    whole = verbs.add_parser("run", parents=[device], help="from pictures to the file that is shipped, or go on; all stages of a network")
    whole.add_argument("name", metavar="NAME", help="a file of training/runs without .toml, or a RUN.toml")
    whole.add_argument("--sources", help="the folder of pictures, instead of what the settings say")
    whole.add_argument("--minutes", type=float, help="checkpoint and leave a stage after so many")
    whole.add_argument("--workers", type=int, default=0, help="processes that draw (0: this one)")
    whole.add_argument("--out", type=Path, metavar="OUT.pt", help="write what is shipped here, too")
    draw = verbs.add_parser("draw", parents=[common], help="draw examples into the run's folder; what is there stays")
    draw.add_argument("--count", type=int, help="how many there shall be, instead of data.pool")
    draw.add_argument("--workers", type=int, default=0, help="processes that draw (0: this one)")
    train = verbs.add_parser("train", parents=[common, device], help="train, or go on from the newest checkpoint")
    train.add_argument("--steps", type=int, help="how many steps the whole training has, instead of what the settings say")
    train.add_argument("--minutes", type=float, help="checkpoint and leave after so many, instead of what the settings say")
    verbs.add_parser("validate", parents=[common, device], help="measure the newest checkpoint on held-out examples")
    shipped = verbs.add_parser("ship", parents=[common], help="write the averaged weights as they are shipped")
    shipped.add_argument("out", type=Path, metavar="OUT.pt")
    shipped.add_argument(
        "--earlier", type=Path, metavar="FILE.pt", help="write the mean with what was shipped earlier in the same training"
    )
    sharpened = verbs.add_parser("sharpen", help="make mattes of photographs' soft labels, which scenes are drawn from")
    sharpened.add_argument("people", type=Path, metavar="PHOTOGRAPHS", help="the folder of photographs with labels")
    sharpened.add_argument("kept", type=Path, metavar="FOLDER", help="where they are kept; what is there stays")
    adopted = verbs.add_parser("adopt", help="make a start for `subject` of the published small U2-Net (needs the package onnx)")
    adopted.add_argument("onnx", type=Path, metavar="u2netp.onnx")
    adopted.add_argument("out", type=Path, metavar="OUT.pt")
    credited = verbs.add_parser("credits", help="write the page that names who took the photographs under CC BY")
    credited.add_argument("people", type=Path, metavar="PHOTOGRAPHS", help="the folder of photographs with their sources.json")
    credited.add_argument("out", type=Path, metavar="PAGE.md")
    people = verbs.add_parser("people", help="render people with exact alpha; what is there stays (needs an environment with bpy)")
    people.add_argument("--count", type=int, required=True, help="how many there shall be")
    people.add_argument("--out", type=Path, default=Path("runs/people"), metavar="FOLDER", help="where they are kept")
    people.add_argument("--python", default="runs/people-env/bin/python", help="of the environment with bpy and anny")
    people.add_argument("--size", type=int, default=512, help="pixels a side")
    people.add_argument("--samples", type=int, default=16, help="of light a pixel; alpha takes four times as many")
    return parser


if __name__ == "__main__":
    sys.exit(main())
