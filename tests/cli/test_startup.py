"""Start-up: what a person waits for before anything is computed."""

import subprocess
import sys

import pytest

PROBE = """
import sys
from typer.testing import CliRunner
from mattecli.cli.app import app
result = CliRunner().invoke(app, sys.argv[1:])
assert result.exit_code == 0, result.output
heavy = sorted({"torch", "cv2", "numpy", "PIL", "rich"} & set(sys.modules))
print(",".join(heavy))
"""


VERBS = (
    "image",
    "video",
    "plate",
    "composite",
    "eval",
    "compare",
    "bench",
    "doctor",
    "serve",
    "page",
    "trimap-from-strokes",
    "trimap-from-mask",
)


@pytest.mark.parametrize(
    "command", [["--help"], ["--version"], ["models", "list"], ["models", "info", "modnet"], *([verb, "--help"] for verb in VERBS)]
)
def test_nothing_heavy_is_imported_to_answer(command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", PROBE, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_the_module_runs_as_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "mattecli", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("matte ")
