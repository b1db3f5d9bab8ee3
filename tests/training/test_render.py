"""People that are there are not rendered again, and what an environment lacks is told. Blender itself is not at hand here."""

import sys
from pathlib import Path

import pytest

from mattecli.errors import InputError
from training.__main__ import main
from training.render import render_people


def test_people_that_are_there_are_counted_and_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(3):
        (tmp_path / f"person_{seed:06d}.json").write_text("{}")
    assert render_people(tmp_path, 3, python="no-such-python", size=64, samples=1) == 0
    assert main(["people", "--count", "3", "--out", str(tmp_path), "--python", "no-such-python"]) == 0
    assert '"rendered": 0' in capsys.readouterr().out


@pytest.mark.parametrize(("python", "why"), [("no-such-python", "cannot be run"), (sys.executable, "No module named 'bpy'")])
def test_an_environment_without_blender_is_told(tmp_path: Path, python: str, why: str) -> None:
    with pytest.raises(InputError, match=f"{why}.*training/README.md"):
        render_people(tmp_path, 1, python=python, size=64, samples=1)
    assert not list(tmp_path.iterdir())
