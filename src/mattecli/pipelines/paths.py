"""What may be done with the paths of a command, settled before any work: none is empty, and nothing that is read is written over.

Nothing is opened.
"""

import contextlib
import fnmatch
import os
import re
from collections.abc import Iterable

from mattecli.errors import MatteError, UsageError
from mattecli.io.images import READ_SUFFIXES, STANDARD_STREAM
from mattecli.io.sequences import is_sequence
from mattecli.pipelines.backdrop import plain_backdrop

_NUMBER = re.compile(r"%(?:0(\d+))?d")


def refuse_empty(what: str, *paths: str | None) -> None:
    """UsageError, about `what` it is, for an empty path among these: the system would take it for the current folder."""
    if "" in paths:
        raise UsageError(f"{what} is empty, perhaps by a variable that is not set; fill it in or leave it out")


def keep_inputs(
    read: Iterable[str], written: Iterable[str], *, what: str = "the result", advice: str = "give another -o, or --overwrite if you mean it"
) -> None:
    """UsageError when a file that is written is one that is read, whatever it is called by; "-" is a stream and no file.

    what: what is written. advice: what to do, as the end of the sentence.
    """
    inputs = {os.path.realpath(path) for path in read if path != STANDARD_STREAM}
    for path in written:
        if path != STANDARD_STREAM and os.path.realpath(path) in inputs:
            raise UsageError(f"{what} would overwrite the input {path}; {advice}")


def files_of(path: str) -> list[str]:
    """The files a path stands for: the pictures of a folder, those there that a pattern such as frames/%05d.png names, or itself."""
    if not is_sequence(path):
        return [path]
    folder, pattern = (path, "*") if os.path.isdir(path) else os.path.split(path)
    names: list[str] = []
    with contextlib.suppress(OSError):  # whoever reads it says what is wrong with it
        names = sorted(os.listdir(folder or os.curdir))
    return [os.path.join(folder, name) for name in names if name.lower().endswith(READ_SUFFIXES) and _fits(name, pattern)]


def backdrop_files(over: str | None) -> list[str]:
    """The files of what a cut-out is laid over; none for a colour, even where a folder has its name."""
    if over is None:
        return []
    try:
        plain_backdrop(over)
    except MatteError:
        return files_of(over)
    return []


def _fits(name: str, pattern: str) -> bool:
    """Whether a pattern with %d, or else with * or ?, names this file; %05d stands for a number written with five digits or more."""
    number = _NUMBER.search(pattern)
    if number is None:
        return fnmatch.fnmatch(name, pattern)
    before, after = pattern[: number.start()], pattern[number.end() :]
    digits = name.removeprefix(before).removesuffix(after)
    return digits.isdecimal() and name == f"{before}{int(digits):0{number[1] or 1}d}{after}"
