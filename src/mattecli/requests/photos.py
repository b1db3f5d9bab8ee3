"""Which files are read and where each result goes. No torch, nothing is opened: a wrong command fails here, before any work.

Results keep the inputs' folder tree below the deepest folder the inputs share, so two pictures never end up under one name.
"""

import functools
import glob
import os
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mattecli.errors import InputError, UsageError
from mattecli.io.images import READ_SUFFIXES, STANDARD_STREAM, check_suffix
from mattecli.requests.paths import backdrop_files, keep_inputs, refuse_empty

KINDS = ("cutout", "alpha", "foreground", "composite")
FIELDS = ("stem", "name", "parent")
# Of several files with a picture's stem the guide is the one whose suffix comes first. Strokes may be polylines.
GUIDE_SUFFIXES = tuple(dict.fromkeys((".png", *READ_SUFFIXES)))
STROKES_SUFFIXES = (*GUIDE_SUFFIXES, ".json")


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


def plan_jobs(
    inputs: Sequence[str], output: str | None, *, kind: str, guides: Mapping[str, str], over: str | None = None, overwrite: bool = False
) -> list[Job]:
    """The jobs of one command, sorted as given.

    inputs: files, folders (searched through, but for the folder in them that the results go to), globs, or "-" alone for stdin.
    output: a file (for one input), a folder, a pattern with {stem}, {name} or {parent}, "-" for stdout, or None for a name beside the
    input. guides: for each guide a file, a folder searched for the picture's stem, or a pattern. over: what the results are laid over,
    which they may not overwrite either. Raises UsageError or InputError with one sentence.
    """
    refuse_empty("an input", *inputs)
    refuse_empty("-o", output)
    for guide, given in guides.items():
        refuse_empty(f"the {guide}", given)
    jobs = _jobs(inputs, output, kind=kind, guides=guides)
    _refuse_collisions(jobs)
    if not overwrite:
        read = [path for job in jobs for path in (job.source, *job.guides.values())]
        keep_inputs([*read, *backdrop_files(over)], [job.destination for job in jobs])
    return jobs


def unmade(jobs: Sequence[Job]) -> list[Job]:
    """The jobs whose result is not there yet. What is there is whole, since a result takes its name when all of it is written."""
    return [job for job in jobs if job.destination == STANDARD_STREAM or not os.path.exists(job.destination)]


def check_destinations(jobs: Sequence[Job], *, has_alpha: bool) -> None:
    """UsageError for a destination whose format is none we write, or cannot hold the transparency of its result."""
    for job in jobs:
        if job.destination != STANDARD_STREAM:
            check_suffix(Path(job.destination), has_alpha=has_alpha)


def _jobs(inputs: Sequence[str], output: str | None, *, kind: str, guides: Mapping[str, str]) -> list[Job]:
    if list(inputs) == [STANDARD_STREAM]:
        return [_stdin_job(output, guides)]
    if STANDARD_STREAM in inputs:
        raise UsageError("stdin (-) is one picture of its own; give it alone or give files")
    results = _folder_of_results(output)
    found = [one for text in inputs for one in _expand(text, results)]
    top = Path(os.path.commonpath([os.path.abspath(one.root) for one in found]))
    destinations = _destinations(found, output, top=top, kind=kind, folder_given=any(os.path.isdir(text) for text in inputs))
    listed = functools.cache(_files_by_stem)
    return [
        Job(str(one.path), destination, {guide: _guide_file(guide, given, one.path, top, listed) for guide, given in guides.items()})
        for one, destination in zip(found, destinations, strict=True)
    ]


def _stdin_job(output: str | None, guides: Mapping[str, str]) -> Job:
    if output and (_is_pattern(output) or _looks_like_folder(output)):
        raise UsageError("a picture from stdin has no name of its own; give -o a file or -")
    return Job(STANDARD_STREAM, output or STANDARD_STREAM, dict(guides))


def _folder_of_results(output: str | None) -> Path | None:
    """The folder that all results go to, as far as -o says; None where it names a file or nothing."""
    if output is None or output == STANDARD_STREAM:
        return None
    if _is_pattern(output):
        return Path(os.path.abspath(os.path.dirname(output.partition("{")[0])))
    return Path(os.path.abspath(output)) if _looks_like_folder(output) or not Path(output).suffix else None


def _expand(text: str, results: Path | None) -> list[_Found]:
    """The pictures that one input stands for, but for those in a folder of results that lies inside it."""
    path = Path(text)
    if os.path.isdir(text):
        found = [_Found(file, path) for file in _apart(sorted(path.rglob("*")), path, results) if _is_picture(file, path)]
        if not found:
            raise InputError(f"the folder {text} holds no pictures ({', '.join(READ_SUFFIXES)}); check the path")
        return found
    if os.path.exists(text) or not glob.has_magic(text):
        return [_Found(path, path.parent)]
    root = _fixed_part(path)
    matches = _apart([Path(match) for match in sorted(glob.glob(text, recursive=True))], root, results)
    found = [_Found(match, root) for match in matches if match.is_file()]
    if not found:
        raise InputError(f"no file matches {text}; check the pattern")
    return found


def _apart(files: list[Path], root: Path, results: Path | None) -> list[Path]:
    if results is None or Path(os.path.abspath(root)) not in results.parents:
        return files
    return [file for file in files if not os.path.abspath(file).startswith(f"{results}{os.sep}")]


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
    return text.endswith(("/", os.sep)) or os.path.isdir(text)


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
        unknown = sorted(set(_fields(pattern)) - set(FIELDS))
        if unknown:
            raise ValueError(f"unknown field {unknown[0]!r}")
        filled = pattern.format(stem=source.stem, name=source.name, parent=parent)
    except (ValueError, IndexError) as error:
        raise UsageError(f"the pattern {pattern!r} does not work ({error}); its fields are {{stem}}, {{name}} and {{parent}}") from error
    return os.path.normpath(filled)


def _fields(pattern: str) -> Iterator[str]:
    """The names of a pattern's fields, those inside their format specifications too."""
    for _, name, specification, _ in string.Formatter().parse(pattern):
        if name is not None:
            yield name
            yield from _fields(specification or "")


def _guide_file(guide: str, given: str, source: Path, top: Path, listed: Callable[[Path], Mapping[str, Sequence[Path]]]) -> str:
    """The file of a guide that belongs to a picture. listed: _files_by_stem, remembering the folders it has seen."""
    if _is_pattern(given):
        return _fill(given, source, top)
    if not os.path.isdir(given):
        return given
    suffixes = STROKES_SUFFIXES if guide == "strokes" else GUIDE_SUFFIXES
    relative = Path(os.path.relpath(source.absolute().parent, top))
    for folder in dict.fromkeys((Path(given) / relative, Path(given))):
        fitting = [file for file in listed(folder).get(source.stem, ()) if file.suffix.lower() in suffixes]
        if fitting:
            return str(min(fitting, key=lambda file: (suffixes.index(file.suffix.lower()), file.name)))
    raise InputError(
        f"the folder {given} holds no guide for {source} (looked for {source.stem} with {', '.join(suffixes)}); add it or give a pattern"
    )


def _files_by_stem(folder: Path) -> Mapping[str, Sequence[Path]]:
    """The files of a folder, by their names without suffix; none where there is no folder."""
    files: dict[str, list[Path]] = {}
    for file in folder.iterdir() if folder.is_dir() else ():
        if file.is_file():
            files.setdefault(file.stem, []).append(file)
    return files


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
