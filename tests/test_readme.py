"""What README.md and docs/ say is so: the model table, the options of the commands, the files that are linked."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from mattecli.cli.app import app
from tests.documented import ROOT, commands

README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "training" / "README.md"]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _table() -> list[list[str]]:
    text = README.read_text().split("\n## Models\n", 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return rows[2:]


def test_the_model_table_matches_the_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTE_HOME", str(tmp_path))  # where nothing was pulled
    listed = CliRunner().invoke(app, ["models", "list"]).stdout.splitlines()[1:]
    columns = [re.split(r"\s{2,}", line) for line in listed]
    assert _table() == [[name, offline, needs, size, licence] for name, offline, needs, size, _, licence in columns]
    assert f"<summary>All {len(columns)} models</summary>" in README.read_text()


def _reached(scores: dict[str, Any]) -> str:
    """What a row of benchmarks/results/nine.json says of a name, in the words of README's table."""
    if "refined" in scores:
        return f"IoU {scores['refined']['iou']:.2f} on 22 photos of people"
    if "narrow" in scores:
        return f"{scores['narrow']['ratio']:.1f} and {scores['wide']['ratio']:.1f} times the SAD of `closed-form`, narrow and wide trimaps"
    ratios = [scene["ratio"] for scene in scores.values() if isinstance(scene, dict)]
    return f"{min(ratios):.1f} to {max(ratios):.1f} times the MAD of `closed-form`, five scenes with plates"


def test_the_nine_names_are_listed_with_what_was_measured() -> None:
    text = README.read_text().split("\n## The nine surveyed names\n", 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")]
    measured = json.loads((ROOT / "benchmarks/results/nine.json").read_text())
    names = ("dim", "sim", "bgm", "bgmv2", "shm", "hattmatting", "mmnet", "fdm", "modnet")
    assert [row[:2] for row in rows] == [[f"`{name}`", _reached(measured[name])] for name in names]
    people = json.loads((ROOT / "benchmarks/results/subject.json").read_text())["summary"]["people"]
    assert f"`subject` (IoU {people['matte']['iou']:.2f} on those photos)" in text


def test_each_decision_has_a_number_of_its_own() -> None:
    begun = {file.name[:4]: file.read_text().split(".")[0] for file in (ROOT / "docs/decisions").glob("[0-9]*.md")}
    assert len(begun) == len(list((ROOT / "docs/decisions").glob("[0-9]*.md")))
    assert begun == {number: f"# {int(number)}" for number in begun}


def _unknown_options(words: list[str]) -> list[str]:
    """The options in a command that its verb does not have."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands") and not words[0].startswith("-"):
        command, words = command.commands[words[0]], words[1:]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    return [word for word in words if re.match(r"-\D", word) and word.split("=")[0] not in known]


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_has_the_options_it_is_shown_with(page: Path) -> None:
    assert [(words, unknown) for words in commands(page.read_text()) if (unknown := _unknown_options(words))] == []


def test_the_commands_of_the_first_screen_exist() -> None:
    assert ["image", "examples/astronaut.jpg", "-o", "cutout.png"] in list(commands(README.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []
