"""The guides of a clip's frames: the plate is laid onto each frame, and the model's guides are derived."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mattecli.compositing.fit import fit
from mattecli.core.clock import Clock
from mattecli.errors import InputError
from mattecli.guides.choose import ModelChoice
from mattecli.guides.clip_sources import Given
from mattecli.guides.derive import derive
from mattecli.guides.plate_of_clip import plate_of_clip
from mattecli.guides.sources import PLATE
from mattecli.io.clip_types import Clip, Frame
from mattecli.io.images import read_photo
from mattecli.io.pictures.formats import is_picture
from mattecli.io.pictures.photo import Pixels
from mattecli.matting.given_trimap import check_trimap
from mattecli.matting.levels import to_uint8
from mattecli.matting.registration.register import Plate, Registration, apply, check_same_scene, prepare, register, track
from mattecli.requests.clip import ClipRequest

LARGEST_STRETCH = 0.01


@dataclass(frozen=True)
class Guided:
    """A frame with the guides its model takes; `found` is False where there is no subject, so that its matte is empty.

    notes: notes for the user about its guides.
    """

    frame: Frame
    guides: Mapping[str, Pixels]
    found: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LaidPlate:
    """A plate of the frames' size, and its registration onto the first frame, if known.

    notes: notes for the user about how it was made.
    """

    plate: Plate
    first: Registration | None
    notes: tuple[str, ...] = ()


def guided(
    frames: Iterable[Frame],
    request: ClipRequest,
    choice: ModelChoice,
    laid_plate: LaidPlate | None,
    given: Mapping[str, Given],
    *,
    skipped: int = 0,
    clock: Clock,
) -> Iterator[Guided]:
    """Each frame with its guides, in order. The first `skipped` frames are not yielded, only used for tracking.

    The plate is laid again whenever camera or light change; otherwise it is the same array.
    """
    where = None if laid_plate is None else laid_plate.first
    laid: Pixels | None = None
    for frame in frames:
        with clock("guide"):
            levels = {name: guide.at(frame) for name, guide in given.items()}
            if laid_plate is not None:
                before, where = where, track(where, laid_plate.plate, frame.pixels, align=request.align)
                laid = laid if laid is not None and where.lays_like(before) else apply(where, laid_plate.plate.pixels)
                levels[PLATE] = laid
            doubts = [doubt for guide in given.values() for doubt in guide.doubts(frame)]
            one = _guided(frame, levels, where, choice, doubts) if frame.index >= skipped else None
        if one is not None:
            yield one


def open_plate(request: ClipRequest, clip: Clip, first: Frame) -> LaidPlate | None:
    """The plate of a request at its frames' size: a photo, or the median of a clip of the empty scene; None when none is given.

    first: the request's first frame. Raises InputError for a plate of other proportions, or of another scene than the first frame shows.
    """
    file = request.guides.get(PLATE)
    if file is None:
        return None
    made = read_photo(file) if is_picture(file) else plate_of_clip(file)
    plate = prepare(_fitted(made.pixels, clip, file))
    registration = register(plate, first.pixels, align=request.align)
    check_same_scene(registration)
    return LaidPlate(plate, registration, made.notes)


def _fitted(plate: Pixels, clip: Clip, file: str) -> Pixels:
    """The plate resized to the frames' size; InputError unless it has their stored or displayed proportions."""
    (height, width), (rows, columns) = clip.size, plate.shape[:2]
    ratio = columns / rows / (width / height)
    if min(abs(ratio - 1), abs(ratio / float(clip.aspect) - 1)) > LARGEST_STRETCH:
        raise InputError(
            f"{file}: the plate is {columns}x{rows}, the frames {width}x{height}; take both with one camera, or crop the plate likewise"
        )
    if (rows, columns) == clip.size:
        return plate
    top = np.iinfo(plate.dtype).max
    stretched = fit((plate / top).astype(np.float32), height, width, mode="stretch")
    return (stretched * top + 0.5).astype(plate.dtype)


def _guided(frame: Frame, given: Mapping[str, Pixels], laid: Registration | None, choice: ModelChoice, doubts: Sequence[str]) -> Guided:
    derived = derive(frame.pixels, given, choice, laid=laid, in_clip=True)
    notes = (*doubts, *(_doubts(given["trimap"]) if "trimap" in given and derived.found else ()))
    return Guided(frame, derived.guides, found=derived.found, notes=notes)


def _doubts(trimap: Pixels) -> tuple[str, ...]:
    """Warnings about a given trimap."""
    try:
        check_trimap(to_uint8(trimap), size=trimap.shape[:2])
    except InputError as error:
        return (str(error),)
    return ()
