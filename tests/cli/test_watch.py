"""`matte image --watch` mattes arriving photos once they are complete, until it is interrupted."""

import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.batches import write_model
from tests.support import Run


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(os.name != "posix", reason="sends signals the POSIX way")
def test_watch_mattes_photos_as_they_arrive(scene: Path) -> None:
    (scene / "inbox").mkdir()
    photo = (scene / "photo.png").read_bytes()
    (scene / "inbox/first.png").write_bytes(photo)
    look = ["--model", str(write_model(scene / "toy.pt")), "--as", "alpha", "--refine", "none"]
    command = [sys.executable, "-m", "mattecli", "image", "inbox", "-o", "out", "--watch", *look, "--results", "r.jsonl"]
    heeding = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heeding)
    try:
        assert _within(600, (scene / "out/first.png").exists)
        with (scene / "inbox/slow.png").open("wb") as slow:
            for part in range(0, len(photo), len(photo) // 6):
                slow.write(photo[part : part + len(photo) // 6])
                slow.flush()
                time.sleep(0.3)
        (scene / "moved.png").write_bytes(photo)
        (scene / "moved.png").rename(scene / "inbox/moved.png")
        assert _within(600, lambda: (scene / "out/slow.png").exists() and (scene / "out/moved.png").exists())
    finally:
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=600)
    assert process.returncode == 130, stderr
    assert sorted(stdout.split()) == ["out/first.png", "out/moved.png", "out/slow.png"], "each once, and none while it is written"
    assert stderr.splitlines()[-1].startswith("matte: 3 done, 0 failed, 0 skipped in ")


def test_watch_takes_folders_only(run: Run, scene: Path) -> None:
    done = run("image", "photo.png", "--watch")
    assert done.exit_code == 2 and "watches folders" in done.stderr
    done = run("image", ".", "--watch", "--order", "newest")
    assert done.exit_code == 2 and "--order needs to know all inputs" in done.stderr
