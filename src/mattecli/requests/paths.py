"""Checks of a command's paths before any work: none is empty, and no output is also an input.

Nothing is opened.
"""

import os
from collections.abc import Iterable

from mattecli.errors import InputError, MatteError, UsageError
from mattecli.io.images import STANDARD_STREAM
from mattecli.io.sequences import is_sequence, listed
from mattecli.requests.quantities import parse_colour


def refuse_empty(what: str, *paths: str | None) -> None:
    """UsageError for an empty path among these, which the system would take for the current folder. what: the word for them."""
    if "" in paths:
        raise UsageError(f"{what} is empty, perhaps by a variable that is not set; fill it in or leave it out")


def keep_inputs(
    read: Iterable[str],
    written: Iterable[str],
    *,
    what: str = "the result",
    advice: str = "give another `destination`, or `overwrite` if you mean it",
) -> None:
    """UsageError when an output is the same file as an input, under any name; "-" is a stream and no file.

    what: the word for the output. advice: what to do, as the end of the sentence.
    """
    inputs = {os.path.realpath(path) for path in read if path != STANDARD_STREAM}
    for path in written:
        if path != STANDARD_STREAM and os.path.realpath(path) in inputs:
            raise UsageError(f"{what} would overwrite the input {path}; {advice}")


def files_of(path: str) -> list[str]:
    """The files a path stands for: the pictures of a folder, those there that a pattern such as frames/%05d.png names, or itself."""
    if not is_sequence(path):
        return [path]
    try:
        return [str(file) for file in listed(path)]
    except InputError:  # reading it will report the error
        return []


def backdrop_files(over: str | None) -> list[str]:
    """The files of a backdrop; none for a colour, even where a folder has its name."""
    if over is None:
        return []
    try:
        parse_colour(over)
    except MatteError:
        return files_of(over)
    return []
