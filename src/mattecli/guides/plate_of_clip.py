"""A clip's clean plate: the most frequent colours of frames spread over the clip, registered onto the middle one."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError, UsageError
from mattecli.io.clip_types import Clip, Span
from mattecli.io.images import STANDARD_STREAM, check_suffix, holds_sixteen_bit, write_image
from mattecli.io.pictures.photo import Pixels
from mattecli.io.sequences import is_sequence
from mattecli.io.video_read import SDR, open_clip
from mattecli.matting.levels import to_uint8
from mattecli.matting.median_plate import median_plate
from mattecli.matting.registration.register import ALIGNMENTS, AT_REST, AUTO, HOMOGRAPHY, NONE, Registration, apply, covered, prepare, track
from mattecli.requests.paths import refuse_empty

FRAMES = 51
# All frames are in memory at once, so large ones are fewer.
MOST_BYTES = 2 << 30
# A smaller unsettled share of the picture is not reported.
WORTH_A_WORD = 0.01
# A smaller share of frames that cannot be registered is outvoted by the others.
LOST_SHARE = 0.2


@dataclass(frozen=True)
class PlateRequest:
    """A plate to make from `frames` frames spread over the span of a clip; align: auto or none.

    fps: the frame rate of a sequence of pictures, which the span's times refer to; None for a clip that has its own.
    """

    source: str
    destination: str
    frames: int = FRAMES
    span: Span = field(default_factory=Span)
    fps: Fraction | None = None
    align: str = AUTO


@dataclass(frozen=True, eq=False)
class ClipPlate:
    """A plate that was made, [H, W, 3] RGB: uint8 of an 8-bit clip, else uint16.

    frames: how many it was made from. left_out: how many chosen frames show another scene. shift: the largest compensated motion of the
    camera, in pixels. unsettled: the share of the picture whose background is a guess. notes: notes for the user.
    """

    clip: Clip
    pixels: Pixels
    frames: int
    left_out: int
    shift: float
    unsettled: float
    seconds: float
    notes: tuple[str, ...] = ()


def check_plate_request(request: PlateRequest) -> None:
    """Raise UsageError or InputError for a plate that cannot be made, before anything is read."""
    if request.align not in ALIGNMENTS or request.align == HOMOGRAPHY:
        raise UsageError(f"the alignment {request.align} does not go with a plate of a clip; choose auto or none")
    if request.destination == STANDARD_STREAM:
        return
    destination = Path(request.destination)
    check_suffix(destination, has_alpha=False)
    if is_sequence(request.source):
        if os.path.realpath(destination.parent) == os.path.realpath(_folder(request.source)):
            raise UsageError(f"{request.destination} would lie among the frames of {request.source}; give another -o")
    elif os.path.realpath(request.source) == os.path.realpath(destination):
        raise UsageError(f"the plate would overwrite the clip {request.source}; give another -o")


def default_destination(source: str) -> str:
    """Beside the clip: clip.mp4 becomes clip_plate.png, frames/%05d.png becomes frames_plate.png."""
    refuse_empty("the clip", source)
    path = _folder(source) if is_sequence(source) else Path(source)
    path = Path(os.path.abspath(path)) if path.name in ("", "..") else path
    return str(path.with_name(f"{path.name if os.path.isdir(path) else path.stem}_plate.png"))


def write_plate(request: PlateRequest, *, on_frame: Callable[[int, int | None], None] | None = None) -> ClipPlate:
    """Make a plate and write it, with 16 bits a channel if clip and file have them; on_frame: called with frames read and total."""
    plate = make_plate(request, on_frame=on_frame)
    if not holds_sixteen_bit(request.destination):
        plate = replace(plate, pixels=to_uint8(plate.pixels))
    write_image(plate.pixels, request.destination, icc=plate.clip.icc)
    return plate


def plate_of_clip(source: str) -> ClipPlate:
    """The plate of a clip that shows the scene, empty or not."""
    return make_plate(PlateRequest(source, STANDARD_STREAM))


def make_plate(request: PlateRequest, *, on_frame: Callable[[int, int | None], None] | None = None) -> ClipPlate:
    """Make a plate; raises InputError for a clip that cannot be read or has no frame in the span."""
    began = time.perf_counter()
    reel = _chosen(request, on_frame or (lambda done, total: None))
    if not reel.frames:
        raise InputError(f"{request.source} has no frame in the part asked for; change its start and end")
    laid = _onto_middle(reel.frames, request.align)
    kept = [index for index, where in enumerate(laid) if where.fits]
    used = [laid[index] for index in kept]
    made = median_plate([reel.frames[index] for index in kept], _shown(used, reel.clip.size))
    return ClipPlate(
        clip=reel.clip,
        pixels=made.pixels,
        frames=len(used),
        left_out=len(laid) - len(used),
        shift=max(where.shift if where.homography is not None else 0.0 for where in used),
        unsettled=made.unsettled,
        seconds=time.perf_counter() - began,
        notes=(*reel.notes, *_doubts(used, len(laid), request.align, made.unsettled)),
    )


@dataclass(frozen=True)
class SampledFrames:
    """The chosen frames of a clip, and notes about the choice."""

    clip: Clip
    frames: list[Pixels]
    notes: tuple[str, ...]


def _chosen(request: PlateRequest, on_frame: Callable[[int, int | None], None]) -> SampledFrames:
    """At most as many frames as asked for, spread evenly; a clip of unknown length is thinned while it is read."""
    span = request.span
    with open_clip(request.source, fps=request.fps, start=span.start, end=span.end, every=span.every) as reader:
        wanted = min(request.frames, _room(reader.clip))
        every = span.every * max(1, (reader.clip.frames or 0) // wanted)
    kept: list[Pixels] = []
    with open_clip(request.source, fps=request.fps, start=span.start, end=span.end, every=every, tone_map=SDR) as reader:
        step = Fraction(max(reader.clip.frames or 0, wanted), wanted)
        for frame in reader:
            if frame.index >= len(kept) * step:
                kept.append(frame.pixels)
            if len(kept) > wanted:
                kept, step = kept[::2], 2 * step
            on_frame(frame.index + 1, reader.clip.frames)
        notes = [f"only {wanted} frames are used, since they are so large"] if wanted < request.frames else []
        notes += reader.notes
        notes += [f"{request.source} {reader.damage}; the plate is made of the frames before that"] if reader.damage else []
        return SampledFrames(reader.clip, kept, tuple(notes))


def _room(clip: Clip) -> int:
    """The number of frames of a clip that fit in memory at once."""
    height, width = clip.size
    return max(3, MOST_BYTES // (height * width * 3 * (1 if clip.top == 255 else 2)))


def _onto_middle(frames: list[Pixels], align: str) -> list[Registration]:
    """Warp the frames, in place, onto the middle one with its exposure; returns their registrations.

    The camera is tracked outwards from the middle.
    """
    middle = len(frames) // 2
    plate, laid = prepare(frames[middle]), [AT_REST] * len(frames)
    for indices in (range(middle + 1, len(frames)), range(middle - 1, -1, -1)):
        where = AT_REST
        for index in indices:
            where = track(where, plate, frames[index], align=align)
            laid[index] = where.inverse()
            frames[index] = apply(laid[index], frames[index])
    return laid


def _shown(laid: list[Registration], size: tuple[int, int]) -> list[NDArray[np.bool_]] | None:
    """Where each frame covers the middle one's picture; None when all do everywhere."""
    return [covered(where, size) for where in laid] if any(where.homography is not None for where in laid) else None


def _doubts(laid: list[Registration], chosen: int, align: str, unsettled: float) -> list[str]:
    """Warnings about a plate made of these registered frames."""
    notes = []
    lost = sum(not where.is_sure for where in laid)
    if chosen == 1:
        notes.append("there is only one frame, so the subject is in the plate")
    if len(laid) < chosen:
        notes.append(f"{chosen - len(laid)} of {chosen} frames show another scene and are left out; take one scene by start and end")
    if align != NONE and lost > LOST_SHARE * len(laid):
        notes.append(f"the camera could not be followed in {lost} of {len(laid)} frames; if it moved, the plate is blurred")
    if unsettled >= WORTH_A_WORD:
        notes.append(
            f"{unsettled:.0%} of the picture hardly ever shows its background, and the plate is a guess there; "
            "take more of the clip, or film the scene empty"
        )
    return notes


def _folder(source: str) -> Path:
    """The folder that a sequence's pictures are in."""
    return Path(source) if os.path.isdir(source) else Path(source).parent
