"""Batches under faults: pictures good and broken, runs that are killed, and what must hold in the end. By itself it is the long form:

python -m tests.faults.batches --images 2000 --kills 5
unshare -rm sh -c 'mount -t tmpfs -o size=32m disk /mnt && exec python -m tests.faults.batches --disk /mnt'   # also onto a full disk
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from mattecli.core.contract import ExportInfo
from mattecli.core.export import export

SIDE = 64
BLOCK = 4096
"""Bytes that a small file takes on a disk."""
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) if os.name == "posix" else (signal.SIGTERM, signal.SIGINT)
"""The signals that ask a program to end."""


class Brightness(nn.Module):
    """A model without guides: alpha is how bright a pixel is."""

    def forward(self, image: Tensor, gain: float = 1.0) -> tuple[Tensor, Tensor | None]:
        return (image.mean(dim=1, keepdim=True) * gain).clamp(0.0, 1.0), None


def write_model(path: Path) -> Path:
    info = ExportInfo("brightness", "brightness", (), {"gain": 1.0}, False, None, "MIT", {"torch": torch.__version__})
    export(Brightness(), path, info)
    return path


def _flipped(data: bytes) -> bytes:
    return data[:60] + bytes([data[60] ^ 0xFF]) + data[61:]


BREAKS: Sequence[tuple[str, str, Callable[[bytes], bytes]]] = (
    ("empty", "PNG", lambda data: b""),
    ("text", "PNG", lambda data: b"this is no picture"),
    ("half", "PNG", lambda data: data[: len(data) // 2]),
    ("half", "JPEG", lambda data: data[: len(data) // 2]),
    ("half", "WEBP", lambda data: data[: len(data) // 2]),
    ("half", "TIFF", lambda data: data[: len(data) // 2]),
    ("flipped", "PNG", _flipped),
    ("huge", "PNG", lambda data: data[:16] + b"\x7f\xff\xff\xff" * 2 + data[24:]),
    ("header", "BMP", lambda data: data[:30]),
    ("noise", "JPEG", lambda data: data[:20] + os.urandom(200)),
    ("page", "PNG", lambda data: b"<!DOCTYPE html><title>Sign in</title>"),
    ("zeros", "WEBP", lambda data: data[:12] + bytes(len(data) - 12)),
)
"""Twelve ways to break a picture: name, format, and what becomes of its bytes."""


def write_photos(folder: Path, count: int, broken: int) -> tuple[set[str], set[str]]:
    """Small pictures in two folders, some of them broken in all ways in turn; the names of good and broken ones without endings."""
    random.seed(4)
    good, bad = set(), set()
    wrong = set(random.sample(range(count), broken))
    for number in range(count):
        way = BREAKS[number % len(BREAKS)] if number in wrong else ("good", "PNG", bytes)
        file = folder / f"{number % 2}" / f"{number:05d}{way[0]}.{way[1].lower()}"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file)
        file.write_bytes(way[2](file.read_bytes()))
        (bad if number in wrong else good).add(str(file.relative_to(folder).with_suffix("")))
    return good, bad


def _heed_signals() -> None:
    """In a new process: end by what whoever runs this may ignore (nohup, a background job)."""
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)


@dataclass
class Stage:
    """A folder with `photos`, and batches over them. environment: what every run gets."""

    folder: Path
    model: Path
    environment: Mapping[str, str]

    @property
    def photos(self) -> Path:
        return self.folder / "photos"

    def arguments(self, out: str, *more: str) -> list[str]:
        look = ["--as", "alpha", "--refine", "none", "--quiet"]
        return ["image", "photos", "-o", out, "--model", str(self.model), *look, "--results", f"{out}.jsonl", *more]

    def command(self, out: str, *more: str) -> list[str]:
        return [sys.executable, "-m", "mattecli", *self.arguments(out, *more)]

    def start(self, out: str, *more: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self.command(out, *more),
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            preexec_fn=_heed_signals,
        )

    def run(self, out: str, *more: str) -> int:
        process = self.start(out, *more)
        process.communicate()
        return process.returncode

    def kill_after(self, out: str, lines: int, *more: str, number: int = signal.SIGKILL) -> int:
        """Start a run and kill it once so many more items have ended; its exit code."""
        wanted = self.lines(out) + lines
        process = self.start(out, *more)
        while process.poll() is None and self.lines(out) < wanted:
            time.sleep(0.005)
        process.send_signal(number)
        process.communicate()
        return process.returncode

    def lines(self, out: str) -> int:
        """How many lines a run's results file has, which is quicker than reading them."""
        file = self.folder / f"{out}.jsonl"
        return file.read_bytes().count(b"\n") if file.exists() else 0

    def forget(self, out: str) -> None:
        """Remove what a run made."""
        shutil.rmtree(self.folder / out, ignore_errors=True)
        (self.folder / f"{out}.jsonl").unlink(missing_ok=True)

    def records(self, out: str) -> list[dict[str, object]]:
        """The whole lines of a run's results file."""
        file = self.folder / f"{out}.jsonl"
        lines = file.read_bytes().split(b"\n") if file.exists() else []
        records = []
        for line in lines:
            try:
                records.append(json.loads(line))
            except ValueError:
                continue
        return records

    def outputs(self, out: str) -> dict[str, bytes]:
        """Every file below a folder of results, hidden ones too, by name without ending."""
        root = self.folder / out
        return {str(file.relative_to(root).with_suffix("")): file.read_bytes() for file in root.rglob("*") if not file.is_dir()}


