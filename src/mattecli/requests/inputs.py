"""Which files a command's inputs stand for: a file, the pictures of a folder, or those that match a glob. What they hold decides."""

import glob
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mattecli.errors import InputError
from mattecli.io.pictures.formats import READ_SUFFIXES, is_picture


@dataclass(frozen=True)
class Found:
    """A file, and the folder, or the fixed part of a glob, through which it was found."""

    path: Path
    root: Path


def expand(text: str, results: Path | None, tell: Callable[[str], None]) -> list[Found]:
    """The pictures that one input stands for, but for those in a folder of results that lies inside it.

    tell: is told how many files of a folder are no pictures. Raises InputError where there is no picture.
    """
    path = Path(text)
    if os.path.isdir(text):
        return _in_folder(path, results, tell)
    if os.path.exists(text) or not glob.has_magic(text):
        return [Found(path, path.parent)]
    root = _fixed_part(path)
    matches = _apart([Path(match) for match in sorted(glob.glob(text, recursive=True))], root, results)
    found = [Found(match, root) for match in matches if match.is_file()]
    if not found:
        raise InputError(f"no file matches {text}; check the pattern")
    return found


def without_results(found: Sequence[Found], name_result: Callable[[Path], Path], tell: Callable[[str], None]) -> list[Found]:
    """The files but for those that bear the name of another one's result: photo_cutout.png beside photo.jpg, made by an earlier run."""
    sources = {name_result(file.path): file.path for file in found}
    for file in found:
        if file.path in sources:
            tell(f"{file.path} is left out: it has the name of the result of {sources[file.path]}; give -o a folder to matte it too")
    return [file for file in found if file.path not in sources]


def _in_folder(folder: Path, results: Path | None, tell: Callable[[str], None]) -> list[Found]:
    files = [file for file in _apart(sorted(folder.rglob("*")), folder, results) if not _is_hidden(file, folder) and file.is_file()]
    pictures = [file for file in files if is_picture(file)]
    others = Counter(file.suffix.lower() for file in set(files) - set(pictures))
    listing = ", ".join(f"{count} {suffix or 'without an ending'}" for suffix, count in sorted(others.items()))
    if not pictures:
        there = f"; there are {listing}" if others else ""
        raise InputError(f"the folder {folder} holds no pictures ({', '.join(READ_SUFFIXES)}){there}; check the path")
    if others:
        tell(f"{others.total()} files in {folder} are no pictures and left out: {listing}")
    return [Found(file, folder) for file in pictures]


def _is_hidden(file: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(root).parts)


def _apart(files: list[Path], root: Path, results: Path | None) -> list[Path]:
    if results is None or Path(os.path.abspath(root)) not in results.parents:
        return files
    return [file for file in files if not os.path.abspath(file).startswith(f"{results}{os.sep}")]


def _fixed_part(pattern: Path) -> Path:
    fixed = Path(pattern.anchor)
    for part in pattern.relative_to(pattern.anchor).parts[:-1]:
        if glob.has_magic(part):
            break
        fixed /= part
    return fixed
