"""The shell completes the choices of an option."""

import os
import subprocess
import sys

import pytest

BASH = {"_MATTE_COMPLETE": "complete_bash", "COMP_WORDS": "matte video clip.mp4 --tone-map ", "COMP_CWORD": "4"}
ZSH = {"_MATTE_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "matte video clip.mp4 --tone-map "}


@pytest.mark.parametrize("shell", [BASH, ZSH], ids=["bash", "zsh"])
def test_the_choices_of_an_option_are_completed(shell: dict[str, str]) -> None:
    script = "import sys; sys.argv = ['matte']; from mattecli.cli.app import app; app(prog_name='matte')"
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **shell}, capture_output=True, text=True, timeout=60, check=True
    )
    assert "keep" in done.stdout and "sdr" in done.stdout and "model" not in done.stdout
