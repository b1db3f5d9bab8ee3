"""Guides as they are given: for a photo a file, pixels or polylines; for a clip one picture for all frames, or a clip that goes in step."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError
from mattecli.io.clip_types import Clip, Frame, Reader
from mattecli.io.files import naming, reading
from mattecli.io.images import Pixels, read_levels, read_photo
from mattecli.io.pictures.formats import is_picture
from mattecli.io.sequences import is_sequence
from mattecli.io.video.levels import FrameLevels, is_tinted, is_transparent
from mattecli.io.video_read import open_clip
from mattecli.matting.levels import to_uint8
from mattecli.matting.mask import check_mask, mask_levels
from mattecli.matting.strokes import trimap_from_polylines, trimap_from_strokes
from mattecli.matting.trimap import check_trimap, read_trimap_levels
from mattecli.requests.clip import ClipRequest

# A trimap that went through a video codec has rounded levels; what is nearer to grey than to these is unknown.
SURE_BLACK, SURE_WHITE = 64, 192
PLATE = "background"

GuideValue = str | Pixels | Mapping[str, Any] | Sequence[Any]
"""A guide of a photo: a file, its levels [H, W], [H, W, 3] RGB or [H, W, 4] RGBA, or polylines as trimap_from_polylines takes them."""


def read_guide(name: str, value: GuideValue, picture: Pixels) -> Pixels:
    """A guide of a picture [H, W, 3], by the guide's name.

    trimap: uint8 [H, W] of 0, 128 and 255, and so are strokes, which know nothing but what they cover; mask: uint8 or uint16 [H, W];
    background: RGB [H, W, 3]. Raises InputError for one that cannot be read, has another size, or is no such guide.
    """
    size = picture.shape[0], picture.shape[1]
    with naming(value if isinstance(value, str) else name):
        if name == "strokes":
            return read_strokes(value, picture)
        if name == PLATE:
            plate = read_photo(value).pixels if isinstance(value, str) else _as_rgb(np.asarray(value))
            _check_size("plate", str(value) if isinstance(value, str) else name, plate.shape[:2], size, "picture")
            return plate
        levels = _levels(value)
        if name == "trimap":
            trimap = read_trimap_levels(levels)
            check_trimap(trimap, size=size)
            return trimap
        mask = checked_mask(levels)
        _check_size(name, str(value) if isinstance(value, str) else name, mask.shape, size, "picture")
        return mask


def read_strokes(value: GuideValue, picture: Pixels) -> NDArray[np.uint8]:
    """Strokes over a picture [H, W, 3], pixels or polylines, as a trimap uint8 [H, W] that knows nothing but what they cover."""
    size = picture.shape[0], picture.shape[1]
    if isinstance(value, str) and Path(value).suffix.lower() == ".json":
        with naming(value):
            return trimap_from_polylines(_read_json(value), size=size)
    if not isinstance(value, (str, np.ndarray)):
        return trimap_from_polylines(value, size=size)
    with naming(value if isinstance(value, str) else "strokes"):
        return trimap_from_strokes(to_uint8(_levels(value)), size=size, photo=to_uint8(picture))


def read_mask_levels(file: str) -> Pixels:
    """A mask as [H, W], 8 or 16 bit, which may be empty; InputError for what is no mask."""
    with naming(file):
        return mask_levels(read_levels(file))


def checked_mask(levels: Pixels) -> Pixels:
    """The mask [H, W] in a picture [H, W], [H, W, 3] or [H, W, 4]; InputError for what is no mask, or one that says nothing."""
    mask = mask_levels(levels)
    check_mask(mask)
    return mask


def _levels(value: GuideValue) -> Pixels:
    return read_levels(value) if isinstance(value, str) else np.asarray(value)


def _as_rgb(levels: Pixels) -> Pixels:
    return np.repeat(levels[..., None], 3, axis=2) if levels.ndim == 2 else levels[..., :3]


def _read_json(file: str) -> object:
    try:
        with reading(file):
            return json.loads(Path(file).read_text(encoding="utf-8"))
    except ValueError as error:  # neither JSON nor UTF-8
        raise InputError(f"{file} is no JSON ({error}); mend it or give the strokes as a picture") from error
    except RecursionError as error:
        raise InputError(f"{file} is nested too deeply to be strokes; mend it or give the strokes as a picture") from error


class Given(Protocol):
    """A guide as it was given, of the frames' size."""

    def at(self, frame: Frame) -> Pixels:
        """The guide of a frame, asked for in the frames' order: a trimap uint8 [H, W] of 0, 128 and 255, a mask uint8 or uint16 [H, W]."""
        ...

    def surplus(self, frames: int) -> tuple[str, ...]:
        """What a person should know when more is left of it, now that the clip ended after so many frames."""
        ...


