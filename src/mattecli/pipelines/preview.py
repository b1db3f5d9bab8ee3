"""A contact sheet of a clip before the long run: some frames beside their alpha and their composite."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from math import floor

import numpy as np
from numpy.typing import NDArray

from mattecli.compositing.backdrop import plain_backdrop
from mattecli.compositing.contact_sheet import contact_sheet
from mattecli.compositing.output import OutputOptions
from mattecli.compositing.pixel_shape import shaped
from mattecli.errors import InputError
from mattecli.guides.clip_sources import open_given
from mattecli.guides.frames import open_plate
from mattecli.io.clip_types import Clip, Frame
from mattecli.io.images import write_image
from mattecli.io.pictures.formats import is_picture
from mattecli.io.video_read import open_clip
from mattecli.matting.levels import to_uint8
from mattecli.pipelines.recipe import Recipe
from mattecli.pipelines.render import render
from mattecli.pipelines.tensors import inverted
from mattecli.pipelines.video import ClipWork, MattedFrame, matted_frames, settled
from mattecli.requests.clip import ClipRequest

PLACES = (Fraction(1, 10), Fraction(4, 10), Fraction(6, 10), Fraction(9, 10))
LOUD = "#ff00ff"


def write_preview(file: str, request: ClipRequest, recipe: Recipe, output: OutputOptions) -> None:
    """Write a contact sheet of four frames spread over the requested part of the clip, fewer if it is short.

    Raises InputError when no frame is in that part.
    """
    request = replace(settled(request, recipe), tone_map="sdr")
    pictures: list[NDArray[np.uint8]] = []
    captions: list[str] = []
    shown = output if output.kind == "composite" else OutputOptions("composite", plain_backdrop(LOUD), output.linear, output.decontaminate)
    for item, clip in _sampled(request, recipe):
        seconds = float((item.frame.pts - clip.start) * clip.time_base)
        matted = inverted(item.matted) if output.invert else item.matted
        over = replace(shown, backdrop=shaped(shown.backdrop, clip.aspect))
        looks = [render(matted, wanted, top=255, seconds=seconds, icc=clip.icc) for wanted in (OutputOptions("alpha"), over)]
        pictures += [to_uint8(item.frame.pixels), np.dstack([looks[0]] * 3).astype(np.uint8), looks[1].astype(np.uint8)]
        captions += [f"{seconds:.2f} s", "alpha", "composite"]
    write_image(contact_sheet(pictures, captions), file)


def _sampled(request: ClipRequest, recipe: Recipe) -> Iterator[tuple[MattedFrame, Clip]]:
    """A few frames of a request, matted independently."""
    plate = next((open_plate(request, clip, first) for first, clip in _first_from(request.span.start, request)), None)
    anew = None if plate is None else replace(plate, first=None)  # the frames are too far apart to track the camera
    single = replace(request, span=replace(request.span, every=1), smooth=False, batch=1)
    for frame, clip in _frames(request):
        with open_given(single, clip) as given:
            yield from ((item, clip) for item in matted_frames([frame], ClipWork(single, recipe, clip, anew, given)))


def _frames(request: ClipRequest) -> list[tuple[Frame, Clip]]:
    """The sampled frames, without duplicates; the part's first frame where there is none at the sampled times."""
    followed = any(request.follows(name) and is_picture(file) for name, file in request.guides.items())
    places = [] if followed else _places(request)  # a guide of the first frame is followed frame by frame
    found = {frame.pts: (frame, clip) for place in places for frame, clip in _first_from(place, request)}
    frames = list(found.values()) or _first_from(request.span.start, request)
    if not frames:
        raise InputError(f"{request.source} has no frames in the part asked for; check start and end")
    return frames


def _first_from(start: Fraction | None, request: ClipRequest) -> list[tuple[Frame, Clip]]:
    """The first frame from a time on, if there is one."""
    with open_clip(
        request.source, fps=request.fps, start=start, end=request.span.end, deinterlace=request.deinterlace, tone_map=request.tone_map
    ) as reader:
        return [(frame, reader.clip) for frame in islice(reader, 1)]


def _places(request: ClipRequest) -> list[Fraction]:
    """The sampled times in seconds from the first frame, half a frame early; 0 for a clip of unknown length."""
    span = request.span
    start = span.start or Fraction(0)
    with open_clip(request.source, fps=request.fps, start=span.start, end=span.end) as reader:
        rate, frames = reader.clip.rate, reader.clip.frames
    if frames is None:
        frames = 0 if span.end is None else floor((span.end - start) * rate)
    return [start + max(Fraction(0), floor(frames * place) - Fraction(1, 2)) / rate for place in PLACES]
