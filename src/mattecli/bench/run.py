"""Measures models at each size, each in a fresh process (trial.py). A failure is a row with its reason."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import torch

from mattecli.bench.scene import Size, write_clip, write_plate_of, write_scene
from mattecli.bench.trial import Trial
from mattecli.core import export, machine, random_weights, store
from mattecli.core.registry import ModelSpec, Registry
from mattecli.errors import MatteError, UsageError
from mattecli.html.self_contained import write_page
from mattecli.io.video_read import probe

SIZES: Mapping[str, Size] = {"512": (512, 512), "hd": (1080, 1920), "4k": (2160, 3840)}
INSTALLED = "installed"
KILLED = 9  # SIGKILL, sent by a system that has run out of memory


@dataclass(frozen=True)
class Case:
    """One measurement; size is (height, width), batch the number of pictures in a call."""

    model: str
    size: Size
    precision: str
    batch: int

    def __str__(self) -> str:
        shown = [self.model, "at", size_label(self.size), *([self.precision] if self.precision != "fp32" else [])]
        return " ".join(shown) + (f", {self.batch} a call" if self.batch > 1 else "")


@dataclass(frozen=True)
class Bench:
    """The requested measurements. clip: a file to measure end to end with, "" to leave that out, or None for one made at each size."""

    specs: Sequence[ModelSpec]
    sizes: Sequence[Size]
    precisions: Sequence[str]
    batches: Sequence[int]
    device: str
    seconds: float
    clip: str | None = None

    @property
    def cases(self) -> list[tuple[ModelSpec, Case]]:
        every = product(self.specs, self.sizes, self.precisions, self.batches)
        return [(spec, Case(spec.name, size, precision, batch)) for spec, size, precision, batch in every]

    @property
    def without_weights(self) -> list[str]:
        """The models whose weights are not installed."""
        return [spec.name for spec in self.specs if lacks_weights(spec)]


@dataclass(frozen=True)
class Row:
    """The result of a measurement: numbers by name (see table.py), or why there are none: skipped for lack of memory, or failed.

    random_weights: the model's own were not installed.
    """

    case: Case
    random_weights: bool
    numbers: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()
    skipped: str = ""
    failed: str = ""

    @property
    def name(self) -> str:
        return self.case.model + (random_weights.MARK if self.random_weights else "")

    def record(self) -> dict[str, Any]:
        case = self.case
        what = {
            "model": case.model,
            "random_weights": self.random_weights,
            "size": [case.size[1], case.size[0]],
            "precision": case.precision,
            "batch": case.batch,
        }
        return {**what, **self.numbers, "notes": list(self.notes), "skipped": self.skipped or None, "failed": self.failed or None}


def size_label(size: Size) -> str:
    """512, hd, 4k, or WxH."""
    return next((name for name, known in SIZES.items() if known == size), f"{size[1]}x{size[0]}")


def parse_sizes(text: str) -> list[Size]:
    """Sizes (height, width) of a list such as "512,hd,640x360"; UsageError naming what is known for anything else."""
    return list(dict.fromkeys(_parse_size(word.strip().lower()) for word in text.split(",")))


def _parse_size(word: str) -> Size:
    if word in SIZES:
        return SIZES[word]
    numbers = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", word)
    if numbers is None:
        raise UsageError(f"--sizes {word or ','} is not known; give {', '.join(SIZES)} or WIDTHxHEIGHT, separated by commas")
    return int(numbers[2]), int(numbers[1])


def parse_batches(text: str) -> list[int]:
    """Numbers of pictures a call, of a list such as "1,4"."""
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        raise UsageError(f"--batch {text} is not known; give numbers of pictures, such as 1,4")
    return list(dict.fromkeys(int(word) for word in words))


def models_to_measure(registry: Registry, names: str | None) -> list[ModelSpec]:
    """The models named, those "installed", or (None) each network once: of tables that differ in their weights, an installed one.

    Raises ModelError for a name that is none, or cannot be measured without being installed.
    """
    if names == INSTALLED:
        return [store.runnable(spec) for spec in registry.models.values() if store.is_runnable(spec)]
    if names is not None:
        named = [store.runnable(registry.find(name.strip())) for name in dict.fromkeys(names.split(","))]
        for spec in named:
            if lacks_weights(spec):
                random_weights.check_is_buildable(spec)
        return named
    networks: dict[object, str] = {}
    for spec in sorted(registry.models.values(), key=lambda spec: not store.is_installed(spec)):
        if spec.container == "checkpoint" or store.is_installed(spec):
            networks.setdefault((spec.architecture, *spec.build.items()), spec.name)
    return [store.runnable(spec) for name, spec in registry.models.items() if name in networks.values()]


def lacks_weights(spec: ModelSpec) -> bool:
    return spec.export is None and not store.is_installed(spec)


def file_to_measure(spec: ModelSpec) -> Path:
    """The model's export, or one with random weights where its own are not installed."""
    return random_weights.random_export(spec) if lacks_weights(spec) else export.export_file(spec)


