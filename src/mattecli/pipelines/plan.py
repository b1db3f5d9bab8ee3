"""Which files are read and where each result goes. No torch, nothing is opened: a wrong command fails here, before any work.

Results keep the inputs' folder tree below the deepest folder the inputs share, so two pictures never end up under one name.
"""

import glob
import os
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mattecli.errors import InputError, UsageError
from mattecli.io.images import READ_SUFFIXES, STANDARD_STREAM, check_suffix

KINDS = ("cutout", "alpha", "foreground", "composite")
FIELDS = ("stem", "name", "parent")


@dataclass(frozen=True)
class Job:
    """One picture: where it comes from, where its result goes ("-" for stdin and stdout), and its guide files by guide name."""

    source: str
    destination: str
    guides: Mapping[str, str]


@dataclass(frozen=True)
class _Found:
    path: Path
    root: Path  # the folder, or the fixed part of a glob, through which it was found


def plan_jobs(inputs: Sequence[str], output: str | None, *, kind: str, guides: Mapping[str, str], overwrite: bool = False) -> list[Job]:
    """The jobs of one command, sorted as given.

    inputs: files, folders (searched through), globs, or "-" alone for stdin. output: a file (for one input), a folder, a pattern with
    {stem}, {name} or {parent}, "-" for stdout, or None for a name beside the input. guides: for each guide a file, a folder searched
    for the picture's stem, or a pattern. Raises UsageError or InputError with one sentence.
    """
    if list(inputs) == [STANDARD_STREAM]:
        return [_stdin_job(output, guides)]
    if STANDARD_STREAM in inputs:
        raise UsageError("stdin (-) is one picture of its own; give it alone or give files")
    found = [one for text in inputs for one in _expand(text)]
    top = Path(os.path.commonpath([one.root.absolute() for one in found]))
    destinations = _destinations(found, output, top=top, kind=kind, folder_given=any(Path(text).is_dir() for text in inputs))
    jobs = [
        Job(str(one.path), destination, {guide: _guide_file(given, one.path, top) for guide, given in guides.items()})
        for one, destination in zip(found, destinations, strict=True)
    ]
    _refuse_collisions(jobs)
    if not overwrite:
        _refuse_overwriting_inputs(jobs)
    return jobs


def check_destinations(jobs: Sequence[Job], *, has_alpha: bool) -> None:
    """UsageError for a destination whose format is none we write, or cannot hold the transparency of its result."""
    for job in jobs:
        if job.destination != STANDARD_STREAM:
            check_suffix(Path(job.destination), has_alpha=has_alpha)


def _stdin_job(output: str | None, guides: Mapping[str, str]) -> Job:
    if output and (_is_pattern(output) or _looks_like_folder(output)):
        raise UsageError("a picture from stdin has no name of its own; give -o a file or -")
    return Job(STANDARD_STREAM, output or STANDARD_STREAM, dict(guides))


def _expand(text: str) -> list[_Found]:
    path = Path(text)
    if path.is_dir():
        found = [_Found(file, path) for file in sorted(path.rglob("*")) if _is_picture(file, path)]
        if not found:
            raise InputError(f"the folder {text} holds no pictures ({', '.join(READ_SUFFIXES)}); check the path")
        return found
    if path.exists() or not glob.has_magic(text):
        return [_Found(path, path.parent)]
    matches = [Path(match) for match in sorted(glob.glob(text, recursive=True))]
    root = _fixed_part(path)
    found = [_Found(match, root) for match in matches if match.is_file()]
    if not found:
        raise InputError(f"no file matches {text}; check the pattern")
    return found


def _is_picture(file: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
    return not hidden and file.suffix.lower() in READ_SUFFIXES and file.is_file()


def _fixed_part(pattern: Path) -> Path:
    fixed = Path(pattern.anchor)
    for part in pattern.relative_to(pattern.anchor).parts[:-1]:
        if glob.has_magic(part):
            break
        fixed /= part
    return fixed


def _is_pattern(text: str) -> bool:
    return "{" in text


def _looks_like_folder(text: str) -> bool:
    return text.endswith(("/", os.sep)) or Path(text).is_dir()


def _destinations(found: Sequence[_Found], output: str | None, *, top: Path, kind: str, folder_given: bool) -> list[str]:
    if output is None:
        pattern = _beside(found, top=top, kind=kind, folder_given=folder_given)
    elif _is_pattern(output):
        pattern = output
    elif _looks_like_folder(output) or ((len(found) > 1 or folder_given) and output != STANDARD_STREAM and not Path(output).suffix):
        pattern = str(Path(_escaped(output)) / "{parent}" / "{stem}.png")
    elif len(found) > 1:
        raise UsageError(f"{len(found)} pictures cannot all go to {output}; give -o a folder or a pattern such as 'out/{{stem}}.png'")
    else:
        return [output]
    return [_fill(pattern, one.path, top) for one in found]


def _beside(found: Sequence[_Found], *, top: Path, kind: str, folder_given: bool) -> str:
    """Without -o: next to a file as photo_cutout.png; for a folder, in a new folder beside it."""
    if folder_given:
        return str(Path(_escaped(f"{top}_{kind}")) / "{parent}" / "{stem}.png")
    folder = top if len(found) > 1 else found[0].path.parent
    return str(Path(_escaped(str(folder))) / "{parent}" / f"{{stem}}_{kind}.png")


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _fill(pattern: str, source: Path, top: Path) -> str:
    parent = os.path.relpath(source.absolute().parent, top)
    try:
        fields = {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}
        if not fields <= set(FIELDS):
            raise ValueError(f"unknown field {sorted(fields - set(FIELDS))[0]!r}")
        filled = pattern.format(stem=source.stem, name=source.name, parent=parent)
    except (ValueError, IndexError) as error:
        raise UsageError(f"the pattern {pattern!r} does not work ({error}); its fields are {{stem}}, {{name}} and {{parent}}") from error
    return os.path.normpath(filled)


def _guide_file(given: str, source: Path, top: Path) -> str:
    if _is_pattern(given):
        return _fill(given, source, top)
    if not Path(given).is_dir():
        return given
    relative = Path(os.path.relpath(source.absolute().parent, top))
    for folder in dict.fromkeys((Path(given) / relative, Path(given))):
        for suffix in (".png", *READ_SUFFIXES):
            if (folder / (source.stem + suffix)).is_file():
                return str(folder / (source.stem + suffix))
    raise InputError(
        f"the folder {given} holds no guide for {source} (looked for {source.stem}.png and the like); add it or give a pattern"
    )


def _refuse_collisions(jobs: Sequence[Job]) -> None:
    sources: dict[str, str] = {}
    for job in jobs:
        key = os.path.abspath(job.destination)
        if key in sources:
            raise UsageError(
                f"{sources[key]} and {job.source} would both become {job.destination}; "
                "keep them apart with -o 'out/{parent}/{name}.png'"
            )
        sources[key] = job.source


def _refuse_overwriting_inputs(jobs: Sequence[Job]) -> None:
    inputs = {os.path.realpath(path) for job in jobs for path in (job.source, *job.guides.values())}
    for job in jobs:
        if os.path.realpath(job.destination) in inputs:
            raise UsageError(f"the result would overwrite the input {job.destination}; give another -o, or --overwrite if you mean it")