@dataclass(frozen=True, eq=False)
class StillGuide:
    """One picture for all frames; it is the very same array each time."""

    levels: Pixels

    def at(self, frame: Frame) -> Pixels:
        return self.levels

    def surplus(self, frames: int) -> tuple[str, ...]:
        return ()


class MovingGuide:
    """A clip or pictures of a guide. Pictures have the clip's own rate, so that each belongs to the frame of its number.

    It begins with the frame nearest in time to the first one asked for, and then goes on frame by frame.
    """

    def __init__(self, name: str, file: str, clip: Clip, *, every: int) -> None:
        self._name, self._file, self._clip, self._every = name, file, clip, every
        self._rate = clip.rate * every
        self._reader: Reader | None = None
        with self._opened(None) as reader:
            _check_size(name, file, reader.clip.size, clip.size, "frames")
            self._levels = FrameLevels(transparent=is_transparent(reader))

    def at(self, frame: Frame) -> Pixels:
        if self._reader is None:
            moment = (frame.pts - self._clip.start) * self._clip.time_base
            self._reader = self._opened(max(Fraction(0), moment - 1 / (2 * self._rate)))
            self._frames = iter(self._reader)
        found = next(self._frames, None)
        if found is None:
            raise InputError(
                f"{self._file} ends after {frame.index} frames, before the clip does; "
                f"give a {self._name} for each frame, or one picture for all"
            )
        levels = self._levels(found)
        return self._trimap(levels) if self._name == "trimap" else mask_levels(levels)

    def _trimap(self, levels: Pixels) -> Pixels:
        """Three levels of a frame's. Raises InputError for one in colours, such as a cut-out."""
        if levels.ndim == 3 and is_tinted(levels[..., :3]):
            raise InputError(f"{self._file} has colours, and a trimap is black, grey and white; give a mask or a cut-out with --mask")
        return _three_levels(levels if levels.ndim == 2 else levels[..., 1])

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


@contextmanager
def open_given(request: ClipRequest, clip: Clip) -> Iterator[Mapping[str, Given]]:
    """The guides of a request but for its plate, by name, for the frames of `clip`, the request's source as its reader delivers it.

    Raises InputError for one that cannot be read or has another size than the frames, and for a still trimap that leaves out foreground
    or background.
    """
    with ExitStack() as opened:
        given: dict[str, Given] = {}
        for name, file in request.guides.items():
            if name == PLATE:
                continue
            if is_picture(file):
                given[name] = StillGuide(_still(name, file, clip))
            else:
                given[name] = moving = MovingGuide(name, file, clip, every=request.span.every)
                opened.callback(moving.close)
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
        if name == "trimap":
            trimap = read_trimap_levels(read_levels(file))
            check_trimap(trimap, size=clip.size)
            return trimap
        levels = checked_mask(read_levels(file))
        _check_size(name, file, levels.shape, clip.size, "frames")
        return levels


def _check_size(name: str, file: str, found: tuple[int, ...], size: tuple[int, ...], of_what: str) -> None:
    (rows, columns), (height, width) = found, size
    if (rows, columns) != (height, width):
        raise InputError(f"{file}: the {name} is {columns}x{rows}, the {of_what} {width}x{height}; make them the same size")


def _three_levels(levels: Pixels) -> NDArray[np.uint8]:
    rounded = to_uint8(levels)
    return np.where(rounded < SURE_BLACK, 0, np.where(rounded > SURE_WHITE, 255, 128)).astype(np.uint8)