def check_outcome(stage: Stage, out: str, good: set[str], bad: set[str], *, like: Mapping[str, bytes], changed: bool = False) -> None:
    """Every good input has one whole output, every broken one one failed line, and nothing else is there."""
    outputs = stage.outputs(out)
    assert outputs.keys() == good, sorted(outputs.keys() ^ good)[:5]
    assert all((outputs[name] == like[name]) != changed for name in good), "outputs are those of an uninterrupted run"
    failed = [
        os.path.splitext(os.path.relpath(str(record["input"]), "photos"))[0]
        for record in stage.records(out)
        if record["status"] == "failed"
    ]
    assert sorted(failed) == sorted(bad), "each broken input has one failed line"


def scenario(
    folder: Path,
    *,
    images: int,
    broken: int,
    kills: int,
    signals: Sequence[signal.Signals] = ENDING,
    tell: Callable[[str], None] = lambda text: None,
) -> None:
    """All of it, at a size; raises AssertionError where something does not hold."""
    stage = Stage(folder, write_model(folder / "toy.pt"), {"MATTE_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"})
    good, bad = write_photos(stage.photos, images, broken)
    assert stage.run("whole") == 1
    like = stage.outputs("whole")
    check_outcome(stage, "whole", good, bad, like=like)
    tell(f"uninterrupted: {len(good)} made, {len(bad)} failed")
    _killed_and_resumed(stage, good, bad, like, kills)
    tell(f"{kills} times SIGKILL, then --resume: the same")
    _asked_to_end(stage, good, bad, like, signals)
    tell(f"{', '.join(number.name for number in signals)}, each with its exit code and no file half-written, then --resume: the same")
    _without_folder(stage, good, bad, like)
    tell("the folder of results removed in the middle, then --resume: the same")
    _without_streams(stage, good, bad, like)
    tell("stdout and stderr closed: the same, with exit code 1 for the broken ones")
    _two_shards(stage, good, bad, like)
    tell("two shards at once, one killed and resumed: the same")
    _changes(stage, good, bad, like)
    tell("a changed option remakes all, a changed input that one")


