"""The request of `matte video`, checked before anything heavy is loaded. No torch."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from mattecli.errors import InputError, UsageError
from mattecli.io.clip_types import Span
from mattecli.io.images import STANDARD_STREAM
from mattecli.io.pictures.formats import READ_SUFFIXES, is_picture
from mattecli.io.sequence_write import sequence_pattern
from mattecli.io.sequences import is_sequence
from mattecli.io.video.encoding import check_destination
from mattecli.matting.registration.register import ALIGNMENTS
from mattecli.requests.decimals import parse_decimal, parse_ratio, shortened
from mattecli.requests.paths import backdrop_files, files_of, keep_inputs, refuse_empty

SUFFIXES = {"cutout": ".mov", "alpha": ".mov", "foreground": ".mov", "composite": ".mp4"}
FOLLOWS = ("auto", "on", "off")
TONE_MAPS = ("copy", "sdr")
# Broadcast rates are written short and mean these (SMPTE ST 170).
SHORT_RATES = {
    "23.976": Fraction(24000, 1001),
    "23.98": Fraction(24000, 1001),
    "29.97": Fraction(30000, 1001),
    "59.94": Fraction(60000, 1001),
}


@dataclass(frozen=True)
class ClipRequest:
    """A clip to matte: source, destination, guides, span, and how it is written and smoothed.

    guides: a picture or clip for each guide (background, trimap, mask). span: the part that is worked on. fps: the frame rate of a sequence
    of pictures, None for a clip that has its own. codec and crf: as io.video_write takes them. align: auto | none | homography, how a plate
    is laid onto the frames. smooth: steady the matte over time, None where the model needs no guide. batch: frames a pass through the
    model, None for as many as suit the device. resume: go on where an interrupted sequence of pictures stopped. start_number: of the first
    picture written, None for the numbers of the pictures read, and 1 for a video's. deinterlace: make interlaced frames whole. keeps_matte:
    a clip that is a cut-out keeps its own matte, and no model runs. named: what the source is called before a person, where it is a copy of
    a stream. tone_map: "sdr" to make an HDR clip SDR, "copy" to keep it. follow: auto | on | off, whether the subject in a still mask or
    trimap is followed; auto follows masks.
    """

    source: str
    destination: str
    guides: Mapping[str, str] = field(default_factory=dict)
    span: Span = field(default_factory=Span)
    fps: Fraction | None = None
    codec: str | None = None
    crf: int | None = None
    align: str = "auto"
    smooth: bool | None = None
    batch: int | None = None
    resume: bool = False
    start_number: int | None = None
    deinterlace: bool = False
    keeps_matte: bool = False
    named: str | None = None
    tone_map: str = "copy"
    follow: str = "auto"

    def follows(self, guide: str) -> bool:
        """Whether the subject that one picture of a guide ("mask", "trimap") shows is followed through the clip."""
        return self.follow == "on" or (self.follow == "auto" and guide == "mask")


def check_request(request: ClipRequest, *, kind: str, over: str | None = None, preview: str | None = None, overwrite: bool = False) -> None:
    """Raise UsageError or InputError with one sentence for a request that cannot work.

    over: what the result is laid over. preview: a picture that is written before the result. Neither that nor, without `overwrite`,
    the result may take the place of a file that is read, be it one frame of a sequence.
    """
    if request.align not in ALIGNMENTS:
        raise UsageError(f"`align` {request.align} is not known; choose {', '.join(ALIGNMENTS)}")
    given = (request.source, *request.guides.values())
    if request.follow not in FOLLOWS:
        raise UsageError(f"`follow` {request.follow} is not known; choose {', '.join(FOLLOWS)}")
    if request.tone_map not in TONE_MAPS:
        raise UsageError(f"tone_map {request.tone_map!r} is not known; choose {' or '.join(TONE_MAPS)}")
    refuse_empty("an input", *given)
    refuse_empty("`destination`", request.destination)
    refuse_empty("`preview`", preview)
    for file in given:
        if not (os.path.exists(file) or is_sequence(file)):
            raise InputError(f"there is no file {file}; check the path")
    check_destination(request.destination, kind=kind, codec=request.codec, crf=request.crf)
    read = [*backdrop_files(over), *(file for path in given for file in files_of(path))]
    if preview is not None:
        keep_inputs(read, [preview], what="the preview", advice="give another `preview`")
    if request.resume and request.destination == STANDARD_STREAM:
        raise UsageError(
            "`resume` goes on with what was written, and stdout keeps nothing; drop it, or make `destination` a pattern of pictures"
        )
    if not overwrite:
        keep_inputs(read, files_of(sequence_pattern(request.destination) or request.destination))


def is_clip(source: str) -> bool:
    """Whether a path names a clip: a pattern of pictures, or a file that is no picture. A folder counts as pictures."""
    if os.path.isdir(source):
        return False
    if os.path.exists(source):
        return not is_picture(source)
    suffix = Path(source).suffix.lower()
    return is_sequence(source) or (bool(suffix) and suffix not in READ_SUFFIXES)


def check_result(destination: str, *, kind: str, codec: str | None = None, crf: int | None = None) -> None:
    """UsageError for a destination whose format is none that is written, or cannot hold a result of this kind."""
    check_destination(destination, kind=kind, codec=codec, crf=crf)


def default_destination(source: str, kind: str) -> str:
    """Beside the clip: clip.mp4 becomes clip_cutout.mov, frames/%05d.png becomes frames_cutout.mov."""
    refuse_empty("an input", source)
    if source == STANDARD_STREAM:
        raise UsageError("a clip from stdin has no name to give its result; name a `destination`")
    path = Path(source)
    path = path.parent if is_sequence(source) and not os.path.isdir(source) else path
    path = Path(os.path.abspath(path)) if path.name in ("", "..") else path
    return str(path.with_name(f"{path.stem if os.path.isfile(path) else path.name}_{kind}{SUFFIXES[kind]}"))


def parse_span(start: str | None, end: str | None, every: int) -> Span:
    """The part of a clip between two times as people write them; each may be None."""
    return Span(parse_time(start, "`start`") if start else None, parse_time(end, "`end`") if end else None, every)


def parse_time(text: str, flag: str) -> Fraction:
    """Seconds from '12.5', '1:30' or '1:02:03.5'; UsageError naming the flag for anything else."""
    parts = [parse_decimal(part) for part in text.split(":")]
    if not 1 <= len(parts) <= 3 or None in parts:
        raise UsageError(f"{flag} {shortened(text)} is not a time; give seconds such as 12.5, or m:ss, or h:mm:ss")
    return sum((part * 60**place for place, part in enumerate(reversed(parts)) if part is not None), Fraction(0))


def parse_rate(text: str) -> Fraction:
    """Frames a second from '25', '30000/1001' or a short broadcast rate such as '29.97'."""
    rate = SHORT_RATES.get(text) or parse_ratio(text)
    if rate is None or not 0 < rate <= 1000:
        raise UsageError(f"`fps` {shortened(text)} is not a frame rate; give one such as 25, 29.97 or 30000/1001")
    return rate
