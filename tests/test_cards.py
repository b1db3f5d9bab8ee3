"""docs/weights.md has a card of each weight set of this project, which agrees with models.toml and with the runs that made it."""

import re
from functools import cache
from pathlib import Path

import pytest

from mattecli.core.registry import ModelSpec, cards_file, registry
from tests.documented import ROOT
from training import settings
from training.credits import credits_page

SAID = ("Data", "Licences", "Teachers", "Steps", "Seed", "Machine", "Numbers", "Seen to fail")
WHEEL = 90_000_000
"""The largest wheel that is shipped, in bytes."""

SETS = {name: spec.ours or spec for name, spec in registry().models.items() if (spec.ours or spec).of_this_project}


@cache
def _card(name: str) -> str:
    """The section whose heading has the name."""
    sections = re.split(r"\n## ", cards_file().read_text())[1:]
    (card,) = [text for text in sections if f"`{name}`" in text.splitlines()[0]]
    return card


def _stages(spec: ModelSpec) -> list[settings.Run]:
    stem = Path(spec.files[0].name).stem
    runs = [ROOT / f"training/runs/{name}.toml" for name in (stem, stem.rpartition("-")[0])]
    return settings.read_stages(next(run for run in runs if run.exists()))


def _said(card: str, word: str, name: str) -> str:
    """What a card says of one thing; of one model where its section has a table with a row for each."""
    (text,) = re.findall(rf"^- \*\*{word}\*\*: (.*?)(?=^- \*\*|^$|\Z)", card, re.MULTILINE | re.DOTALL)
    rows = [line for line in card.splitlines() if line.startswith("| ") and f"`{name}`" in line.split("|")[1]]
    return "\n".join(rows) if text.startswith("the table above") else text


def test_the_sets_are_those_in_the_package() -> None:
    files = {file.name for spec in SETS.values() for file in spec.files}
    assert files == {path.name for path in (ROOT / "src/mattecli/weights").glob("*.pt")}


@pytest.mark.parametrize("name", SETS)
def test_each_weight_set_has_a_card_with_all_that_a_card_says(name: str) -> None:
    card = _card(name)
    assert [word for word in SAID if f"**{word}**" not in card and f"**{word}.**" not in card] == []
    (file,) = SETS[name].files
    size = f"{file.bytes / 1e6:.1f} MB" if file.bytes >= 1e6 else f"{file.bytes / 1e3:.0f} kB"
    assert size in card


@pytest.mark.parametrize("name", SETS)
def test_a_card_has_the_steps_and_seeds_of_the_runs(name: str) -> None:
    stages, card = _stages(SETS[name]), _card(name)
    steps, seeds = _said(card, "Steps", name), _said(card, "Seed", name)
    assert [stage.steps for stage in stages if not re.search(rf"\b{stage.steps:,}\b|\b{stage.steps}(th)?\b", steps)] == []
    assert [stage.seed for stage in stages if not re.search(rf"\b{stage.seed}\b", seeds)] == []


def test_who_took_the_photographs_under_cc_by_is_named(shared: Path) -> None:
    assert (ROOT / "docs/credits.md").read_text(encoding="utf-8") == credits_page(shared / "training" / "people")


def test_the_package_is_smaller_than_the_largest_wheel() -> None:
    files = [path for path in (ROOT / "src/mattecli").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) < WHEEL