def _killed_and_resumed(stage: Stage, good: set[str], bad: set[str], like: Mapping[str, bytes], kills: int) -> None:
    random.seed(kills)
    left, most = kills, max(2, len(good) // (kills + 2))
    while left:
        if stage.kill_after("killed", random.randint(1, most), "--resume") == -signal.SIGKILL:
            left -= 1
        else:  # a busy machine: it was done before it was killed
            stage.forget("killed")
            most = max(1, most // 2)
    assert stage.run("killed", "--resume") == 1
    check_outcome(stage, "killed", good, bad, like=like)


def _asked_to_end(stage: Stage, good: set[str], bad: set[str], like: Mapping[str, bytes], signals: Sequence[signal.Signals]) -> None:
    lines = max(2, len(good) // 6)
    for number in signals:
        while (code := stage.kill_after("asked", lines, "--resume", "--workers", "1", number=number)) == 1:
            stage.forget("asked")  # it was done before the signal came
            lines = max(1, lines // 4)
        assert code == 128 + number, f"exit code {code} after {number.name}"
        outputs = stage.outputs("asked")
        assert all(outputs[name] == like.get(name) for name in outputs), "only whole files are there"
        told = {str(record["output"]) for record in stage.records("asked") if record["status"] == "ok"}
        assert {os.path.splitext(os.path.relpath(file, "asked"))[0] for file in told} == outputs.keys(), "each has its line"
    assert stage.run("asked", "--resume") == 1
    check_outcome(stage, "asked", good, bad, like=like)


def _without_folder(stage: Stage, good: set[str], bad: set[str], like: Mapping[str, bytes]) -> None:
    process, folder = stage.start("removed"), stage.folder / "removed"
    while process.poll() is None and stage.lines("removed") < len(good) // 3:
        time.sleep(0.005)
    shutil.rmtree(folder, ignore_errors=True)
    process.communicate()
    assert process.returncode == 1
    assert not [name for name in stage.outputs("removed") if name not in good], "nothing but results is there"
    assert stage.run("removed", "--resume") == 1
    check_outcome(stage, "removed", good, bad, like=like)


def _without_streams(stage: Stage, good: set[str], bad: set[str], like: Mapping[str, bytes]) -> None:
    closed = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *stage.command("closed")]
    assert subprocess.run(closed, cwd=stage.folder, env={**os.environ, **stage.environment}).returncode == 1
    check_outcome(stage, "closed", good, bad, like=like)


def _two_shards(stage: Stage, good: set[str], bad: set[str], like: Mapping[str, bytes]) -> None:
    second = stage.start("shards", "--shard", "2/2")
    stage.kill_after("shards", 5, "--shard", "1/2")
    assert stage.run("shards", "--shard", "1/2", "--resume") in (0, 1)
    second.communicate()
    check_outcome(stage, "shards", good, bad, like=like)


def _changes(stage: Stage, good: set[str], bad: set[str], like: Mapping[str, bytes]) -> None:
    lines = len(stage.records("killed"))
    changed = next(iter(sorted(good)))
    file = next(stage.photos.glob(f"{changed}.*"))
    Image.fromarray(np.zeros((SIDE, SIDE, 3), np.uint8)).save(file)
    assert stage.run("killed", "--resume") == 1
    again = stage.records("killed")[lines:]
    assert [record["input"] for record in again] == [str(file.relative_to(stage.folder))], "only the changed input is made again"
    lines = len(stage.records("killed"))
    assert stage.run("killed", "--resume", "--option", "gain=0.5") == 1
    assert len(stage.records("killed")) - lines == len(good) + len(bad), "with another option all are made again"
    outputs = stage.outputs("killed")
    assert outputs.keys() == good and sum(outputs[name] == like[name] for name in good) == 0


def full_disk(folder: Path, disk: Path, *, images: int, broken: int, tell: Callable[[str], None] = lambda text: None) -> None:
    """A batch onto a small disk that fills up, then has room again. disk: an empty folder on a file system of about 16 kB an image."""
    stage = Stage(folder, write_model(folder / "toy.pt"), {"MATTE_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"})
    good, bad = write_photos(stage.photos, images, broken)
    assert stage.run("whole") == 1
    (folder / "full").symlink_to(disk / "full")
    (disk / "full").mkdir()
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        while stream.write(bytes(BLOCK)):
            pass
    os.truncate(filler, max(0, filler.stat().st_size - images * BLOCK // 3))
    assert stage.run("full") == 1
    made, like = stage.outputs("full"), stage.outputs("whole")
    assert 0 < len(made) < len(good) and all(made[name] == like.get(name) for name in made), "what is there is whole"
    filler.unlink()
    assert stage.run("full", "--resume") == 1
    assert stage.outputs("full") == like
    left = {str(record["input"]): record for record in stage.records("full")}
    assert sum(record["status"] == "failed" for record in left.values()) == len(bad), "with room only the broken ones have failed"
    tell("a full disk, then room again and --resume: the same")


def main() -> None:
    parser = argparse.ArgumentParser(description="Batches under faults, the long form.")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--broken", type=int, help="how many of them are broken; by default 3 %%")
    parser.add_argument("--kills", type=int, default=5, help="0 leaves out all but the full disk")
    parser.add_argument("--disk", type=Path, help="an empty folder on a small file system, such as a tmpfs of 16 kB an image")
    asked = parser.parse_args()
    broken = asked.images * 3 // 100 if asked.broken is None else asked.broken
    begun = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - begun:6.0f} s  {text}", flush=True)

    if asked.disk is not None:
        with tempfile.TemporaryDirectory() as folder:
            full_disk(Path(folder), asked.disk, images=asked.images, broken=broken, tell=tell)
    if asked.kills:
        with tempfile.TemporaryDirectory() as folder:
            scenario(Path(folder), images=asked.images, broken=broken, kills=asked.kills, tell=tell)


if __name__ == "__main__":
    main()
