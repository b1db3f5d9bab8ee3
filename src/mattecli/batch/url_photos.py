"""Plans photos at URLs and their results, as requests/photos.py does for files. Folders are listed; no file is read."""

import functools
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from mattecli.batch.storage import READ_ONLY, is_url, listed, scheme
from mattecli.errors import InputError, UsageError
from mattecli.io.pictures.formats import READ_SUFFIXES
from mattecli.requests.destinations import destinations, fill, folder_of_results, is_pattern
from mattecli.requests.inputs import Found, expand, left_out
from mattecli.requests.paths import refuse_empty
from mattecli.requests.photos import GUIDE_SUFFIXES, STROKES_SUFFIXES, Job, guide_file, jobs_of, kept_apart

Tell = Callable[[str], None]


def plan_url_jobs(
    inputs: Sequence[str],
    output: str | None,
    *,
    kind: str,
    guides: Mapping[str, str],
    over: str | None = None,
    overwrite: bool = False,
    tell: Tell = lambda text: None,
) -> list[Job]:
    """The jobs of one command that names URLs among its inputs, its guides or its output; see plan_jobs.

    A URL that ends in / is a folder, and so may be one without an ending; one with * or ? is a pattern; at https:// each is one file.
    Raises UsageError or InputError.
    """
    for what, text in (("-o", output), *((f"the {guide}", given) for guide, given in guides.items())):
        refuse_empty(what, text)
    found = {source: file for text in inputs for source, file in _found(text, output, tell)}
    top = Path(os.path.commonpath([os.path.abspath(file.root) for file in found.values()]))
    many = len(found) > 1 or list(found) != list(inputs)
    places = destinations(list(found.values()), None if output is None else _planned(output), top=top, kind=kind, folder_given=many)
    by_stem = functools.cache(_by_stem)
    rows = [
        (source, _as_url(place, like=source if output is None else output), file)
        for (source, file), place in zip(found.items(), places, strict=True)
    ]
    jobs = jobs_of(rows, guides, lambda guide, given, source: _guide(guide, given, source, top, by_stem))
    return kept_apart(jobs, over=over, overwrite=overwrite)


def _found(text: str, output: str | None, tell: Tell) -> list[tuple[str, Found]]:
    """The pictures that an input stands for: path or URL, and as a file of a local tree."""
    refuse_empty("an input", text)
    if text == "-":
        raise UsageError("stdin (-) is one picture of its own; give it alone, with a file as -o")
    if not is_url(text):
        results = None if output is None or is_url(output) else folder_of_results(output)
        return [(str(file.path), file) for file in expand(text, results, tell)]
    urls = listed(text)
    pictures = urls if urls == [text] else [url for url in urls if _suffix(url) in READ_SUFFIXES]
    if not pictures:
        raise InputError(f"{text} holds no pictures ({', '.join(READ_SUFFIXES)}); check the address")
    if others := Counter(_suffix(url) for url in set(urls) - set(pictures)):
        kinds = ", ".join(f"{count} {suffix or 'without an ending'}" for suffix, count in sorted(others.items()))
        tell(left_out(others.total(), text, kinds))
    root = _root(text, alone=urls == [text])
    return [(url, Found(Path(_planned(url)), root)) for url in pictures]


def _root(text: str, *, alone: bool) -> Path:
    """The folder whose tree the results keep: of a file its own, of a pattern its fixed part."""
    if alone:
        return Path(_planned(text)).parent
    fixed = re.split(r"[*?\[]", text)[0]
    return Path(_planned(fixed if fixed == text else fixed.rpartition("/")[0]))


def _guide(guide: str, given: str, source: Path, top: Path, by_stem: Callable[[str], Mapping[str, Sequence[str]]]) -> str:
    """The path or URL of a guide that belongs to a picture."""
    if not is_url(given):
        return guide_file(guide, given, source, top)
    if is_pattern(given):
        return _as_url(fill(_planned(given), source, top), like=given)
    if not given.endswith("/"):
        return given
    suffixes = STROKES_SUFFIXES if guide == "strokes" else GUIDE_SUFFIXES
    fitting = [url for url in by_stem(given).get(source.stem, ()) if _suffix(url) in suffixes]
    if not fitting:
        raise InputError(f"{given} holds no guide for {source.name} (looked for {source.stem} with {', '.join(suffixes)}); add it")
    return min(fitting, key=lambda url: (suffixes.index(_suffix(url)), url))


def _by_stem(folder: str) -> Mapping[str, Sequence[str]]:
    files: dict[str, list[str]] = {}
    for url in listed(folder):
        files.setdefault(PurePosixPath(_planned(url)).stem, []).append(url)
    return files


def _suffix(url: str) -> str:
    return PurePosixPath(_planned(url)).suffix.lower()


def _planned(url: str) -> str:
    """A URL as an absolute path without scheme and query, which can be planned with as one of a local tree; a path stays."""
    if not is_url(url):
        return url
    rest = url.partition("://")[2]
    return "/" + (rest.partition("?")[0] if scheme(url) in READ_ONLY else rest).lstrip("/")


def _as_url(path: str, *, like: str) -> str:
    """The URL that a planned path stands for, of the same scheme as another one; a path where that is one."""
    return f"{scheme(like)}:/{path}" if is_url(like) else path
