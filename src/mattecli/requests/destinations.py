"""Destinations of results: a file, a folder that keeps the inputs' tree, or a pattern with {stem}, {name} or {parent}."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from mattecli.errors import UsageError
from mattecli.io.images import STANDARD_STREAM
from mattecli.requests.inputs import Found

FIELDS = ("stem", "name", "parent")
_FIELD = re.compile(f"{{({'|'.join(FIELDS)})}}")


def is_pattern(text: str) -> bool:
    """Whether a path holds one of FIELDS in braces; other braces are part of a name."""
    return _FIELD.search(text) is not None


def fill(pattern: str, source: Path, top: Path) -> str:
    """A pattern's path for a source; {parent} is the source's folder as seen from `top`."""
    values = {"stem": source.stem, "name": source.name, "parent": os.path.relpath(source.absolute().parent, top)}
    return os.path.normpath(_FIELD.sub(lambda field: values[field[1]], pattern))


def folder_of_results(output: str | None) -> Path | None:
    """The folder of all results according to -o; None where it names a file or is missing."""
    if output is None or output == STANDARD_STREAM:
        return None
    if is_pattern(output):
        return Path(os.path.abspath(os.path.dirname(_FIELD.split(output)[0])))
    return Path(os.path.abspath(output)) if looks_like_folder(output) or not Path(output).suffix else None


def looks_like_folder(text: str) -> bool:
    """Whether a path ends in a slash or is an existing folder."""
    return text.endswith(("/", os.sep)) or os.path.isdir(text)


def beside(source: Path, kind: str) -> Path:
    """The default destination of a file: photo.jpg becomes photo_cutout.png."""
    return source.with_name(f"{source.stem}_{kind}.png")


def destinations(found: Sequence[Found], output: str | None, *, top: Path, kind: str, folder_given: bool) -> list[str]:
    """Each file's result. top: the deepest folder the inputs share. Raises UsageError for several results at one place."""
    place = _place(output, len(found), top=top, kind=kind, folder_given=folder_given)
    return [place(file.path) for file in found]


def _place(output: str | None, count: int, *, top: Path, kind: str, folder_given: bool) -> Callable[[Path], str]:
    if output is None:
        # Next to a file as photo_cutout.png; for a folder, in a new folder beside it.
        return _inside(Path(f"{top}_{kind}"), top) if folder_given else lambda source: str(beside(source, kind))
    if is_pattern(output):
        return lambda source: fill(output, source, top)
    if looks_like_folder(output) or ((count > 1 or folder_given) and output != STANDARD_STREAM and not Path(output).suffix):
        return _inside(Path(output), top)
    if count > 1:
        raise UsageError(f"{count} pictures cannot all go to {output}; give -o a folder or a pattern such as 'out/{{stem}}.png'")
    return lambda source: output


def _inside(folder: Path, top: Path) -> Callable[[Path], str]:
    """The inputs' tree repeated in a folder, as PNG."""
    return lambda source: os.path.normpath(folder / os.path.relpath(source.absolute().parent, top) / f"{source.stem}.png")
