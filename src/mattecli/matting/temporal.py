"""Steady mattes: take the flicker out of a video's per-frame alphas, without lag and without ghosts.

A model that looks at one frame at a time decides a doubtful pixel now so, now so. The two neighbouring frames are brought onto the
frame between them by optical flow (Kroeger, Timofte, Dai and Van Gool, "Fast Optical Flow using Dense Inverse Search", ECCV 2016),
and where the picture they bring is the picture that is there, the matte becomes the median of the three. Where it is not, because
something was uncovered or moved too fast to be followed, the matte stays as it is: a doubt never draws a trail.

That one frame which disagrees with both of its neighbours is wrong is what MODNet's one-frame delay takes for granted (Ke et al.,
arXiv 2011.11961, section 3.4); there the neighbours' mean replaces it, without motion. The median has three merits over means: an
edge that passes by in one direction has, at each pixel, its true value in the middle; a blob that is there for a single frame
leaves nothing behind; and nothing is ever made up that no frame holds.

All of this happens on a reduced picture. What is enlarged and added to the full matte is only the correction, so hair keeps the
sharpness that the model gave it, and the cost hardly grows with the resolution.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.matting.cuts import is_cut

T = TypeVar("T")
Alpha = NDArray[np.float32]
Bytes = NDArray[np.uint8]

# The longer side of the reduced picture; corrections are as sharp as this allows, and twice as much changes no number by a tenth.
LONGER_SIDE = 480
# Against sensor noise and block edges, in pixels of the reduced picture.
NOISE_BLUR = 0.64
# A neighbour is believed fully when its colours are within the first, not at all beyond the second, in levels of 255.
SAME, DIFFERENT = 8.0, 24.0
# Where flow is off by a fraction of a pixel, hair gets corrections of both signs side by side, and flicker of one: pixels.
CORRECTION_BLUR = 1.0
SMALLEST_FOR_FLOW = 16


@dataclass(frozen=True)
class Moment:
    """What smoothing has to know of one frame of a video: made by `moment`, never changed."""

    alpha: Alpha
    """The frame's own matte, float32 [H, W], 0..1."""
    colours: Bytes
    """The reduced frame, uint8 [h, w, 3] RGB."""
    reduced: Alpha
    """The reduced matte, float32 [h, w]."""


def moment(frame: Bytes, alpha: Alpha) -> Moment:
    """Take from a frame, uint8 [H, W, 3] RGB, and its matte, float32 [H, W] in 0..1, what `smooth` needs."""
    return Moment(alpha, np.asarray(cv2.GaussianBlur(_reduced(frame), (0, 0), NOISE_BLUR), np.uint8), _reduced(alpha))


def smoothed(items: Iterable[tuple[Bytes, Alpha, T]]) -> Iterator[tuple[Alpha, T]]:
    """Smooth a video's mattes: (frame, matte, anything) in, (smoothed matte, the same thing) out, as many and in the same order.

    Frames are uint8 [H, W, 3] RGB, mattes float32 [H, W] in 0..1. An item comes out once the next one has gone in; no more than
    three frames' moments are held. Nothing reaches across a scene cut or a change of size, and the frames beside them, like the
    first and the last, come out with the matte they had.
    """
    before: Moment | None = None
    now: tuple[Moment, T] | None = None
    for frame, alpha, carried in items:
        after = moment(frame, alpha)
        if now is not None:
            current, thing = now
            same_scene = current.alpha.shape == alpha.shape and not is_cut(current.colours, after.colours)
            yield smooth(before, current, after if same_scene else None), thing
            before = current if same_scene else None
        now = after, carried
    if now is not None:
        yield smooth(before, now[0], None), now[1]


def smooth(before: Moment | None, now: Moment, after: Moment | None) -> Alpha:
    """The matte of `now` without flicker, float32 [H, W] in 0..1; all three are of one size.

    Two witnesses are needed to overrule a matte: without the frame before or the one after, `now.alpha` itself is returned.
    """
    if before is None or after is None:
        return now.alpha
    (first, first_trust), (second, second_trust) = _seen_from(now, before), _seen_from(now, after)
    change = _median(first, now.reduced, second) - now.reduced
    trusted = cv2.GaussianBlur(np.minimum(first_trust, second_trust) * change, (0, 0), CORRECTION_BLUR)
    correction = np.clip(trusted, np.minimum(change, 0), np.maximum(change, 0))
    enlarged = cv2.resize(correction, now.alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(now.alpha + enlarged, 0, 1), np.float32)


def _reduced(plane: NDArray) -> NDArray:
    scale = LONGER_SIDE / max(plane.shape[:2])
    size = [max(1, round(side * scale)) for side in plane.shape[1::-1]]
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA) if scale < 1 else plane


def _seen_from(now: Moment, other: Moment) -> tuple[Alpha, Alpha]:
    """The other moment's matte brought to where things are now, and how far each pixel of it is to be believed, both [h, w]."""
    places = _flow(now.colours, other.colours) + np.dstack(np.meshgrid(*(np.arange(side) for side in now.reduced.shape[::-1])))
    colours, alpha = (
        cv2.remap(plane, places.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for plane in (other.colours, other.reduced)
    )
    red, green, blue = cv2.split(cv2.absdiff(now.colours, np.asarray(colours, np.uint8)))
    difference = np.maximum(np.maximum(red, green), blue).astype(np.float32)
    return np.asarray(alpha, np.float32), np.clip((DIFFERENT - difference) / (DIFFERENT - SAME), 0, 1)


def _flow(now: Bytes, other: Bytes) -> NDArray[np.float32]:
    """From each pixel of now to its place in the other picture, float32 [h, w, 2] as x, y; none in pictures too small for it."""
    if min(now.shape[:2]) < SMALLEST_FOR_FLOW:
        return np.zeros((*now.shape[:2], 2), np.float32)
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    # One level finer and without the variational step: as good here as the medium preset, at a third of its cost.
    search.setFinestScale(1)
    search.setVariationalRefinementIterations(0)
    now, other = (np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8) for picture in (now, other))
    return np.asarray(search.calc(now, other, None), np.float32)


def _median(one: Alpha, two: Alpha, three: Alpha) -> Alpha:
    return np.asarray(np.maximum(np.minimum(one, two), np.minimum(np.maximum(one, two), three)), np.float32)
