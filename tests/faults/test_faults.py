"""Batches under kills, signals and a full disk: every file that has its name is whole and as it should be, and nothing else is left."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from mattecli.io.images import write_image

COUNT, BROKEN = 24, 5

RUN = """
import resource, signal, sys
for number in (signal.SIGTERM, signal.SIGHUP):  # whoever runs the tests may ignore them (nohup)
    signal.signal(number, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.argv[1] != "0":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from mattecli.cli.app import app
app(sys.argv[2:])
"""


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    """A folder `in` of masks of many sizes, every sixth of them broken."""
    rng = np.random.default_rng(4)
    (tmp_path / "in").mkdir()
    for number in range(COUNT):
        height, width = (int(side) for side in rng.integers(300, 900, 2))
        mask = np.zeros((height, width), np.uint8)
        cv2.ellipse(mask, (width // 2, height // 2), (width // 4, height // 3), 30.0 * number, 0, 360, 255, -1)
        write_image(cv2.blur(mask, (31, 31)), tmp_path / "in" / f"{number:03}.png")
    for number in range(0, COUNT, BROKEN):
        file = tmp_path / "in" / f"{number:03}.png"
        file.write_bytes([b"", b"<html>", file.read_bytes()[:-200]][number // BROKEN % 3])
    return tmp_path


def _start(folder: Path, *words: str, limit: int = 0) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", RUN, str(limit), "trimap-from-mask", "in", "--json", *words]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _records(output: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.splitlines()]


def _check(folder: Path, names: Sequence[str] | None = None) -> None:
    """The results in `out` are those of `calm`, byte for byte: all of them, or some; and nothing else lies there."""
    calm = {file.name: file.read_bytes() for file in (folder / "calm").iterdir()}
    found = {file.name: file.read_bytes() for file in (folder / "out").iterdir()} if (folder / "out").exists() else {}
    wanted = calm if names is None else {name: calm[name] for name in names}
    assert found.keys() == wanted.keys()
    assert all(found[name] == wanted[name] for name in found)


@pytest.fixture
def calm(batch: Path) -> Path:
    """The batch with its results in `calm`, made without any fault."""
    process = _start(batch, "-o", "calm")
    output, _ = process.communicate()
    records = _records(output)
    assert process.returncode == 1 and len(records) == COUNT
    assert [record["input"] for record in records if record["output"] is None] == [f"in/{n:03}.png" for n in range(0, COUNT, BROKEN)]
    return batch


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_interrupted_batches_leave_whole_files_only_and_are_completed(calm: Path) -> None:
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL):
        process = _start(calm, "-o", "out", "--overwrite")
        assert process.stdout is not None and process.stderr is not None
        for _ in range(4):
            process.stdout.readline()
        process.send_signal(number)
        process.communicate()
        assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
        if number != signal.SIGKILL:
            _check(calm, [file.name for file in (calm / "out").iterdir()])
    process = _start(calm, "-o", "out", "--overwrite")
    process.communicate()
    assert process.returncode == 1
    _check(calm)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_a_full_disk_fails_items_without_leaving_partial_files(calm: Path) -> None:
    sizes = {file.name: file.stat().st_size for file in (calm / "calm").iterdir()}
    limit = sorted(sizes.values())[len(sizes) // 2]
    process = _start(calm, "-o", "out", limit=limit)
    output, said = process.communicate()
    assert process.returncode == 1 and "Traceback" not in said
    _check(calm, [name for name, size in sizes.items() if size <= limit])
    assert len(_records(output)) == COUNT
