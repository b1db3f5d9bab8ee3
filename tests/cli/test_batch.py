"""Batches through the real command line: manifests, results files and messages."""

import functools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.faults.batches import write_model
from tests.support import Run, read

Rows = Callable[..., Path]
QUICK = ("--model", "closed-form")


@pytest.fixture
def rows(scene: Path) -> Rows:
    """Write a manifest of these rows, each with photo.png as its input unless it says otherwise."""

    def write(*entries: dict[str, Any]) -> Path:
        lines = [json.dumps({"input": "photo.png", **entry}) for entry in entries]
        (scene / "m.jsonl").write_text("\n".join(lines))
        return scene / "m.jsonl"

    return write


def _results(scene: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (scene / "r.jsonl").read_text().splitlines()]


def test_each_manifest_row_is_made_with_its_own_settings(run: Run, rows: Rows, scene: Path) -> None:
    rows(
        {"output": "o/alpha.png", "trimap": "trimap.png", "as": "alpha", "model": "closed-form", "shop": 7},
        {"output": "o/red.jpg", "guides": {"trimap": "trimap.png"}, "over": "red"},
        {"output": "o/none.png", "trimap": "nowhere.png"},
        {"output": "o/bad.png", "model": "no-such-model"},
    )
    done = run("image", "--manifest", "m.jsonl", "--results", "r.jsonl", "--json")
    assert done.exit_code == 1, done.output
    results = {record["output"]: record for record in _results(scene)}
    assert [results[f"o/{name}"]["status"] for name in ("alpha.png", "red.jpg", "none.png", "bad.png")] == ["ok", "ok", "failed", "failed"]
    made = results["o/alpha.png"]
    assert (made["model"], made["columns"], made["size"], made["device"]) == ("closed-form", {"shop": 7}, [96, 72], "cpu")
    assert results["o/red.jpg"]["weights_sha256"]
    assert (
        results["o/bad.png"]["error"]["kind"] == "UnknownModelError"
        and "there is no file nowhere.png" in results["o/none.png"]["error"]["message"]
    )
    assert read(scene / "o/alpha.png").ndim == 2 and Image.open(scene / "o/red.jpg").getpixel((0, 0))[0] > 200
    assert done.stderr.splitlines()[-1].startswith("matte: 2 done, 2 failed, 0 skipped in ")
    assert len(done.stdout.splitlines()) == 4


def test_a_manifest_on_stdin_writes_its_results_to_a_folder(run: Run, scene: Path) -> None:
    lines = b'{"input": "photo.png", "trimap": "trimap.png"}\n{"input": "photo.png", "output": 3}\n'
    done = run("image", "--manifest", "-", "-o", "o/", "--as", "alpha", input=lines)
    assert (done.exit_code, done.stdout) == (1, "o/photo.png\n"), done.output
    assert "output is 3" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--manifest", "m.jsonl", "photo.png"), "drop one of them"),
        ((), "there is no input"),
        (("photo.png", "--shard", "3"), "I/N"),
        (("photo.png", "--shard", "slurm"), "--array"),
        (("photo.png", "--order", "size"), "choose given"),
        (("photo.png", "--on-error", "ignore"), "choose continue or stop"),
        (("photo.png", "--workers", "many"), "give a number"),
        (("photo.png", "--retry-failed"), "name its file with --results"),
        (("photo.png", "--resume", "--overwrite", "older"), "drop one of them"),
        (("photo.png", "--results", "."), "is a folder"),
        (("photo.png", "--results", "photo.png"), "is an input"),
        (("--manifest", "m.jsonl"), "row 1 would overwrite the input"),
        (("--manifest", "m.jsonl", "-o", "x.png"), "one file for many rows"),
        (("--manifest", "m.jsonl", "--as", "sticker"), "choose cutout"),
    ],
)
def test_contradicting_options_are_refused_before_any_work(
    run: Run, rows: Rows, scene: Path, arguments: tuple[str, ...], said: str
) -> None:
    rows({"output": "photo.png"})
    before = sorted(scene.iterdir())
    done = run("image", *arguments)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1) and said in done.stderr, done.output
    assert sorted(scene.iterdir()) == before


