"""Predicted mattes measured against the true ones, pair by pair. No torch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError, MatteError, UsageError
from mattecli.evaluation.metrics import CONVENTIONS, Convention, Plane, Sample, measure, prepared
from mattecli.evaluation.pairs import Pair
from mattecli.io.clip_types import Frame
from mattecli.io.files import notes_of_reading
from mattecli.io.images import read_photo
from mattecli.io.pictures.photo import Photo, Pixels
from mattecli.matting.trimap import BACKGROUND, FOREGROUND, UNKNOWN

HEADINGS = {"sad": "SAD", "mse": "MSE", "mad": "MAD", "grad": "Grad", "conn": "Conn", "dtssd": "dtSSD", "fg_mse": "FG MSE"}
# JPEG writes greys with channels that differ by a few levels.
GREY_SPREAD = 24


@dataclass(frozen=True)
class Terms:
    """What is compared, and how; see `agreed` for a checked one.

    trimap: where the trimaps come from, or None. crop: only the part from the top left whose sides are multiples of it is looked at.
    sequence: the pictures of a folder are the frames of one clip, so dtSSD is measured.
    """

    convention: Convention
    trimap: str | None = None
    crop: int = 1
    sequence: bool = False

    @property
    def ranking(self) -> str:
        """The metric that tells which result is worst."""
        return next(iter(self.convention.scales))

    @property
    def region(self) -> str:
        """Which pixels count, in words."""
        if not self.convention.takes_trimap:
            return "whole pictures"
        if self.trimap is None:
            return "whole pictures, for want of a --trimap; published values of this convention count only a trimap's unknown pixels"
        forced = ", its known pixels set to 0 and 1 in the prediction first" if self.convention.forces_known else ""
        return f"the unknown pixels (level 128) of the trimap {self.trimap}{forced}"


@dataclass(frozen=True)
class Scored:
    """One measured picture, or one frame of a clip.

    numbers: by metric, in the convention's order and scale; None is a mean over no pixel. notes: what a person should know.
    sample: the mattes as they were compared; large, so not to be kept for long.
    """

    pair: Pair
    frame: int | None
    numbers: Mapping[str, float | None]
    notes: tuple[str, ...]
    sample: Sample

    @property
    def name(self) -> str:
        return self.pair.name if self.frame is None else f"{self.pair.name} #{self.frame}"


def agreed(pairs: Sequence[Pair], convention: str, *, trimap: str | None = None, crop: int = 1, sequence: bool | None = None) -> Terms:
    """The terms for these pairs, by the convention's name; sequence None: it is one if the names say so. Raises UsageError."""
    if convention not in CONVENTIONS:
        raise UsageError(f"there is no convention {convention}; choose one of {', '.join(CONVENTIONS)}")
    chosen = CONVENTIONS[convention]
    if trimap is not None and not chosen.takes_trimap:
        raise UsageError(f"--convention {convention} counts whole pictures, so --trimap does not go with it; drop one of them")
    has_dtssd = "dtssd" in chosen.scales
    if sequence and not has_dtssd:
        raise UsageError(f"--sequence measures dtSSD, which --convention {convention} does not have; add --convention rvm")
    return Terms(chosen, trimap, crop, has_dtssd and (_are_frames(pairs) if sequence is None else sequence))


def evaluate_all(pairs: Sequence[Pair], terms: Terms) -> Iterator[tuple[Pair, Scored | MatteError]]:
    """Each picture or frame with its numbers, or a pair with the error that kept it from having some.

    The first frame of a clip has a dtSSD of 0, as in RobustVideoMatting's evaluation.
    """
    for run in _runs(pairs, terms.sequence):
        before: Sample | None = None
        is_first = True
        for pair in run:
            try:
                for frame, sample, notes in _samples(pair, terms):
                    earlier = (sample if is_first else before) if terms.sequence or pair.is_clip else None
                    scored = _score(pair, frame, sample, terms.convention, earlier)
                    yield pair, replace(scored, notes=(*notes, *scored.notes))
                    before, is_first = sample, False
            except MatteError as error:
                before, is_first = None, False
                yield pair, error


def mean_of(records: Sequence[Mapping[str, float | None]], convention: Convention) -> dict[str, float]:
    """The mean over pictures of each metric, over those that have it."""
    values = {name: [value for record in records if (value := record.get(name)) is not None] for name in convention.scales}
    return {name: float(np.mean(column)) for name, column in values.items() if column}


def _are_frames(pairs: Sequence[Pair]) -> bool:
    """Whether the pictures look like frames: in each folder two or more, named alike but for numbers that count up by one."""
    return all(_count_up([Path(pair.predicted).stem for pair in run]) for run in _runs(pairs, True))


def _runs(pairs: Sequence[Pair], sequence: bool) -> list[list[Pair]]:
    if not sequence:
        return [[pair] for pair in pairs]
    return [list(run) for _, run in groupby(pairs, key=lambda pair: Path(pair.predicted).parent)]


