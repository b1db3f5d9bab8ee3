"""Expands a command's inputs to files: a file, the pictures of a folder, or those that match a glob, recognised by content."""

import glob
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mattecli.errors import InputError
from mattecli.io.images import STANDARD_STREAM, picture_size
from mattecli.io.pictures.formats import PHOTO_SUFFIXES, is_photo
from mattecli.requests.clips import CLIP_SUFFIXES

NAMED = 3
"""So many of what is left out are named; of the rest, how many there are."""


@dataclass(frozen=True)
class Found:
    """A file, and the folder, or the fixed part of a glob, through which it was found.

    lacks: why it cannot be read, where that is known already: a folder that cannot be listed.
    """

    path: Path
    root: Path
    lacks: str = ""


def expand(text: str, results: Path | None, tell: Callable[[str], None]) -> list[Found]:
    """The pictures of one input, except those in a folder of results inside it.

    tell: called with a note on the number of files of a folder that are no pictures. Raises InputError where there is no picture.
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
    """The files without the results of an earlier run, recognised by name: photo_cutout.png beside photo.jpg."""
    sources = {name_result(file.path): file.path for file in found}
    for file in found:
        if file.path in sources:
            tell(f"{file.path} is left out: it has the name of the result of {sources[file.path]}; give -o a folder to matte it too")
    return [file for file in found if file.path not in sources]


def check_file(file: str) -> None:
    """InputError for a photo or guide that is missing, or whose header is no picture's. Polylines and stdin are not opened."""
    if file == STANDARD_STREAM:
        return
    if not os.path.exists(file):
        raise InputError(f"there is no file {file}; check the path")
    if is_photo(file):
        picture_size(file)
    elif Path(file).suffix.lower() in CLIP_SUFFIXES:
        raise InputError(f"{file} is a clip, not a picture; use `matte video` for it")


def left_out(count: int, folder: str, listing: str) -> str:
    """The note on files of a folder that are no pictures; listing: how many there are of each ending."""
    return f"{count} {'file' if count == 1 else 'files'} in {folder} left out, being no pictures: {listing}"


def _in_folder(folder: Path, results: Path | None, tell: Callable[[str], None]) -> list[Found]:
    listed = _listed(folder, results)
    pictures = [file for file in listed.files if is_photo(file)]
    others = Counter(file.suffix.lower() for file in set(listed.files) - set(pictures))
    listing = ", ".join(f"{count} {suffix or 'without an ending'}" for suffix, count in sorted(others.items()))
    if not pictures and not listed.closed:
        there = f"; there are {listing}" if others else ""
        raise InputError(f"the folder {folder} holds no pictures ({', '.join(PHOTO_SUFFIXES)}){there}; check the path")
    if others:
        tell(left_out(others.total(), str(folder), listing))
    if listed.linked:
        tell(f"{len(listed.linked)} linked folders in {folder} are left out: {_names(listed.linked)}; give them as inputs of their own")
    if listed.pipes:
        tell(f"{len(listed.pipes)} pipes or devices in {folder} are left out: {_names(listed.pipes)}")
    if listed.dangling:
        tell(f"{len(listed.dangling)} links in {folder} lead nowhere and are left out: {_names(listed.dangling)}")
    return [
        *(Found(file, folder) for file in pictures),
        *(Found(Path(error.filename), folder, lacks=_closed(error)) for error in listed.closed),
    ]


@dataclass(frozen=True)
class _Listed:
    """The content of a folder and its subfolders.

    files: by name; linked: links to folders; dangling: links that lead nowhere; pipes: devices, too; closed: errors of unlistable folders.
    """

    files: list[Path] = field(default_factory=list)
    linked: list[Path] = field(default_factory=list)
    dangling: list[Path] = field(default_factory=list)
    pipes: list[Path] = field(default_factory=list)
    closed: list[OSError] = field(default_factory=list)


def _listed(folder: Path, results: Path | None) -> _Listed:
    found = _Listed()
    for root, folders, names in os.walk(folder, onerror=found.closed.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside = _apart([Path(root, name) for name in (*folders, *names) if not name.startswith(".")], folder, results)
        found.linked.extend(path for path in inside if os.path.islink(path) and os.path.isdir(path))
        found.dangling.extend(path for path in inside if os.path.islink(path) and not os.path.exists(path))
        found.files.extend(path for path in inside if os.path.isfile(path))
        found.pipes.extend(path for path in inside if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)))
    return _Listed(sorted(found.files), sorted(found.linked), sorted(found.dangling), sorted(found.pipes), found.closed)


def _names(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths[:NAMED])) + (f" and {len(paths) - NAMED} more" if len(paths) > NAMED else "")


def _closed(error: OSError) -> str:
    return f"the folder {error.filename} cannot be listed ({error.strerror}), so nothing in it is made; check its permissions"


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
