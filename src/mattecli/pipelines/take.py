"""What `matte video` is asked for, checked before anything heavy is loaded. No torch."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from mattecli.errors import InputError, UsageError
from mattecli.io.clips import Span
from mattecli.io.codecs import check_destination
from mattecli.io.video_read import open_clip
from mattecli.matting.register import ALIGNMENTS

SUFFIXES = {"cutout": ".mov", "alpha": ".mov", "foreground": ".mov", "composite": ".mp4"}
# Broadcast rates are written short and mean these (SMPTE ST 170).
SHORT_RATES = {
    "23.976": Fraction(24000, 1001),
    "23.98": Fraction(24000, 1001),
    "29.97": Fraction(30000, 1001),
    "59.94": Fraction(60000, 1001),
}


@dataclass(frozen=True)
class Take:
    """One clip's work: where it comes from and goes to, its guides, its part, and how it is written and steadied.

    guides: a picture or clip for each guide (background, trimap, mask). span: the part that is worked on. fps: the frame rate of a
    sequence of pictures, None for a clip that has its own. codec and crf: as io.video_write takes them. align: auto |
    none | homography, how a plate is laid onto the frames. smooth: steady the matte over time. batch: frames a pass through the
    model. resume: go on where an interrupted sequence of pictures stopped.
    """

    source: str
    destination: str
    guides: Mapping[str, str] = field(default_factory=dict)
    span: Span = field(default_factory=Span)
    fps: Fraction | None = None
    codec: str | None = None
    crf: int | None = None
    align: str = "auto"
    smooth: bool = False
    batch: int = 1
    resume: bool = False


def check_take(take: Take, *, kind: str, overwrite: bool = False) -> None:
    """Raise UsageError or InputError with one sentence for a take that cannot work."""
    if take.align not in ALIGNMENTS:
        raise UsageError(f"--align {take.align} is not known; choose {', '.join(ALIGNMENTS)}")
    check_destination(take.destination, kind=kind, codec=take.codec, crf=take.crf)
    for file in (take.source, *take.guides.values()):
        if not (Path(file).exists() or _names_several(file)):
            raise InputError(f"there is no file {file}; check the path")
    if not overwrite and os.path.realpath(take.destination) in {os.path.realpath(file) for file in (take.source, *take.guides.values())}:
        raise UsageError(f"the result would overwrite the input {take.destination}; give another -o, or --overwrite if you mean it")


def check_clip(take: Take) -> None:
    """Raise InputError or UsageError for a source that cannot be read as a clip; its first frame is decoded."""
    span = take.span
    open_clip(take.source, fps=take.fps, start=span.start, end=span.end, every=span.every).close()


def _names_several(file: str) -> bool:
    """Whether a path is a pattern of many: frames/%05d.png or frames/*.png."""
    return re.search(r"%\d*d|[*?\[]", file) is not None


def default_destination(source: str, kind: str) -> str:
    """Beside the clip: clip.mp4 becomes clip_cutout.mov, frames/%05d.png becomes frames_cutout.mov."""
    path = Path(source)
    path = path.parent if _names_several(path.name) else path
    return str(path.with_name(f"{path.stem if path.is_file() else path.name}_{kind}{SUFFIXES[kind]}"))


def parse_span(start: str | None, end: str | None, every: int) -> Span:
    """The part of a clip between two times as people write them; each may be None."""
    return Span(parse_time(start, "--start") if start else None, parse_time(end, "--end") if end else None, every)


def parse_time(text: str, flag: str) -> Fraction:
    """Seconds from '12.5', '1:30' or '1:02:03.5'; UsageError naming the flag for anything else."""
    try:
        parts = [Fraction(part) for part in text.split(":")]
    except (ValueError, ZeroDivisionError):
        parts = []
    if not 1 <= len(parts) <= 3 or any(part < 0 for part in parts):
        raise UsageError(f"{flag} {text} is not a time; give seconds such as 12.5, or m:ss, or h:mm:ss")
    return sum((part * 60**place for place, part in enumerate(reversed(parts))), Fraction(0))


def parse_rate(text: str) -> Fraction:
    """Frames a second from '25', '30000/1001' or a short broadcast rate such as '29.97'."""
    try:
        rate = SHORT_RATES.get(text) or Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 1000:
        raise UsageError(f"--fps {text} is not a frame rate; give one such as 25, 29.97 or 30000/1001")
    return rate