def _count_up(stems: Sequence[str]) -> bool:
    prefixes = [stem.rstrip("0123456789") for stem in stems]
    digits = [stem[len(prefix) :] for stem, prefix in zip(stems, prefixes, strict=True)]
    if len(stems) < 2 or len(set(prefixes)) > 1 or not all(digits):
        return False
    numbers = [int(text) for text in digits]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _score(pair: Pair, frame: int | None, sample: Sample, convention: Convention, before: Sample | None) -> Scored:
    if before is not None and before.true.shape != sample.true.shape:
        raise InputError(f"{pair.true} has another size than the frame before it; for pictures that are no frames give --no-sequence")
    return Scored(pair, frame, measure(sample, convention, before=before), _doubts(sample), sample)


def _doubts(sample: Sample) -> tuple[str, ...]:
    if sample.trimap is None:
        return ()
    if not (sample.trimap == UNKNOWN).any():
        return ("the trimap has no unknown pixels, so sums are 0 and there are no means",)
    stray = np.count_nonzero((sample.trimap != UNKNOWN) & (sample.trimap != BACKGROUND) & (sample.trimap != FOREGROUND))
    return (f"{stray} pixels of the trimap are neither 0, 128 nor 255; only 128 counts as unknown",) if stray else ()


def _samples(pair: Pair, terms: Terms) -> Iterator[tuple[int | None, Sample, list[str]]]:
    """The pair's one sample, or one for each frame of its clips, as the convention looks at them, and notes on reading its files."""
    convention, crop = terms.convention, terms.crop
    with notes_of_reading() as reading_notes:
        trimap = _read_trimap(pair.trimap, crop) if pair.trimap else None
    for frame, predicted, true in _frames(pair) if pair.is_clip else _pictures(pair):
        colours = None
        if "fg_mse" in convention.scales and predicted.alpha is not None and true.alpha is not None:
            colours = _fractions(cropped(predicted.pixels, crop)), _fractions(cropped(true.pixels, crop))
        mattes = [_fractions(cropped(_matte_levels(photo, file), crop)) for photo, file in ((predicted, pair.predicted), (true, pair.true))]
        notes = [f"{file}: {note}" for photo, file in ((predicted, pair.predicted), (true, pair.true)) for note in photo.notes]
        yield frame, prepared(Sample(mattes[0], mattes[1], trimap, colours), convention), [*reading_notes, *notes]
        reading_notes.clear()


def _pictures(pair: Pair) -> Iterator[tuple[int | None, Photo, Photo]]:
    yield None, _read(pair.predicted), _read(pair.true)


def _read(file: str) -> Photo:
    """A matte with its numbers as they are, or a cut-out, whose colours are colours."""
    photo = read_photo(file, as_levels=True)
    return photo if photo.light is None or photo.light.alpha is None else read_photo(file)


def _frames(pair: Pair) -> Iterator[tuple[int | None, Photo, Photo]]:
    from mattecli.io.video_read import open_clip  # here, so that pictures do not wait for a video library

    with open_clip(pair.predicted) as predicted, open_clip(pair.true) as true:
        ahead, behind = iter(predicted), iter(true)
        index = 0
        while (one := next(ahead, None)) is not None and (other := next(behind, None)) is not None:
            yield index, _photo(one), _photo(other)
            index += 1
        if one is not None or next(behind, None) is not None:
            raise InputError(f"{pair.predicted} and {pair.true} have different numbers of frames; the first {index} were compared")
        for file, clip in ((pair.predicted, predicted), (pair.true, true)):
            if clip.damage is not None:
                raise InputError(f"{file} {clip.damage}; the {index} frames before that were compared")


def _photo(frame: Frame) -> Photo:
    return Photo(frame.pixels, frame.transparency, None, opaque=frame.alpha is not None)


def _matte_levels(photo: Photo, file: str) -> Pixels:
    """A cut-out's alpha, or the levels of a grey picture [H, W]; of a clip's frames green, the nearest to what was encoded as grey.

    A cut-out that hides nothing is 1 everywhere; a grey picture with such an alpha channel is a matte that was saved with one.
    """
    if photo.alpha is not None:
        return photo.alpha
    spread = photo.pixels.max(axis=2) - photo.pixels.min(axis=2)
    if np.count_nonzero(spread > photo.top * GREY_SPREAD // 255) > 0.01 * spread.size:
        if photo.opaque:
            return np.full(photo.size, photo.top, photo.pixels.dtype)
        raise InputError(f"{file} has colours but no transparency, so it is no matte; give a grey alpha, or a picture with alpha")
    return photo.pixels[..., 1]


def _read_trimap(file: str, crop: int) -> NDArray[np.uint8]:
    """A trimap's levels as they are, uint8 [H, W]; of 16 bits the nearest of 8."""
    photo = read_photo(file, as_levels=True)
    grey = cropped(photo.pixels[..., 1], crop)
    return grey.astype(np.uint8) if photo.top == 255 else np.round(grey / 257).astype(np.uint8)


def cropped(levels: Pixels, multiple: int) -> Pixels:
    """The part of [H, W] or [H, W, C] from the top left whose sides are multiples of a number. Raises InputError when none is left."""
    height, width = (length // multiple * multiple for length in levels.shape[:2])
    if not height or not width:
        raise InputError(f"a picture is smaller than the {multiple} pixels of --crop; leave it out or use a smaller number")
    return levels[:height, :width]


def _fractions(levels: Pixels) -> Plane:
    """Levels as float32 in 0..1, by division: see metrics.py."""
    return levels.astype(np.float32) / np.float32(np.iinfo(levels.dtype).max)