def clip_size(clip: str) -> Size:
    """A clip's (height, width); InputError for a file that is no clip."""
    return probe(clip).size


def run_bench(bench: Bench) -> Iterator[Row]:
    """A row for each of `bench.cases`, in order. Never downloads: a model that is not installed has random weights."""
    with tempfile.TemporaryDirectory(prefix="matte-bench-") as folder:
        stage = _Stage(Path(folder), bench.clip)
        for spec, case in bench.cases:
            yield _row(spec, case, bench, stage)


class _Stage:
    """The scenes in a folder, each made when it is first needed."""

    def __init__(self, folder: Path, clip: str | None) -> None:
        self._folder, self._clip = folder, clip
        self._clip_size = clip_size(clip) if clip else None

    def at(self, size: Size) -> tuple[Path, str]:
        """The folder of a scene of that size, and the clip to measure end to end with, or ""."""
        folder = self._folder / f"{size[1]}x{size[0]}"
        clip = str(folder / "clip.mp4") if self._clip is None else self._clip if size == self._clip_size else ""
        if not folder.exists():
            folder.mkdir()
            write_scene(folder, size)
            if self._clip is None:
                write_clip(Path(clip), size)
            elif clip:
                write_plate_of(clip, folder)
        return folder, clip


def _row(spec: ModelSpec, case: Case, bench: Bench, stage: _Stage) -> Row:
    is_random = lacks_weights(spec)
    try:
        file = file_to_measure(spec)
        folder, clip = stage.at(case.size)
    except MatteError as error:
        return Row(case, is_random, failed=str(error))
    outcome = _outcome(Trial(str(file), str(folder), bench.device, case.precision, case.batch, bench.seconds, clip), folder)
    notes, skipped, failed = outcome.pop("notes", ()), outcome.pop("skipped", ""), outcome.pop("failed", "")
    return Row(case, is_random, outcome, notes, skipped, failed)


def _outcome(trial: Trial, folder: Path) -> dict[str, Any]:
    """The result of a trial in a fresh process, or how that process ended."""
    task, result = folder / "trial.json", folder / "result.json"
    task.write_text(trial.to_json(), encoding="utf-8")
    result.unlink(missing_ok=True)
    command = [sys.executable, "-m", "mattecli.cli.trial", str(task), str(result)]
    # PYTHONSAFEPATH keeps a torch.py in the current folder from being imported.
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=False)
    outcome: dict[str, Any] = json.loads(result.read_text(encoding="utf-8")) if result.exists() else {}
    if done.returncode != 0:
        ending = _ending(done.returncode, done.stderr.decode(errors="replace"))
        return {**outcome, "notes": [*outcome["notes"], ending]} if outcome else {"failed": ending}
    return outcome


def _ending(code: int, stderr: str) -> str:
    """How a process ended, with the last line of its stderr."""
    if code == -KILLED:
        return "the process was killed, most likely for want of memory"
    last = next((line.strip() for line in reversed(stderr.splitlines()) if line.strip()), "")
    end = f"the process ended with {signal.Signals(-code).name}" if code < 0 else f"the process ended with exit code {code}"
    return f"{end}: {last}" if last else end


def record(bench: Bench, rows: Sequence[Row]) -> dict[str, Any]:
    """The bench as one JSON object."""
    settings = {
        "device": bench.device,
        "models": [spec.name for spec in bench.specs],
        "sizes": [[width, height] for height, width in bench.sizes],
        "precisions": list(bench.precisions),
        "batches": list(bench.batches),
        "seconds": bench.seconds,
        "torch_threads": torch.get_num_threads(),
        "clip": "made at each size" if bench.clip is None else bench.clip or None,
    }
    return {
        "date": machine.today(),
        "machine": machine.hardware(),
        "versions": machine.versions(),
        "settings": settings,
        "rows": [row.record() for row in rows],
    }


def write_record(file: str, bench: Bench, rows: Sequence[Row]) -> None:
    """Write the record as JSON, complete or not at all. Raises OutputError."""
    write_page(json.dumps(record(bench, rows), indent=1, ensure_ascii=False) + "\n", file)
