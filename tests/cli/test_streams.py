"""Standard streams that are full, closed or broken: notes never stop the work, and unprintable results are one sentence."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mattecli.cli.console import SIGNAL_PIPE, UNTOLD
from mattecli.io.images import write_image

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """A folder with three masks."""
    mask = np.zeros((60, 80), np.uint8)
    mask[15:45, 20:60] = 255
    for name in "abc":
        write_image(mask, tmp_path / f"{name}.png")
    return tmp_path


def _shell(folder: Path, line: str) -> "subprocess.CompletedProcess[str]":
    """Run `matte LINE` in a shell, its redirections included."""
    command = f"'{sys.executable}' -m mattecli {line}"
    return subprocess.run(command, shell=True, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


BATCH = "trimap-from-mask a.png missing.png b.png c.png -o out --json"


@pytest.mark.parametrize("redirection", ["2>&-", pytest.param("2>/dev/full", marks=needs_full)])
def test_a_closed_or_full_stderr_does_not_stop_the_work(masks: Path, redirection: str) -> None:
    done = _shell(masks, f"{BATCH} {redirection}")
    assert done.returncode == 1 and done.stdout.count("\n") == 4, "one of four is missing, and said so on stdout"
    assert len(list((masks / "out").iterdir())) == 3


@pytest.mark.parametrize("redirection", [">&-", pytest.param(">/dev/full", marks=needs_full), "| true"])
def test_files_are_still_written_when_stdout_is_closed_or_full(masks: Path, redirection: str) -> None:
    done = _shell(masks, f"{BATCH.replace('missing.png ', '')} {redirection}")
    assert len(list((masks / "out").iterdir())) == 3
    assert done.stderr.count("stdout takes no more results") == 1 and "Traceback" not in done.stderr
    assert done.returncode == UNTOLD or redirection == "| true"


def test_a_failure_takes_precedence_over_an_unprinted_result_in_the_exit_code(masks: Path) -> None:
    assert _shell(masks, f"{BATCH} >&-").returncode == 1


@needs_full
@pytest.mark.parametrize("line", ["models list", "--help", "--version"])
def test_text_that_cannot_be_printed_is_one_sentence(tmp_path: Path, line: str) -> None:
    done = _shell(tmp_path, f"{line} >/dev/full")
    assert (done.returncode, done.stderr.count("\n")) == (UNTOLD, 1) and "No space left on device" in done.stderr


def test_a_closed_pipe_ends_a_list_silently(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mattecli", "models", "list"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == ("", SIGNAL_PIPE)
    process.stderr.close()


@pytest.mark.parametrize(
    ("redirection", "said"),
    [
        ("<&-", "stdin is closed"),
        pytest.param("< a.png >/dev/full", "cannot be written to stdout (No space left on device)", marks=needs_full),
        ("< a.png >&-", "cannot be written to stdout (it is closed)"),
    ],
)
def test_a_picture_through_a_broken_pipe_is_one_sentence(masks: Path, redirection: str, said: str) -> None:
    done = _shell(masks, f"trimap-from-mask - -o - --quiet {redirection}")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1) and said in done.stderr


def test_no_file_gets_the_descriptor_of_a_closed_stream(masks: Path) -> None:
    done = _shell(masks, "trimap-from-mask a.png -o out.png <&- >&- 2>&-")
    assert done.returncode == UNTOLD
    assert (masks / "out.png").read_bytes().startswith(b"\x89PNG")
