"""Plans the files to read and the destination of each result. No torch, nothing is decoded: a wrong command fails before any work.

Results keep the inputs' folder tree below the deepest folder the inputs share, so two pictures never end up under one name.
"""

import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mattecli.errors import InputError, UsageError
from mattecli.io.images import STANDARD_STREAM, WRITE_SUFFIXES, check_suffix
from mattecli.io.pictures.file_options import PLAIN, FileOptions
from mattecli.io.pictures.formats import READ_SUFFIXES
from mattecli.requests.destinations import beside, destinations, fill, folder_of_results, is_pattern, looks_like_folder
from mattecli.requests.inputs import Found, expand, without_results
from mattecli.requests.paths import backdrop_files, keep_inputs, refuse_empty

KINDS = ("cutout", "alpha", "foreground", "composite")
# Of several files with a picture's stem the guide is the one whose suffix comes first. Strokes may be polylines.
GUIDE_SUFFIXES = tuple(dict.fromkeys((".png", *READ_SUFFIXES)))
STROKES_SUFFIXES = (*GUIDE_SUFFIXES, ".json")

Tell = Callable[[str], None]
Listed = Callable[[Path], Mapping[str, Sequence[Path]]]


@dataclass(frozen=True)
class Job:
    """One picture: its source, its destination ("-" for stdin and stdout), and its guide files by guide name.

    lacks: why it cannot be made, as far as that is known before the work, else "".
    """

    source: str
    destination: str
    guides: Mapping[str, str]
    lacks: str = ""


def plan_jobs(
    inputs: Sequence[str],
    output: str | None,
    *,
    kind: str,
    guides: Mapping[str, str],
    over: str | None = None,
    overwrite: bool = False,
    tell: Tell = lambda text: None,
) -> list[Job]:
    """The jobs of one command, sorted as given.

    inputs: files, folders (searched through, but for the folder in them that the results go to), globs, or "-" alone for stdin.
    output: a file (for one input), a folder, a pattern with {stem}, {name} or {parent}, "-" for stdout, or None for a name beside the
    input. guides: for each guide a file, a folder searched for the picture's stem, or a pattern. over: what the results are laid over,
    which they may not overwrite either. tell: called with a note on what is left out. Raises UsageError or InputError with one sentence.
    """
    refuse_empty("an input", *inputs)
    refuse_empty("-o", output)
    for guide, given in guides.items():
        refuse_empty(f"the {guide}", given)
    return kept_apart(_jobs(inputs, output, kind=kind, guides=guides, tell=tell), over=over, overwrite=overwrite)


def kept_apart(jobs: list[Job], *, over: str | None, overwrite: bool) -> list[Job]:
    """The jobs. UsageError where two have one destination or, unless `overwrite`, one is an input or the backdrop."""
    refuse_collisions(jobs)
    if not overwrite:
        read = [path for job in jobs for path in (job.source, *job.guides.values())]
        keep_inputs([*read, *backdrop_files(over)], [job.destination for job in jobs])
    return jobs


def plan_arrival(path: str, folder: str, folders: Sequence[str], output: str | None, *, kind: str, guides: Mapping[str, str]) -> Job:
    """The job of a picture that arrived in one of several folders, as plan_jobs makes it with these folders as its inputs."""
    found = [Found(Path(path), Path(folder))]
    top = Path(os.path.commonpath([os.path.abspath(root) for root in folders]))
    places = destinations(found, output, top=top, kind=kind, folder_given=True)
    return _with_guides(found, places, guides, top)[0]


def check_destinations(jobs: Sequence[Job], *, has_alpha: bool, options: FileOptions = PLAIN) -> None:
    """UsageError for a destination whose format is not written, or cannot hold the transparency or the requested options."""
    for job in jobs:
        name = "stdout.png" if job.destination == STANDARD_STREAM else job.destination
        check_suffix(Path(name), has_alpha=has_alpha, options=options)


