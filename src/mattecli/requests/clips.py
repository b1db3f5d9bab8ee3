"""Plans the clips of one command and the destination of each result. Only streams are opened."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mattecli.errors import InputError, UsageError
from mattecli.io.images import STANDARD_STREAM
from mattecli.io.sequences import is_sequence, listed, natural
from mattecli.io.video.spool import is_stream, spooled
from mattecli.requests.clip import SUFFIXES, ClipRequest, default_destination
from mattecli.requests.paths import refuse_empty

_ENDINGS = "3g2 3gp asf avi dv flv gif h264 h265 hevc ivf m2ts m4v mkv mov mp4 mpeg mpg mts mxf nut ogv qt ts vob webm wmv y4m"
CLIP_SUFFIXES = frozenset(f".{ending}" for ending in _ENDINGS.split())
STEM, NAME = "{stem}", "{name}"


def plan_clips(sources: Sequence[str], output: str | None, *, kind: str) -> list[tuple[str, str]]:
    """Each clip with the destination of its result.

    sources: clips; a folder with clips and no pictures stands for these, in natural order. output: for one clip its destination; for
    several a folder, or a pattern with {stem} or {name}; None for a name beside each clip. Raises UsageError or InputError.
    """
    refuse_empty("an input", *sources)
    refuse_empty("-o", output)
    clips = [clip for source in sources for clip in _expanded(source)]
    if output is None:
        return _apart([(clip, default_destination(clip, kind)) for clip in clips])
    if STEM in output or NAME in output:
        return _apart([(clip, output.replace(STEM, _stem(clip)).replace(NAME, Path(clip).name)) for clip in clips])
    if output == STANDARD_STREAM and len(clips) > 1:
        raise UsageError(f"{len(clips)} clips cannot all go to stdout; give one, or -o a folder")
    if len(clips) == 1 and (list(sources) == clips or output == STANDARD_STREAM):
        return [(clips[0], output)]
    if Path(output).suffix and not output.endswith(("/", os.sep)) and not os.path.isdir(output):
        raise UsageError(f"{len(clips)} clips cannot all go to {output}; give -o a folder or a pattern such as 'out/{{stem}}.mov'")
    return _apart([(clip, str(Path(output) / f"{_stem(clip)}{SUFFIXES[kind]}")) for clip in clips])


def refuse_streams(sources: Sequence[str]) -> None:
    """UsageError for stdin or a pipe among several clips, which processes of their own read."""
    for source in filter(is_stream, sources):
        named = "stdin (-)" if source == STANDARD_STREAM else source
        raise UsageError(f"{named} is a stream, which is made alone; give it without other clips and without options of batches")


@contextmanager
def spooled_request(request: ClipRequest) -> Iterator[ClipRequest]:
    """The request; a source that is stdin or a pipe is in a file during the block. Raises InputError."""
    with spooled(request.source) as source:
        yield replace(request, source=source, named=request.source)


def _expanded(source: str) -> list[str]:
    """A folder's clips, or the source itself: a folder of pictures is one clip."""
    if not os.path.isdir(source) or _holds_pictures(source):
        return [source]
    entries = [entry for entry in Path(source).iterdir() if entry.suffix.lower() in CLIP_SUFFIXES and not entry.name.startswith(".")]
    return [str(entry) for entry in sorted(entries, key=lambda entry: natural(entry.name)) if entry.is_file()] or [source]


def _holds_pictures(folder: str) -> bool:
    try:
        return bool(listed(folder))
    except InputError:
        return False


def _stem(clip: str) -> str:
    """A clip's name without its ending; of a pattern of pictures the folder's."""
    path = Path(os.path.abspath(clip))
    if os.path.isdir(clip):
        return path.name
    return path.parent.name if is_sequence(clip) else path.stem


def _apart(planned: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The plan, unless two results would have one name."""
    sources: dict[str, str] = {}
    for source, destination in planned:
        key = os.path.abspath(destination)
        if key in sources:
            raise UsageError(f"{sources[key]} and {source} would both become {destination}; keep them apart with -o 'out/{{name}}.mov'")
        sources[key] = source
    return planned
