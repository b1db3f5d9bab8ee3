"""Words for people: names that a terminal may show, the flags of settings, and the verb that was meant."""

import os
import re
import unicodedata
from pathlib import Path

# What stands where a verb should and ends like this is a clip; only advice hangs on it.
CLIP_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mxf", ".mpg", ".ts")
# Unicode's categories of what steers a terminal or a line instead of being seen: controls, formats, surrogates, separators.
_UNSEEN = ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")

# Messages name a setting as Python does, in backticks; where a flag is not that name with hyphens, it stands here.
FLAGS = {"backdrop": "--over", "background": "--bg", "destination": "-o", "kind": "--as", "options": "--option"}
SETTING = re.compile("`([a-z]+(?:_[a-z]+)*)`")


def in_flags(text: str) -> str:
    """A message with the command line's flags in place of its settings: --max-memory for `max_memory`."""
    return SETTING.sub(lambda setting: FLAGS.get(setting[1], "--" + setting[1].replace("_", "-")), text)


def visible(text: str) -> str:
    """Text as a terminal may show it: control characters, among them escape sequences, and bytes that are no text are written out."""
    return "".join(letter if letter.isascii() and letter.isprintable() else _written_out(letter) for letter in text)


def _written_out(letter: str) -> str:
    if unicodedata.category(letter) not in _UNSEEN:
        return letter
    if "\udc80" <= letter <= "\udcff":  # a byte of a name that is no text (PEP 383)
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")


def meant_verb(word: str) -> str | None:
    """The verb that takes a word which stands where a verb should: a file, a folder, or the name of one; None for anything else."""
    suffix = Path(word).suffix.lower()
    if suffix in CLIP_SUFFIXES:
        return "video"
    looks_like_path = bool(suffix) or os.sep in word or any(letter in word for letter in "*?")
    return "image" if looks_like_path or os.path.exists(word) else None