def test_overwrite_decides_which_results_are_replaced(run: Run, rows: Rows, scene: Path) -> None:
    rows({"output": "a.png"}, {"output": "b.png"})
    (scene / "a.png").write_text("mine")
    command = ("image", "--manifest", "m.jsonl", "--trimap", "trimap.png", "--results", "r.jsonl", *QUICK)
    done = run(*command, "--overwrite", "never")
    assert (done.exit_code, done.stdout) == (0, "b.png\n"), done.output
    assert (scene / "a.png").read_text() == "mine" and [record["status"] for record in _results(scene)] == ["skipped", "ok"]
    os.utime(scene / "a.png", (1, 1))
    assert run(*command, "--overwrite", "older").stdout == "a.png\n"
    assert run(*command).stdout == "a.png\nb.png\n"


def test_on_error_stop_ends_the_batch_at_the_first_failure(run: Run, rows: Rows, scene: Path) -> None:
    (scene / "text.png").write_text("no picture")
    rows({"input": "text.png", "output": "a.png"}, *({"output": f"{number}.png"} for number in range(30)))
    done = run("image", "--manifest", "m.jsonl", "--trimap", "trimap.png", *QUICK, "--on-error", "stop", "--workers", "1")
    assert done.exit_code == 1 and "the rest was not begun" in done.stderr
    assert len(list(scene.glob("[0-9]*.png"))) < 5


def test_max_failures_stops_the_batch_and_retry_failed_tries_the_failures_again(run: Run, rows: Rows, scene: Path) -> None:
    (scene / "text.png").write_text("no picture")
    rows(*({"input": "text.png", "output": f"t{number}.png"} for number in range(3)), {"output": "a.png"})
    command = ("image", "--manifest", "m.jsonl", "--trimap", "trimap.png", *QUICK, "--results", "r.jsonl", "--workers", "1")
    done = run(*command, "--max-failures", "1")
    assert done.exit_code == 1 and "stopped, since" in done.stderr and not (scene / "a.png").exists(), done.output
    assert run(*command, "--resume").stdout == "a.png\n"
    before = len(_results(scene))
    (scene / "text.png").write_bytes((scene / "photo.png").read_bytes())
    os.utime(scene / "text.png", (1, 1))
    assert run(*command, "--retry-failed", "--order", "oldest").stdout == "t0.png\nt1.png\nt2.png\n"
    assert len(_results(scene)) == before + 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs an input that never ends")
def test_an_input_beyond_the_timeout_is_one_failed_record(run: Run, rows: Rows, scene: Path) -> None:
    os.mkfifo(scene / "endless.png")
    rows({"input": "endless.png", "output": "a.png"})
    done = run("image", "--manifest", "m.jsonl", "--trimap", "trimap.png", *QUICK, "--results", "r.jsonl", "--timeout", "1")
    (record,) = _results(scene)
    assert done.exit_code == 1 and record["error"]["kind"] == "TimedOut" and "longer than 1 s" in done.stderr, done.output


@pytest.mark.skipif(os.name != "posix", reason="sends signals the POSIX way")
def test_an_interrupted_batch_reports_every_finished_result(scene: Path) -> None:
    model = write_model(scene / "toy.pt")
    for name in range(3000):
        (scene / "photos" / f"{name:04d}.png").parent.mkdir(exist_ok=True)
        (scene / "photos" / f"{name:04d}.png").symlink_to("../photo.png")
    command = [sys.executable, "-m", "mattecli", "image", "photos", "-o", "o", "--model", str(model), "--as", "alpha", "--json"]
    # A shell's background jobs ignore Ctrl-C, and so would what they start.
    heeding = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heeding)
    assert process.stdout is not None
    first = [process.stdout.readline() for _ in range(20)]
    process.send_signal(signal.SIGINT)
    rest = process.stdout.read()  # communicate would pass over what readline has read ahead
    _, stderr = process.communicate(timeout=600)
    assert process.returncode == 130, stderr
    told = [json.loads(line) for line in [*first, *rest.splitlines()]]
    made = {str(file.relative_to(scene)) for file in (scene / "o").iterdir()}
    assert {record["output"] for record in told} == made, "each result that is there is told"
    assert stderr.splitlines()[-1].startswith(f"matte: {len(told)} done, 0 failed, 0 skipped in ")
