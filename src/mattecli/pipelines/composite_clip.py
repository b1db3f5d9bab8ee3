"""A clip and its mattes over a backdrop, frame by frame; one of the two may be a still picture.

As in video.py a thread reads ahead and a thread writes behind, so memory does not grow with the clip.
"""

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial

from mattecli.compositing.framing import EVEN, Window, framed_clip, window_of_all
from mattecli.compositing.hdr_backdrop import hdr_backdrop
from mattecli.compositing.pixel_shape import shaped
from mattecli.core.clock import Clock
from mattecli.core.tuning.queues import WriteBehind, read_ahead
from mattecli.errors import InputError, UsageError
from mattecli.guides.clip_sources import other_time
from mattecli.io.clip_types import Clip, Frame, Reader
from mattecli.io.codecs import Coding
from mattecli.io.files import notes_of_reading
from mattecli.io.icc import converted
from mattecli.io.images import read_levels, read_photo
from mattecli.io.pictures.photo import Pixels
from mattecli.io.sequences import is_sequence
from mattecli.io.video.levels import FrameLevels, is_transparent
from mattecli.io.video_read import COPY, open_clip
from mattecli.io.video_write import open_writer
from mattecli.matting.levels import Plane, from_levels
from mattecli.pipelines.clip_memory import depths_within, free_budget
from mattecli.pipelines.composite import Layout, alpha_of, composed, framed_parts, unmixed
from mattecli.requests.clip import ClipRequest, is_clip

ALPHA = "alpha"


@dataclass(frozen=True)
class CompositeClipResult:
    """The result: frames written, their (height, width), seconds of each step, notes for the user, and damage of the clips, None for
    whole ones; readable frames are delivered in any case."""

    source: str
    destination: str
    size: tuple[int, int]
    frames: int
    split: Mapping[str, float]
    notes: tuple[str, ...]
    damage: str | None


@dataclass
class _Told:
    """What becomes known while frames are read: notes on still pictures, and counts of frames whose matte may be of another moment."""

    of_stills: list[str] = field(default_factory=list)
    doubts: Counter[str] = field(default_factory=Counter)

    @property
    def notes(self) -> list[str]:
        return [*self.of_stills, *(f"in {count} frames {doubt}" for doubt, count in self.doubts.items())]


def process_composite_clip(
    request: ClipRequest, layout: Layout, *, on_frame: Callable[[int, int | None], None] = lambda done, total: None
) -> CompositeClipResult:
    """Compose a request's source, a clip or a picture, with the mattes of its guide "alpha", also a clip or a picture, and write it.

    Without that guide the source is a cut-out: a clip with its own transparency. `on_frame` is called with the frames done and the total,
    if known. The request's span is the whole clip. Raises MatteError; then no half-written file is left.
    """
    clock = Clock()
    with ExitStack() as opened:
        readers = [_reader(file, request.fps, opened) for file in (request.source, request.guides.get(ALPHA))]
        clip = _led(readers, request)
        depths = depths_within(clip, free_budget())
        window = _window(request, layout, clip)
        shown = framed_clip(clip, layout.output.framing, window)
        backdrop, encoding = hdr_backdrop(layout.output.backdrop, clip.colour)
        output = replace(layout.output, backdrop=shaped(backdrop, shown.aspect), encoding=encoding)
        sound = request.source if readers[0] and clip.audio else None
        writer = opened.enter_context(
            open_writer(
                request.destination,
                kind=output.kind,
                clip=shown,
                sound=sound,
                coding=Coding(request.codec, request.crf, output.premultiplied),
            )
        )

        told = _Told()

        def finish(pair: tuple[Frame, Plane]) -> None:
            frame, alpha = pair
            with clock("foreground"):
                mixed = output.decontaminate and frame.transparency is None  # a cut-out's colours need no decontamination
                colours = unmixed(frame.levels, alpha, device=layout.device) if mixed else from_levels(frame.levels)
            with clock("compose"):
                seconds = float((frame.pts - clip.start) * clip.time_base)
                colours, alpha = framed_parts(colours, alpha, output.framing, window, aspect=clip.aspect, step=EVEN)
                picture = composed(colours, alpha, output, top=clip.top, seconds=seconds, icc=clip.icc)
            with clock("encode"):
                writer.write(picture, pts=frame.pts, duration=frame.duration)

        with (
            read_ahead(
                _pairs(readers, request, told, invert=output.invert), depth=depths.ahead, on_wait=partial(clock.add, "decode")
            ) as pairs,
            WriteBehind(finish, depth=depths.behind) as behind,
        ):
            for done, pair in enumerate(pairs, start=1):
                behind.put(pair)
                on_frame(done, clip.expected)
    damage = " and ".join(f"{reader.clip.source} {reader.damage}" for reader in readers if reader and reader.damage) or None
    of_reading = [note for reader in readers if reader for note in reader.notes]
    notes = (*of_reading, *told.notes, *writer.notes, *(output.backdrop.notes if output.backdrop else ()))
    return CompositeClipResult(request.source, request.destination, shown.size, writer.frames, clock.split, notes, damage)


