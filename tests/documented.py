"""The `matte` commands of the pages in docs/, as lists of words."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def commands(text: str) -> Iterator[list[str]]:
    """The words of each `matte` command in the console blocks of a page's text, up to a pipe or the next command."""
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for line in re.findall(r"(?m)^\$ (.*)$", block):
            lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
            lexer.whitespace_split = True
            words = list(lexer)
            for place, word in enumerate(words):
                if word == "matte" and (place == 0 or set(words[place - 1]) <= set("|&;")):
                    yield _until_next(words[place + 1 :])


def _until_next(words: list[str]) -> list[str]:
    end = next((place for place, word in enumerate(words) if set(word) <= set("|&;<>")), len(words))
    return words[:end]
