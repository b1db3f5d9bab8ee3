"""Every option of every command has a help sentence, lists and completes its choices, and is used in a tested example."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer._completion_classes import BashComplete, ZshComplete
from typer.testing import CliRunner

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


def _all_commands() -> dict[Verb, Any]:
    """The program itself, under (), groups such as `models`, and the commands."""
    groups = {verb[:-1]: PROGRAM.commands[verb[0]] for verb in COMMANDS if len(verb) > 1}
    return {(): PROGRAM, **groups, **COMMANDS}


EXAMPLES = list(commands((ROOT / "docs" / "options.md").read_text()))
COMMANDS = dict(_leaves(PROGRAM))
ALL = _all_commands()
OPTIONS = [(verb, option) for verb, command in ALL.items() for option in command.params if option.param_type_name == "option"]
COMPLETION = {"--install-completion", "--show-completion"}  # tried in a shell below


def _words(option: Any) -> list[str]:
    """The fixed words that an option takes, from its metavar."""
    return [word for word in (option.metavar or "").strip("[]").replace("]|", "|").split("|") if re.fullmatch("[a-z0-9][a-z0-9-]*", word)]


def _named(verb: Verb, option: Any) -> str:
    return " ".join(("matte", *verb, option.opts[-1]))


def _names(option: Any) -> set[str]:
    """The long names of an option, such as --smooth and --no-smooth."""
    return {name for name in (*option.opts, *option.secondary_opts) if name.startswith("--")}


def test_every_option_has_a_help_sentence() -> None:
    assert [_named(verb, option) for verb, option in OPTIONS if not re.match(r".{9,}[.\]]$", option.help or "")] == []


@pytest.mark.parametrize("verb", ALL, ids=lambda verb: " ".join(("matte", *verb)))
def test_help_shows_every_option_with_its_choices(verb: Verb) -> None:
    shown = CliRunner().invoke(app, [*verb, "--help"], env={"COLUMNS": "120"}).output
    lines = [line.strip() for line in shown.splitlines() if line.startswith("  -")]
    for _, option in (pair for pair in OPTIONS if pair[0] == verb):
        begins = [line for line in lines if _names(option) <= set(re.findall(r"--[\w-]+", line.split("  ")[0]))]
        assert len(begins) == 1, _named(verb, option)
        assert (option.metavar or "") in begins[0], _named(verb, option)


def test_choices_are_listed_in_the_metavar_and_not_in_the_help_sentence() -> None:
    listed = re.compile(r"\b[a-z0-9-]+(, [a-z0-9:-]+)* or [a-z0-9-]+[.:]")
    spoken = [_named(verb, option) for verb, option in OPTIONS if listed.match(option.help or "")]
    assert spoken == []


def _completed(shell: Any, words: str) -> set[str]:
    """What a shell proposes, without the sentences that zsh shows beside."""
    os.environ |= {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - (words[-1] != " ")), "_TYPER_COMPLETE_ARGS": words}
    lines = shell(PROGRAM, {}, "matte", "_MATTE_COMPLETE").complete()
    return set(re.findall(r'(?m)(?:^|\(\()"([^"]+)"', lines) if shell is ZshComplete else lines.splitlines())


@pytest.mark.parametrize("shell", [BashComplete, ZshComplete], ids=["bash", "zsh"])
def test_the_choices_of_every_option_are_completed(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COMP_WORDS", "COMP_CWORD", "_TYPER_COMPLETE_ARGS"):
        monkeypatch.setenv(name, "")  # put back afterwards
    for verb, option in OPTIONS:
        if words := _words(option):
            assert set(words) <= _completed(shell, f"matte {' '.join(verb)} {option.opts[0]} "), _named(verb, option)
        if (option.metavar or "").startswith("NAME|FILE.pt") or option.opts[0] == "--refine":
            assert {"fusion", "closed-form"} <= _completed(shell, f"matte {' '.join(verb)} {option.opts[0]} "), _named(verb, option)


@pytest.mark.parametrize("shell", [BashComplete, ZshComplete], ids=["bash", "zsh"])
def test_the_names_of_every_option_command_and_model_are_completed(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COMP_WORDS", "COMP_CWORD", "_TYPER_COMPLETE_ARGS"):
        monkeypatch.setenv(name, "")
    for verb, command in ALL.items():
        begun = " ".join(("matte", *verb))
        wanted = set().union(*(_names(option) for of, option in OPTIONS if of == verb))
        assert wanted <= _completed(shell, f"{begun} --"), begun
        if any(part.param_type_name == "argument" and part.metavar == "NAME" for part in command.params):
            assert {"fusion", "modnet"} <= _completed(shell, f"{begun} "), begun
    assert {verb[0] for verb in COMMANDS} <= _completed(shell, "matte ")
    assert {verb[1] for verb in COMMANDS if len(verb) > 1} <= _completed(shell, "matte models ")


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


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_after_the_program_installed_its_completion(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "matte"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mattecli "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "HOME": str(tmp_path), "PATH": f"{program.parent}:{os.environ['PATH']}"}

    def bash(script: str) -> str:
        done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=600, check=True)
        return done.stdout

    assert "complete" in bash("matte --show-completion; true")
    bash("matte --install-completion; true")
    asked = "COMP_WORDS=(matte image photo.jpg --quality ''); COMP_CWORD=4; _matte_completion matte; echo ${COMPREPLY[@]}"
    assert bash(f"source ~/.bashrc; {asked}").split() == ["fast", "best"]


def _used(words: list[str]) -> set[tuple[Verb, str]]:
    """The options in an example, each by the first of its names."""
    verb = next(tuple(words[:length]) for length in (2, 1, 0) if tuple(words[:length]) in ALL)
    names = {name: option for option in ALL[verb].params for name in (*option.opts, *option.secondary_opts)}
    return {(verb, names[word].opts[0]) for word in words if word.startswith("-") and word in names}


def test_every_option_is_used_in_an_example() -> None:
    shown = set().union(*map(_used, EXAMPLES))
    unused = [_named(verb, option) for verb, option in OPTIONS if (verb, option.opts[0]) not in shown and option.opts[0] not in COMPLETION]
    assert unused == []
