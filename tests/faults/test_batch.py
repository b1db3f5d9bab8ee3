"""A batch that is killed, divided or changed ends as one that was left alone. The long form is `python -m tests.faults.batches`."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.batches import scenario


@pytest.mark.skipif(os.name != "posix", reason="kills processes the POSIX way")
def test_killed_and_resumed_batches_equal_uninterrupted_ones(tmp_path: Path) -> None:
    scenario(tmp_path, images=100, broken=12, kills=1, signals=(signal.SIGTERM,))  # Ctrl-C: tests/cli/test_batch.py


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small disk the Linux way")
def test_a_batch_resumes_when_a_full_disk_has_space_again(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    mounted = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=1m disk "$0" && exec "$@"', str(tmp_path / "disk")]
    try:
        subprocess.run([*mounted, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine lets nobody mount a disk")
    command = [*mounted, sys.executable, "-m", "tests.faults.batches", "--images", "60", "--broken", "6", "--kills", "0"]
    done = subprocess.run([*command, "--disk", str(tmp_path / "disk")], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "then room again" in done.stdout, done.stdout + done.stderr