def _jobs(inputs: Sequence[str], output: str | None, *, kind: str, guides: Mapping[str, str], tell: Tell) -> list[Job]:
    if list(inputs) == [STANDARD_STREAM]:
        return [_stdin_job(output, guides)]
    if STANDARD_STREAM in inputs:
        raise UsageError("stdin (-) is one picture of its own; give it alone or give files")
    _refuse_output_among(inputs, output)
    results = folder_of_results(output)
    found = [file for text in inputs for file in expand(text, results, tell)]
    folder_given = any(os.path.isdir(text) for text in inputs)
    if output is None and not folder_given:
        found = without_results(found, lambda source: beside(source, kind), tell)
    top = Path(os.path.commonpath([os.path.abspath(file.root) for file in found]))
    places = destinations(found, output, top=top, kind=kind, folder_given=folder_given)
    jobs = _with_guides(found, places, guides, top)
    if all(job.lacks for job in jobs):
        raise InputError(jobs[0].lacks)
    return jobs


def _refuse_output_among(inputs: Sequence[str], output: str | None) -> None:
    """UsageError for `in.jpg out.png`: a missing last input that looks like the destination."""
    first, last = inputs[0], inputs[-1]
    is_place = last.endswith(("/", os.sep)) or Path(last).suffix.lower() in WRITE_SUFFIXES
    if output is None and len(inputs) == 2 and os.path.exists(first) and not os.path.exists(last) and is_place:
        raise UsageError(f"there is no file {last}; if the result shall go there, write -o before it: {first} -o {last}")


def _stdin_job(output: str | None, guides: Mapping[str, str]) -> Job:
    if output and (is_pattern(output) or looks_like_folder(output)):
        raise UsageError("a picture from stdin has no name of its own; give -o a file or -")
    return Job(STANDARD_STREAM, output or STANDARD_STREAM, dict(guides))


def _with_guides(found: Sequence[Found], places: Sequence[str], guides: Mapping[str, str], top: Path) -> list[Job]:
    listed = functools.cache(_files_by_stem)
    rows = [(str(file.path), place, file) for file, place in zip(found, places, strict=True)]
    return jobs_of(rows, guides, lambda guide, given, source: guide_file(guide, given, source, top, listed))


def jobs_of(rows: Iterable[tuple[str, str, Found]], guides: Mapping[str, str], guide_of: Callable[[str, str, Path], str]) -> list[Job]:
    """A job for each source, destination and picture, with its guides; a missing guide is noted in its own job only.

    guide_of: the place of a guide, by its name, what was given for it and the picture's path; raises InputError where there is none.
    """
    jobs = []
    for source, destination, file in rows:
        try:
            own = {} if file.lacks else {guide: guide_of(guide, given, file.path) for guide, given in guides.items()}
            jobs.append(Job(source, destination, own, lacks=file.lacks))
        except InputError as error:
            jobs.append(Job(source, destination, {}, lacks=str(error)))
    return jobs


def guide_file(guide: str, given: str, source: Path, top: Path, listed: Listed | None = None) -> str:
    """The file of a guide that belongs to a picture. top: the deepest folder that the pictures share. listed: the files of folders by stem,
    such as of those that were seen. Raises InputError where a folder holds none."""
    listed = listed or _files_by_stem
    if is_pattern(given) and not os.path.exists(given):
        return fill(given, source, top)
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
    """The files of a folder by stem; empty without such a folder."""
    files: dict[str, list[Path]] = {}
    for file in folder.iterdir() if folder.is_dir() else ():
        if file.is_file():
            files.setdefault(file.stem, []).append(file)
    return files


def refuse_collisions(jobs: Sequence[Job]) -> None:
    """UsageError where two results would have one name."""
    sources: dict[str, str] = {}
    for job in jobs:
        key = os.path.abspath(job.destination)
        if key in sources:
            raise UsageError(
                f"{sources[key]} and {job.source} would both become {job.destination}; "
                "keep them apart with -o 'out/{parent}/{name}.png'"
            )
        sources[key] = job.source
