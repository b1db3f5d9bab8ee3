"""Guides given for a clip: one picture for all frames, or a clip or sequence with a guide for each frame."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError
from mattecli.guides.sources import PLATE, check_size, checked_mask
from mattecli.io.clip_types import Clip, Frame, Reader
from mattecli.io.files import naming
from mattecli.io.images import read_levels, read_photo
from mattecli.io.pictures.formats import is_picture
from mattecli.io.pictures.photo import Pixels
from mattecli.io.sequences import is_sequence, listed
from mattecli.io.video.levels import FrameLevels, is_tinted, is_transparent
from mattecli.io.video.numbering import numbers_of
from mattecli.io.video_read import open_clip
from mattecli.matting.given_trimap import check_trimap, read_trimap_levels
from mattecli.matting.levels import to_uint8
from mattecli.matting.mask import DIMMEST, mask_levels
from mattecli.matting.tracking.follow import Followed, FollowedSubject, SmallMatte
from mattecli.matting.tracking.moved_subject import MovedSubject
from mattecli.matting.trimap import trimap_from_mask
from mattecli.requests.clip import ClipRequest

# A trimap from a video codec has inexact levels; those nearer to grey than to these are unknown.
SURE_BLACK, SURE_WHITE = 64, 192


class Given(Protocol):
    """A guide of a clip, of the frames' size."""

    def at(self, frame: Frame) -> Pixels:
        """The guide of a frame, called in the frames' order: a trimap uint8 [H, W] of 0, 128 and 255, a mask uint8 or uint16 [H, W]."""
        ...

    def doubts(self, frame: Frame) -> tuple[str, ...]:
        """Doubts about the guide of the last frame, as ends of a sentence about some frames."""
        ...

    def surplus(self, frames: int) -> tuple[str, ...]:
        """Notes for the user when the guide has more frames than the clip's `frames`."""
        ...


class StillGuide:
    """One picture for all frames; `at` returns the same array each time."""

    def __init__(self, name: str, levels: Pixels) -> None:
        self._levels = levels
        self._moved = MovedSubject(levels)
        self._doubt = f"the subject has left the place where the still {name} has it; have it followed, or give a {name} for each frame"

    def at(self, frame: Frame) -> Pixels:
        return self._levels

    def doubts(self, frame: Frame) -> tuple[str, ...]:
        return (self._doubt,) if self._moved(frame.pixels) else ()

    def surplus(self, frames: int) -> tuple[str, ...]:
        return ()


class FollowedGuide:
    """A mask or trimap of the first frame whose subject is followed through the others; a trimap of these is made of its mask."""

    def __init__(self, name: str, levels: Pixels, matte: SmallMatte) -> None:
        self._name, self._levels = name, levels
        self._follow = FollowedSubject(levels, matte)
        self._followed: Followed | None = None

    def at(self, frame: Frame) -> Pixels:
        is_first = self._followed is None
        self._followed = self._follow(frame.pixels)
        if is_first:
            return self._levels
        return trimap_from_mask(self._followed.mask) if self._name == "trimap" else self._followed.mask

    def doubts(self, frame: Frame) -> tuple[str, ...]:
        if self._followed is None:
            return ()
        lost = f"{self._followed.lost}; give a {self._name} for each frame, or cut the clip there" if self._followed.lost else ""
        return tuple(filter(None, (lost, self._followed.doubt)))

    def surplus(self, frames: int) -> tuple[str, ...]:
        return ()


class NumberedGuide:
    """A guide's numbered pictures for a clip that is a numbered sequence itself; matched by number."""

    def __init__(self, name: str, pictures: Mapping[int, Path], clip: Clip) -> None:
        self._name, self._pictures, self._clip = name, pictures, clip
        first = read_photo(self._picture(0), as_levels=True)
        check_size(name, str(self._picture(0)), first.size, clip.size, "frames")
        self._levels = FrameLevels(transparent=first.alpha is not None)

    def at(self, frame: Frame) -> Pixels:
        picture = self._picture(frame.index)
        photo = read_photo(picture, as_levels=True)
        check_size(self._name, str(picture), photo.size, self._clip.size, "frames")
        return _guide_levels(self._name, str(picture), self._levels(Frame(photo.pixels, 0, 1, frame.index, photo.alpha)))

    def doubts(self, frame: Frame) -> tuple[str, ...]:
        return ()

    def surplus(self, frames: int) -> tuple[str, ...]:
        return ()

    def _picture(self, index: int) -> Path:
        return self._pictures[(self._clip.numbers or ())[index]]


