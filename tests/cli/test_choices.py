"""Every option of every command has a help sentence, lists and completes its choices, and is used in a tested example."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer._completion_classes import BashComplete, ZshComplete

from mattecli.cli.app import app
from tests.documented import ROOT, commands

PROGRAM: Any = typer.main.get_command(app)
Verb = tuple[str, ...]


def _leaves(command: Any, path: Verb = ()) -> Iterator[tuple[Verb, Any]]:
    for name, part in command.commands.items():
        if part.hidden:
            continue
        if hasattr(part, "commands"):
            yield from _leaves(part, (*path, name))
        else:
            yield (*path, name), part


EXAMPLES = list(commands((ROOT / "docs" / "options.md").read_text()))
COMMANDS = dict(_leaves(PROGRAM))
OPTIONS = [(verb, option) for verb, command in COMMANDS.items() for option in command.params if option.param_type_name == "option"]


def _words(option: Any) -> list[str]:
    """The fixed words that an option takes, from its metavar."""
    return [word for word in (option.metavar or "").strip("[]").replace("]|", "|").split("|") if re.fullmatch("[a-z0-9][a-z0-9-]*", word)]


def _named(verb: Verb, option: Any) -> str:
    return f"matte {' '.join(verb)} {option.opts[-1]}"


def test_every_option_has_a_help_sentence() -> None:
    assert [_named(verb, option) for verb, option in OPTIONS if not re.match(r".{9,}[.\]]$", option.help or "")] == []


def test_choices_are_listed_in_the_metavar_and_not_in_the_help_sentence() -> None:
    listed = re.compile(r"\b[a-z0-9-]+(, [a-z0-9:-]+)* or [a-z0-9-]+[.:]")
    spoken = [_named(verb, option) for verb, option in OPTIONS if listed.match(option.help or "")]
    assert spoken == []


def _completed(shell: Any, words: str) -> set[str]:
    os.environ |= {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - (words[-1] != " ")), "_TYPER_COMPLETE_ARGS": words}
    lines = shell(PROGRAM, {}, "matte", "_MATTE_COMPLETE").complete()
    return set(re.findall(r"[\w.-]+", lines))


@pytest.mark.parametrize("shell", [BashComplete, ZshComplete], ids=["bash", "zsh"])
def test_the_choices_of_every_option_are_completed(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COMP_WORDS", "COMP_CWORD", "_TYPER_COMPLETE_ARGS"):
        monkeypatch.setenv(name, "")  # put back afterwards
    for verb, option in OPTIONS:
        if words := _words(option):
            assert set(words) <= _completed(shell, f"matte {' '.join(verb)} {option.opts[0]} "), _named(verb, option)
        if (option.metavar or "").startswith("NAME|FILE.pt") or option.opts[0] == "--refine":
            assert {"fusion", "closed-form"} <= _completed(shell, f"matte {' '.join(verb)} {option.opts[0]} "), _named(verb, option)
    assert "modnet" in _completed(shell, "matte models info ")
    assert "--max-side" in _completed(shell, "matte image --max")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_program_answers_completion_requests_of_a_shell(shell: str) -> None:
    words = {
        "COMP_WORDS": "matte video clip.mp4 --tone-map ",
        "COMP_CWORD": "4",
        "_TYPER_COMPLETE_ARGS": "matte video clip.mp4 --tone-map ",
    }
    script = "import sys; sys.argv = ['matte']; from mattecli.cli.app import app; app(prog_name='matte')"
    environment = {**os.environ, "_MATTE_COMPLETE": f"complete_{shell}", **words}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=600, check=True)
    assert "keep" in done.stdout and "sdr" in done.stdout and "model" not in done.stdout


def _used(words: list[str]) -> set[tuple[Verb, str]]:
    """The options in an example, each by the first of its names."""
    verb = tuple(words[:2]) if tuple(words[:2]) in COMMANDS else tuple(words[:1])
    names = {name: option for option in COMMANDS[verb].params for name in (*option.opts, *option.secondary_opts)}
    return {(verb, names[word].opts[0]) for word in words if word.startswith("-") and word in names}


def test_every_option_is_used_in_an_example() -> None:
    shown = set().union(*map(_used, EXAMPLES))
    assert [_named(verb, option) for verb, option in OPTIONS if (verb, option.opts[0]) not in shown] == []
