"""Control characters in names are escaped, and a file in place of a verb is answered with the verb."""

from pathlib import Path

import pytest
from typer.main import get_command

import mattecli
from mattecli.cli.app import app
from mattecli.cli.wording import SETTING, in_flags, visible
from tests.support import Run, messages_of


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("photo é 写真 🐈.jpg", "photo é 写真 🐈.jpg"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("a\x9b31mb", "a\\x9b31mb"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        (b"caf\xe9.jpg".decode("utf-8", "surrogateescape"), "caf\\xe9.jpg"),
    ],
)
def test_control_characters_in_names_are_escaped(name: str, seen: str) -> None:
    assert visible(name) == seen


def test_messages_show_flags_for_settings() -> None:
    said = "raise `max_memory`, use `background` or `kind` alpha, name a `destination`, run `matte models pull dim` or `nvidia-smi`"
    shown = "raise --max-memory, use --bg or --as alpha, name a -o, run `matte models pull dim` or `nvidia-smi`"
    assert in_flags(said) == shown


def test_every_setting_named_in_messages_is_an_option_of_a_command() -> None:
    commands = get_command(app).commands.values()  # type: ignore[attr-defined]
    flags = {flag for command in commands for option in command.params for flag in option.opts}
    sources = Path(mattecli.__file__).parent
    said = [
        text
        for room in ("core", "io", "pipelines", "requests", "compositing")
        for file in (sources / room).rglob("*.py")
        for text in messages_of(file)
    ]
    named = {setting for text in said for setting in SETTING.findall(text)}
    assert len(named) > 20 and {in_flags(f"`{setting}`") for setting in named} <= flags


def test_no_escape_sequence_of_a_name_reaches_stderr(run: Run, scene: Path) -> None:
    name = "evil\x1b[2J.jpg"
    (scene / name).write_bytes(b"no picture")
    done = run("image", name, "photo.png", "--trimap", "trimap.png", "-o", "out/", "--json")
    assert done.exit_code == 1 and "\x1b" not in done.stderr and "\x1b" not in done.stdout
    assert "evil\\x1b[2J.jpg is not a picture" in done.stderr


@pytest.mark.parametrize(
    ("word", "verb"), [("photo.png", "image"), ("gone.jpg", "image"), ("clip.mp4", "video"), ("folder", "image"), ("*.jpg", "image")]
)
def test_a_file_in_place_of_a_verb_is_answered_with_the_verb(run: Run, scene: Path, word: str, verb: str) -> None:
    (scene / "folder").mkdir()
    before = sorted(scene.rglob("*"))
    done = run(word)
    assert done.exit_code == 2 and f" {verb} {word}" in done.stderr, done.output
    assert sorted(scene.rglob("*")) == before


def test_an_unknown_word_is_not_a_command(run: Run, scene: Path) -> None:
    done = run("sticker")
    assert done.exit_code == 2 and "No such command" in done.stderr
