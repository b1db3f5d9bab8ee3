"""Writing of a clip as numbered pictures (frames/%05d.png), each complete or absent, so that a run can be resumed."""

import os
import re
from collections.abc import Iterator
from itertools import chain, count, islice, takewhile
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from mattecli.errors import InputError, OutputError, UsageError
from mattecli.io.clip_types import Clip
from mattecli.io.images import WRITE_SUFFIXES, check_suffix, holds_sixteen_bit, read_photo, says_premultiplied, write_image
from mattecli.io.pictures.photo import Pixels
from mattecli.io.video.pace import Pace
from mattecli.io.video.tags import all_tags

DEFAULT_NAME = "%05d.png"
ANIMATED_SUFFIXES = (".webp",)
"""Endings of files that may hold many pictures."""
_NUMBER = re.compile(r"%(0[0-9]{1,2})?d")


def sequence_pattern(destination: str) -> str | None:
    """The pattern of picture names that `destination` stands for, or None when it names something else.

    A name with %d or %05d and a picture's ending is a pattern; a folder (there already, or ending in a slash) holds %05d.png. A .webp
    without a number is one animation.
    """
    if destination.endswith(("/", os.sep)) or os.path.isdir(destination):
        return str(Path(destination) / DEFAULT_NAME)
    path = Path(destination)
    if path.suffix.lower() in ANIMATED_SUFFIXES and "%" not in path.name:
        return None
    return destination if path.suffix.lower() in WRITE_SUFFIXES else None


def check_sequence(pattern: str, *, kind: str) -> None:
    """Raise UsageError when `pattern` does not number its pictures, or they cannot hold a result of this kind."""
    name = Path(pattern).name
    if len(_NUMBER.findall(name)) != 1 or "%" in _NUMBER.sub("", name):
        raise UsageError(f"{pattern} does not number its pictures; give a pattern with one %05d, such as {Path(pattern).stem}/%05d.png")
    check_suffix(Path(pattern), has_alpha=kind == "cutout")


def frame_path(pattern: str, number: int) -> Path:
    """The path of one picture of a sequence."""
    path = Path(pattern)
    return path.with_name(path.name % number)


def numbers_written(clip: Clip) -> Iterator[int]:
    """The numbers of a clip's frames as pictures: those in their sources' names, else from 1."""
    numbers = clip.numbers or (0,)
    return chain(numbers if clip.numbers else (), count(numbers[-1] + 1))


def frames_present(pattern: str, clip: Clip) -> int:
    """The number of complete pictures of a clip's frames, without a gap from the first.

    Pictures get their names when they are complete; the last one is read nevertheless, and not counted if that fails.
    """
    present = list(takewhile(_has_bytes, (frame_path(pattern, number) for number in numbers_written(clip))))
    while present and not _is_whole(present[-1]):
        present.pop()
    return len(present)


class SequenceWriter:
    """Writes frames as pictures, numbered by numbers_written. Written pictures stay when the block is left by an exception.

    pattern: as sequence_pattern gives it. done: the number of frames that are written already. kind: cutout | alpha | foreground |
    composite. sound: a clip whose sound is requested, which is noted because pictures have none. premultiplied: whether a cut-out's colours
    are multiplied by its alpha.
    """

    def __init__(self, pattern: str, *, kind: str, clip: Clip, sound: str | None, done: int = 0, premultiplied: bool = False) -> None:
        check_sequence(pattern, kind=kind)
        self._pattern = pattern
        self._numbers = islice(numbers_written(clip), done, None)
        self._icc = clip.icc if kind != "alpha" else None
        self._premultiplied = premultiplied
        self._deep = holds_sixteen_bit(pattern)
        self.frames = 0
        self._pace = Pace()
        self._clip = clip
        self.notes: tuple[str, ...] = ()
        if clip.aspect != 1:
            self.notes += (f"the clip's pixels are {clip.aspect} times as wide as high, which pictures forget",)
        if sound is not None and clip.audio:
            self.notes += ("pictures carry no sound, so the clip's sound is left out",)
        if premultiplied and not says_premultiplied(pattern):
            self.notes += ("the colours are premultiplied, which these pictures do not say; tell your editor so (matted with black)",)
        carried = all_tags(clip.tags)
        if carried:
            self.notes += (f"pictures do not carry the clip's {', '.join(carried)}",)
        if clip.bits > 8 and not self._deep:
            self.notes += (f"the clip has {clip.bits} bits a channel and {Path(pattern).suffix} keeps 8; .png and .tif keep 16",)

    def __enter__(self) -> "SequenceWriter":
        folder = Path(self._pattern).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"the folder {folder} cannot be made ({error.strerror}); choose another place") from error
        return self

    def write(self, pixels: Pixels, *, pts: int, duration: int) -> None:
        """Write the next frame: [H, W], [H, W, 3] or straight-alpha [H, W, 4], uint8 or uint16. Pictures have no time stamps."""
        narrow = pixels.dtype == np.uint16 and not self._deep
        levels: Any = cv2.convertScaleAbs(pixels, alpha=255 / 65535) if narrow else pixels
        write_image(levels, frame_path(self._pattern, next(self._numbers)), icc=self._icc, premultiplied=self._premultiplied)
        self.frames += 1
        self._pace(pts)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        beyond = frame_path(self._pattern, next(self._numbers))
        if kind is None and beyond.exists():
            self.notes += (f"{beyond} was there before and belongs to an earlier, longer result",)
        if self._pace.is_uneven and self._clip.numbers is None:
            self.notes += ("the clip's frames do not follow each other evenly, and pictures carry no times; a video file keeps them",)


def _has_bytes(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _is_whole(path: Path) -> bool:
    try:
        read_photo(path)
    except InputError:
        return False
    return True
