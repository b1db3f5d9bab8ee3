"""A file's metadata: title, dates, timecode, chapters, language; and copying them to a result."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # FFmpeg is loaded where files are opened
    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream

_OF_THE_FILE = frozenset(("major_brand", "minor_version", "compatible_brands", "encoder", "duration", "timecode"))
"""Tags that describe how a file is stored; a result has its own."""
_TIMECODE = re.compile(r"(\d\d):([0-5]\d):([0-5]\d)([:;.])(\d\d\d?)")
_MOST_BYTES, _MOST_TAGS = 4000, 1000
_LATEST = 10**9  # seconds; a chapter beyond that is damage


@dataclass(frozen=True)
class Chapter:
    """A part of a clip, in seconds of the source's own clock, and its title."""

    begin: Fraction
    end: Fraction
    title: str


@dataclass(frozen=True)
class Tags:
    """texts: by FFmpeg's names in lower case. language: of the pictures. timecode: of the first frame, "hh:mm:ss:ff". subtitles: the number
    of their streams. left_out: further content of the file that a result does not get, as words for a note."""

    texts: Mapping[str, str] = field(default_factory=dict)
    language: str | None = None
    timecode: str | None = None
    chapters: tuple[Chapter, ...] = ()
    left_out: tuple[str, ...] = ()
    subtitles: int = 0


def tags_of(container: InputContainer, stream: VideoStream) -> Tags:
    """The tags of an open file whose pictures are `stream`; those longer than a page are left out."""
    texts = {name.lower(): text for name, text in islice(container.metadata.items(), _MOST_TAGS) if len(text) <= _MOST_BYTES}
    places = (stream.metadata, *(track.metadata for track in container.streams.data), container.metadata)
    codes = [text for place in places for name, text in place.items() if name.lower() == "timecode"]
    return Tags(
        texts={name: text for name, text in texts.items() if name not in _OF_THE_FILE},
        language=stream.metadata.get("language"),
        timecode=next(filter(_TIMECODE.fullmatch, codes), None),
        chapters=tuple(islice(_chapters(container), _MOST_TAGS)),
        left_out=_left_out(container),
        subtitles=_subtitles(container),
    )


def apply_tags(tags: Tags, output: OutputContainer, stream: VideoStream, *, origin: Fraction, end: Fraction | None, frames: int) -> None:
    """Copy the tags of a source to a result whose header is not written yet.

    origin: the time of the source, in seconds, that becomes zero; end: where the result ends, on the same clock, or None. frames: the
    number of the source's frames before the result's first.
    """
    output.metadata.update(tags.texts)
    if tags.language is not None:
        stream.metadata["language"] = tags.language
    code = None if tags.timecode is None else timecode_after(tags.timecode, frames, Fraction(stream.average_rate or 25))
    if code is not None:
        (stream if output.format.name in ("mov", "mp4") else output).metadata["timecode"] = code
    parts = [replace(part, begin=max(part.begin, origin), end=part.end if end is None else min(part.end, end)) for part in tags.chapters]
    output.set_chapters([_written(index, part, origin) for index, part in enumerate(parts) if part.end > part.begin])


def copy_labels(source: Any, result: Any) -> None:
    """Give a result's track of sound or text its source's language, title and role."""
    result.metadata.update({key: source.metadata[key] for key in ("language", "title") if key in source.metadata})
    result.disposition = source.disposition


def lost_tags(tags: Tags, result: InputContainer) -> tuple[str, ...]:
    """The tags of its source that a finished result lacks, as words for a note."""
    kept = tags_of(result, result.streams.video[0])
    lost = [name for name, text in tags.texts.items() if text not in kept.texts.values()]
    lost += ["timecode"] if tags.timecode and not kept.timecode else []
    lost += _counted("subtitles", tags.subtitles - kept.subtitles)
    return (*lost, *(["chapters"] if len(kept.chapters) < len(tags.chapters) and not kept.chapters else []))


def all_tags(tags: Tags) -> tuple[str, ...]:
    """All tags, as words for a note."""
    beside = [name for name, there in (("timecode", tags.timecode), ("chapters", tags.chapters)) if there]
    return (*tags.texts, *beside, *_counted("subtitles", tags.subtitles), *tags.left_out)


def timecode_after(text: str, frames: int, rate: Fraction) -> str | None:
    """The timecode `frames` frames later; None where it does not fit the rate.

    With ";" before the frames it is a drop-frame timecode for 30000/1001 frames a second (SMPTE ST 12-1).
    """
    match = _TIMECODE.fullmatch(text)
    count = round(rate)
    if match is None or count < 1 or int(match[5]) >= count or (match[4] != ":" and count % 30):
        return None
    hours, minutes, seconds = (int(match[place]) for place in (1, 2, 3))
    dropped = count // 15 if match[4] != ":" else 0
    past = hours * 60 + minutes
    number = (past * 60 + seconds) * count + int(match[5]) - dropped * (past - past // 10)
    a_day = 24 * 60 * 60 * count - dropped * (24 * 60 - 24 * 6)
    return _as_timecode((number + frames) % a_day, count, dropped, match[4])


def _as_timecode(number: int, count: int, dropped: int, mark: str) -> str:
    """The timecode of a frame's number since midnight. `dropped` numbers are skipped in each minute except every tenth."""
    tens, rest = divmod(number, count * 600 - 9 * dropped)
    if dropped:
        number += dropped * (9 * tens + max(0, rest - dropped) // (count * 60 - dropped))
    seconds, frame = divmod(number, count)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{mark}{frame:02d}"


def _chapters(container: InputContainer) -> Iterable[Chapter]:
    for chapter in container.chapters():
        base = Fraction(chapter["time_base"] or 0)
        begin, end = chapter["start"] * base, chapter["end"] * base
        if -_LATEST < begin < end < _LATEST:
            yield Chapter(begin, end, chapter["metadata"].get("title", ""))


def _written(index: int, part: Chapter, origin: Fraction) -> Any:
    begin, end = (round((moment - origin) * 1000) for moment in (part.begin, part.end))
    return {"id": index, "start": begin, "end": end, "time_base": Fraction(1, 1000), "metadata": {"title": part.title}}


def _left_out(container: InputContainer) -> tuple[str, ...]:
    """The streams that a result does not get."""
    counts = {"further pictures": len(container.streams.video) - 1, "data": _data(container) - _titles_are_a_track(container)}
    return tuple(told for kind, count in counts.items() for told in _counted(kind, count))


def _data(container: InputContainer) -> int:
    """The number of tracks of data but for timecodes; titles of chapters are among them."""
    return sum("timecode" not in track.metadata for track in container.streams.data)


def _subtitles(container: InputContainer) -> int:
    """The number of subtitles; titles of chapters are none."""
    return max(0, len(container.streams.subtitles) - (_titles_are_a_track(container) and not _data(container)))


def _titles_are_a_track(container: InputContainer) -> bool:
    """Whether this is an .mp4 or .mov with chapters, whose titles are a track of it."""
    return "mp4" in container.format.name and bool(container.chapters())


def _counted(kind: str, count: int) -> list[str]:
    return [f"{count} track{'s' if count > 1 else ''} of {kind}"] if count > 0 else []