class MovingGuide:
    """A guide as a clip or as pictures. Pictures have the clip's rate, so that each belongs to the frame of its number.

    It starts at the frame nearest in time to the first one requested, and continues frame by frame.
    """

    def __init__(self, name: str, file: str, clip: Clip, *, every: int) -> None:
        self._name, self._file, self._clip, self._every = name, file, clip, every
        self._rate = clip.rate * every
        self._reader: Reader | None = None
        self._found: Frame | None = None
        with self._opened(None) as reader:
            check_size(name, file, reader.clip.size, clip.size, "frames")
            self._levels = FrameLevels(transparent=is_transparent(reader))

    def at(self, frame: Frame) -> Pixels:
        if self._reader is None:
            moment = (frame.pts - self._clip.start) * self._clip.time_base
            self._reader = self._opened(max(Fraction(0), moment - 1 / (2 * self._rate)))
            self._frames = iter(self._reader)
        self._found = next(self._frames, None)
        if self._found is None:
            raise InputError(
                f"{self._file} ends after {frame.index} frames, before the clip does; "
                f"give a {self._name} for each frame, or one picture for all"
            )
        levels = self._levels(self._found)
        if self._reader.clip.lossy and levels.max() < DIMMEST * np.iinfo(levels.dtype).max:
            levels = np.zeros_like(levels)  # coding noise of black is no label
        return _guide_levels(self._name, self._file, levels)

    def doubts(self, frame: Frame) -> tuple[str, ...]:
        """Frames are matched by number; a doubt where their times differ."""
        if self._found is None or self._reader is None or is_sequence(self._file):
            return ()
        return other_time(self._name, (self._reader.clip, self._found), (self._clip, frame), every=self._every)

    def surplus(self, frames: int) -> tuple[str, ...]:
        if self._reader is None or next(self._frames, None) is None:
            return ()
        known = self._reader.clip.frames or 0
        count = known if known > frames else f"more than {frames}"
        return (
            f"{self._file} has {count} frames, the clip {frames}; the rest is not used, so check that it is the {self._name} of this clip",
        )

    def close(self) -> None:
        """Let go of the file."""
        if self._reader is not None:
            self._reader.close()

    def _opened(self, start: Fraction | None) -> Reader:
        return open_clip(self._file, fps=self._rate if is_sequence(self._file) else None, start=start, every=self._every)


def _guide_levels(name: str, file: str, levels: Pixels) -> Pixels:
    """The trimap or mask in a moving guide's levels. Raises InputError for a trimap in colours, such as a cut-out."""
    if name != "trimap":
        with naming(file):
            return mask_levels(levels)
    if levels.ndim == 3 and is_tinted(levels[..., :3]):
        raise InputError(f"{file} has colours, and a trimap is black, grey and white; give a mask or a cut-out as the mask")
    return _three_levels(levels if levels.ndim == 2 else levels[..., 1])


def other_time(name: str, guide: tuple[Clip, Frame], shown: tuple[Clip, Frame], *, every: int = 1) -> tuple[str, ...]:
    """A doubt where a guide's frame, and that of its number in the clip, are more than 0.6 frames apart; each with its clip."""
    (clip, frame), (other, beside) = guide, shown
    apart = (frame.pts - clip.start) * clip.time_base - (beside.pts - other.start) * other.time_base
    if abs(apart) * other.rate * every <= Fraction(6, 10):
        return ()
    return (f"the {name} of the same number is of another time: {_rates(clip, other, every)}",)


def _rates(guide: Clip, clip: Clip, every: int) -> str:
    ours, its = float(clip.rate * every), float(guide.rate * every)
    return f"its clip has {its:.5g} frames a second, this one {ours:.5g}" if round(ours, 2) != round(its, 2) else "their times differ"


def _opened_guide(
    name: str, file: str, clip: Clip, *, every: int, matte: SmallMatte | None
) -> "StillGuide | FollowedGuide | NumberedGuide | MovingGuide":
    if is_picture(file):
        levels = _still(name, file, clip)
        return StillGuide(name, levels) if matte is None else FollowedGuide(name, levels, matte)
    if clip.numbers and is_sequence(file):
        pictures = listed(file)
        by_number = dict(zip(numbers_of(pictures) or (), pictures, strict=False))
        if by_number.keys() >= set(clip.numbers):
            return NumberedGuide(name, by_number, clip)
    return MovingGuide(name, file, clip, every=every)


@contextmanager
def open_given(request: ClipRequest, clip: Clip, *, matte: SmallMatte | None = None) -> Iterator[Mapping[str, Given]]:
    """The guides of a request except its plate, by name, for the frames of `clip`, the request's source as its reader describes it.

    matte: makes mattes of small copies, for a still mask or trimap whose subject is followed; None leaves it where it is.
    Raises InputError for one that cannot be read or has another size than the frames, and for a still trimap without foreground
    or background.
    """
    with ExitStack() as opened:
        given: dict[str, Given] = {}
        for name, file in request.guides.items():
            if name == PLATE:
                continue
            given[name] = guide = _opened_guide(name, file, clip, every=request.span.every, matte=matte if request.follows(name) else None)
            if isinstance(guide, MovingGuide):
                opened.callback(guide.close)
        yield given


def check_given(request: ClipRequest) -> None:
    """Raise what open_given raises, before a model is loaded."""
    span = request.span
    with (
        open_clip(request.source, fps=request.fps, start=span.start, end=span.end, every=span.every) as reader,
        open_given(request, reader.clip),
    ):
        pass


def _still(name: str, file: str, clip: Clip) -> Pixels:
    with naming(file):
        levels = read_levels(file)
        if name == "trimap":
            trimap = read_trimap_levels(levels)
            check_trimap(trimap, size=clip.size)
            return trimap
        check_size(name, file, levels.shape[:2], clip.size, "frames")
        return checked_mask(levels)


def _three_levels(levels: Pixels) -> NDArray[np.uint8]:
    rounded = to_uint8(levels)
    return np.where(rounded < SURE_BLACK, 0, np.where(rounded > SURE_WHITE, 255, 128)).astype(np.uint8)
