"""The README's model table says what models.toml and `matte models list` say."""

import re
from pathlib import Path

from typer.testing import CliRunner

from mattecli.cli.app import app

README = Path(__file__).resolve().parents[1] / "README.md"


def _table() -> list[list[str]]:
    text = README.read_text().split("\n## Models\n", 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return rows[2:]


def test_the_model_table_is_true() -> None:
    listed = CliRunner().invoke(app, ["models", "list"]).stdout.splitlines()[1:]
    columns = [re.split(r"\s{2,}", line) for line in listed]
    assert _table() == [[name, needs, size, licence] for name, _, needs, size, _, licence in columns]
