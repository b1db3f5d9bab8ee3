"""A clip and its mattes laid over something else, frame by frame; one of the two may be a picture that stands still.

As in video.py a thread reads ahead and a thread writes behind, so memory does not grow with the clip.
"""

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

from mattecli.core.clock import Clock
from mattecli.errors import InputError, UsageError
from mattecli.io.clip_types import Clip, Frame, Reader
from mattecli.io.icc import converted
from mattecli.io.images import Pixels, read_levels, read_photo
from mattecli.io.sequences import is_sequence
from mattecli.io.video_read import open_clip
from mattecli.io.video_write import open_writer
from mattecli.matting.levels import Plane, from_levels
from mattecli.pipelines.composite import Layout, alpha_of, composed, is_clip, unmixed
from mattecli.pipelines.queues import AHEAD, BEHIND, WriteBehind, read_ahead
from mattecli.requests.clip import ClipRequest


@dataclass(frozen=True)
class Reel:
    """What became of a pairing: frames written, their (width, height), seconds of each step, notes for a person, and what was wrong
    with the clips, None for whole ones; what could be read was delivered."""

    source: str
    destination: str
    size: tuple[int, int]
    frames: int
    split: Mapping[str, float]
    notes: tuple[str, ...]
    damage: str | None


def process_composite_clip(
    request: ClipRequest, layout: Layout, *, on_frame: Callable[[int, int | None], None] = lambda done, total: None
) -> Reel:
    """Compose a request's source, a clip or a picture, with the mattes that are its guide "alpha", likewise, and write the result.

    `on_frame` is told the frames done and how many there will be, when that is known. The request's span is the whole clip. Raises
    MatteError for what the caller can mend; then no half-written file is left.
    """
    clock = Clock()
    with ExitStack() as opened:
        readers = [_reader(file, request.fps, opened) for file in (request.source, request.guides["alpha"])]
        clip = _led(readers, request)
        sound = request.source if readers[0] and clip.audio else None
        writer = opened.enter_context(
            open_writer(request.destination, kind=layout.kind, clip=clip, sound=sound, codec=request.codec, crf=request.crf)
        )

        def finish(pair: tuple[Frame, Plane]) -> None:
            frame, alpha = pair
            with clock("foreground"):
                colours = unmixed(frame.pixels, alpha, device=layout.device) if layout.decontaminate else from_levels(frame.pixels)
            with clock("compose"):
                picture = composed(colours, alpha, layout, top=clip.top, seconds=float((frame.pts - clip.start) * clip.time_base))
            with clock("encode"):
                writer.write(picture, pts=frame.pts, duration=frame.duration)

        with (
            read_ahead(_pairs(readers, request), depth=AHEAD, on_wait=partial(clock.add, "decode")) as pairs,
            WriteBehind(finish, depth=BEHIND) as behind,
        ):
            for done, pair in enumerate(pairs, start=1):
                behind.put(pair)
                on_frame(done, clip.frames)
    damage = " and ".join(f"{reader.clip.source} {reader.damage}" for reader in readers if reader and reader.damage) or None
    of_reading = [note for reader in readers if reader for note in reader.notes]
    notes = (*of_reading, *writer.notes, *(layout.backdrop.notes if layout.backdrop else ()))
    return Reel(request.source, request.destination, (clip.size[1], clip.size[0]), writer.frames, clock.split, notes, damage)


def _reader(file: str, fps: Fraction | None, opened: ExitStack) -> Reader | None:
    """A reader for a clip, None for a picture."""
    if not is_clip(file) and not os.path.isdir(file):
        return None
    return opened.enter_context(open_clip(file, fps=fps if is_sequence(file) else None))


def _led(readers: list[Reader | None], request: ClipRequest) -> Clip:
    """The clip whose time the result has: the pictures', or the mattes' where a picture stands still; its depth is the pictures'."""
    pictures, mattes = readers
    if pictures is not None:
        return pictures.clip
    if mattes is None:
        raise UsageError(f"neither {request.source} nor {request.guides['alpha']} is a clip; give -o the name of a picture")
    return replace(mattes.clip, bits=8 if read_photo(request.source).top == 255 else 16)


def _pairs(readers: list[Reader | None], request: ClipRequest) -> Iterator[tuple[Frame, Plane]]:
    """The frames in their time, each with its matte."""
    (pictures, mattes), file = readers, request.guides["alpha"]
    if pictures is None:
        still = _still(request.source)
        both = ((replace(matte, pixels=still), matte.pixels[..., 1]) for matte in mattes or ())
    elif mattes is None:
        levels = read_levels(file)
        both = ((frame, levels) for frame in pictures)
    else:
        both = ((frame, matte.pixels[..., 1]) for frame, matte in _in_step(pictures, mattes))
    for frame, levels in both:
        yield frame, alpha_of(levels, file, frame.pixels.shape[:2])


def _still(file: str) -> Pixels:
    """A picture's levels as clips want them, which have no profiles: sRGB."""
    photo = read_photo(file)
    return converted(photo.pixels, photo.icc, None)


def _in_step(pictures: Reader, mattes: Reader) -> Iterator[tuple[Frame, Frame]]:
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
        yield frame, matte