def _reader(file: str | None, fps: Fraction | None, opened: ExitStack) -> Reader | None:
    """A reader for a clip; None for a picture or no file."""
    if file is None or not (is_clip(file) or os.path.isdir(file)):
        return None
    return opened.enter_context(open_clip(file, fps=fps if is_sequence(file) else None, tone_map=COPY))


def _led(readers: list[Reader | None], request: ClipRequest) -> Clip:
    """The clip with the result's times: the source's, or the mattes' for a still picture; its bit depth is the source's."""
    pictures, mattes = readers
    if ALPHA not in request.guides and not (pictures and pictures.clip.alpha):
        raise InputError(f"{request.source} has no transparency of its own; give its mattes, as a clip or as pictures")
    if pictures is not None:
        return pictures.clip
    if mattes is None:
        raise UsageError(f"neither {request.source} nor {request.guides[ALPHA]} is a clip; write the result to a picture")
    return replace(mattes.clip, bits=8 if read_photo(request.source).top == 255 else 16)


def _window(request: ClipRequest, layout: Layout, clip: Clip) -> Window:
    """What is shown of each frame: all of it, or what the subject covers in any of them, for which the clip is read once more."""
    whole = slice(0, clip.size[0]), slice(0, clip.size[1])
    if layout.output.framing.crop is None:
        return whole
    with ExitStack() as opened:
        readers = [_reader(file, request.fps, opened) for file in (request.source, request.guides.get(ALPHA))]
        pairs = _pairs(readers, request, _Told(), invert=layout.output.invert)
        return window_of_all((alpha for _, alpha in pairs), layout.output.framing) or whole


def _pairs(readers: list[Reader | None], request: ClipRequest, told: _Told, *, invert: bool = False) -> Iterator[tuple[Frame, Plane]]:
    """The frames in order, each with its matte, or with what lies beside it."""
    file = request.guides.get(ALPHA, request.source)
    for frame, levels in _with_levels(readers, request, told):
        alpha = alpha_of(levels, file, frame.pixels.shape[:2])
        yield frame, 1 - alpha if invert else alpha


def _with_levels(readers: list[Reader | None], request: ClipRequest, told: _Told) -> Iterator[tuple[Frame, Pixels]]:
    """The frames, each with the levels that hold its matte; without given mattes the frame's transparency."""
    pictures, mattes = readers
    if pictures is not None and ALPHA not in request.guides:
        return ((frame, frame.alpha) for frame in pictures if frame.alpha is not None)
    file = request.guides[ALPHA]
    if mattes is None:
        with notes_of_reading() as told.of_stills:
            levels = read_levels(file)
        return ((frame, levels) for frame in pictures or ())
    levels_of = FrameLevels(transparent=mattes.clip.alpha and _is_cutout(file, request.fps))
    if pictures is None:
        with notes_of_reading() as told.of_stills:
            still, own = _still(request.source)
        return ((replace(matte, pixels=still, alpha=own), levels_of(matte)) for matte in mattes)
    watched = not (is_sequence(request.source) or is_sequence(file))  # pictures have no times of their own
    return ((frame, levels_of(matte)) for frame, matte in _in_step(pictures, mattes, told.doubts if watched else None))


def _is_cutout(file: str, fps: Fraction | None) -> bool:
    with ExitStack() as opened:
        reader = _reader(file, fps, opened)
        return reader is not None and is_transparent(reader)


def _still(file: str) -> tuple[Pixels, Pixels | None]:
    """A picture's levels and transparency in sRGB, because clips have no profiles."""
    photo = read_photo(file)
    return converted(photo.pixels, photo.icc, None), photo.alpha


def _in_step(pictures: Reader, mattes: Reader, doubts: Counter[str] | None) -> Iterator[tuple[Frame, Frame]]:
    """Both clips' frames in pairs; InputError with both counts where one clip has more than the other."""
    ahead, beside = iter(pictures), iter(mattes)
    for done in itertools.count():
        frame, matte = next(ahead, None), next(beside, None)
        if frame is None and matte is None:
            return
        if frame is None or matte is None:
            more = done + 1 + sum(1 for _ in (beside if frame is None else ahead))
            frames, alphas = (done, more) if frame is None else (more, done)
            raise InputError(
                f"{pictures.clip.source} has {frames} frames and {mattes.clip.source} {alphas}; give a matte for each frame, or one for all"
            )
        if doubts is not None:
            doubts.update(other_time("matte", (mattes.clip, matte), (pictures.clip, frame)))
        yield frame, matte
