"""A small picture of what a clip will look like: some of its frames beside their alpha and their composite, before the long run."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from mattecli.io.clips import Clip
from mattecli.io.images import write_image
from mattecli.io.video_read import open_clip
from mattecli.matting.sheet import contact_sheet
from mattecli.pipelines.backdrop import plain_backdrop
from mattecli.pipelines.frame_guides import open_plate
from mattecli.pipelines.guides import eight_bit
from mattecli.pipelines.image import Recipe, compose
from mattecli.pipelines.result import Clock
from mattecli.pipelines.take import Take
from mattecli.pipelines.video import Moment, moments

PLACES = (Fraction(1, 10), Fraction(4, 10), Fraction(6, 10), Fraction(9, 10))
LOUD = "#ff00ff"


def write_preview(file: str, take: Take, recipe: Recipe) -> None:
    """Write a contact sheet of four frames spread over the part of the clip that is asked for (of its first frame, if it is short)."""
    pictures: list[NDArray[np.uint8]] = []
    captions: list[str] = []
    shown = recipe if recipe.kind == "composite" else replace(recipe, kind="composite", backdrop=plain_backdrop(LOUD))
    for moment, clip in sampled(take, recipe):
        seconds = float((moment.frame.pts - clip.start) * clip.time_base)
        looks = [compose(moment.matted, one, top=255, seconds=seconds) for one in (replace(recipe, kind="alpha"), shown)]
        pictures += [eight_bit(moment.frame.pixels), np.dstack([looks[0]] * 3).astype(np.uint8), looks[1].astype(np.uint8)]
        captions += [f"{seconds:.2f} s", "alpha", "composite"]
    write_image(contact_sheet(pictures, captions), file)


def sampled(take: Take, recipe: Recipe) -> Iterator[tuple[Moment, Clip]]:
    """A few single frames of a take, matted by themselves."""
    plate = open_plate(take)
    anew = None if plate is None else replace(plate, first=None)  # the places lie too far apart to follow a camera from one to the next
    for start in dict.fromkeys(_places(take)):
        one = replace(take, span=replace(take.span, start=start, every=1), smooth=False, batch=1)
        with open_clip(take.source, fps=take.fps, start=start, end=take.span.end) as reader:
            first = next(moments(iter(reader), reader.clip, one, recipe, anew, Clock()), None)
            if first is not None:
                yield first, reader.clip


def _places(take: Take) -> list[Fraction]:
    """Where to look, in seconds from the clip's first frame; only the beginning where nobody knows how long the clip is."""
    start, end = take.span.start or Fraction(0), take.span.end
    if end is None:
        with open_clip(take.source, fps=take.fps) as reader:
            end = reader.clip.frames / reader.clip.rate if reader.clip.frames else start
    return [start + max(Fraction(0), end - start) * place for place in PLACES]
