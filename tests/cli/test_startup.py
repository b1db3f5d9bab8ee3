"""Start-up: imports before anything is computed."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image

from mattecli.cli.app import VERBS, app

# Every command of stdin, one a line, in this process; then what it imported that no command before it had.
PROBE = """
import sys
from typer.testing import CliRunner
from mattecli.cli.app import app
heavy = {"torch", "cv2", "numpy", "PIL", "rich"}
before = set()
for line in sys.stdin:
    result = CliRunner().invoke(app, line.split())
    assert result.exit_code == 0, result.output
    new = set(sys.modules) - before
    before |= new
    print(",".join(sorted(heavy & new)), ",".join(name.split(".")[3] for name in new if name.startswith("mattecli.cli.verbs.")), sep=";")
"""
OWN = {"--help": "", "plate --help": "plate", "matte --help": "image"}
LIGHT = [*OWN, "--version", "models list", "models info modnet", *(f"{verb} --help" for verb in VERBS if verb != "plate")]


@pytest.fixture(scope="module")
def imported() -> dict[str, list[str]]:
    """Heavy packages, and modules of cli/verbs, that each command of LIGHT was the first to import, as two strings with commas."""
    done = subprocess.run([sys.executable, "-c", PROBE], input="\n".join(LIGHT), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {command: line.split(";") for command, line in zip(LIGHT, done.stdout.splitlines(), strict=True)}


@pytest.mark.parametrize("command", LIGHT)
def test_help_and_lists_import_nothing_heavy(imported: dict[str, list[str]], command: str) -> None:
    assert imported[command][0] == ""


@pytest.mark.parametrize("command", OWN)
def test_only_the_module_of_the_verb_is_imported(imported: dict[str, list[str]], command: str) -> None:
    assert imported[command][1] == OWN[command]


def test_each_line_of_the_help_is_how_the_verbs_own_help_begins() -> None:
    commands: Any = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert {name: commands[name].help[: len(verb.summary) - 1] + "." for name, verb in VERBS.items()} == {
        name: verb.summary for name, verb in VERBS.items()
    }
    assert [name for name in commands if not commands[name].hidden] == list(VERBS)


def test_the_module_runs_as_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "mattecli", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("matte ")


# Every command of stdin, one a line, in this process; then what of torch was imported.
WRONG = """
import sys
from typer.testing import CliRunner
from mattecli.cli.app import app
for line in sys.stdin:
    done = CliRunner().invoke(app, line.split())
    print(done.exit_code, "torch" in sys.modules, done.stderr.count(chr(10)), line.strip())
"""
MISTAKES = {
    2: (
        "image photo.png --over beigeish",
        "image photo.png --over red --fit tightly",
        "image photo.png --over red --blur much",
        "image photo.png --model nomod",
        "image photo.png --model subject@none",
        "image photo.png --device gpu9",
        "image photo.png --precision fp13",
        "image photo.png --max-memory lots",
        "image photo.png --option side=much",
        "image photo.png photo.png --option breadth=1",
        "video clip.mp4 --over beigeish",
        "compare photo.png --models nomod -o sheet.png",
        "bench --models nomod",
        "models export nomod -o x.pt",
    ),
    1: (
        "image missing.png",
        "image text.jpg",
        "image empty.png",
        "image photo.png --trimap text.jpg",
        "image photo.png --over missing.png",
        "compare text.jpg -o sheet.png",
    ),
}


def test_mistakes_are_reported_before_torch_is_imported(tmp_path: Path) -> None:
    Image.new("RGB", (8, 6)).save(tmp_path / "photo.png")
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.png").touch()
    lines = "".join(f"{command}\n" for commands in MISTAKES.values() for command in commands)
    done = subprocess.run([sys.executable, "-c", WRONG], input=lines, cwd=tmp_path, capture_output=True, text=True, check=True)
    wanted = [f"{code} False 1 {command}" for code, commands in MISTAKES.items() for command in commands]
    assert done.stdout.splitlines() == wanted
