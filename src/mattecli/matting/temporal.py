"""Steady mattes: take the flicker out of a video's per-frame alphas, without lag and without ghosts.

A model that looks at one frame at a time decides a doubtful pixel now so, now so. Here the two neighbours of a frame are brought
onto it by optical flow (Kroeger, Timofte, Dai and Van Gool, "Fast Optical Flow using Dense Inverse Search", ECCV 2016). Where the
picture they bring is the picture that is there, the matte becomes the median of the three. Where it is not, because something was
uncovered or moved too fast to be followed, the matte stays as it is: a doubt never draws a trail.

That a frame which disagrees with both of its neighbours is wrong is also what MODNet's one-frame delay takes for granted (Ke et
al., arXiv 2011.11961); there the neighbours' mean replaces it, and nothing is brought along with the motion. The median is better
than means in two ways: an edge that flow misplaced between its neighbours still has its true value in the middle, and a blob that
is there for a single frame leaves nothing behind.

All of this happens on a reduced picture. What is enlarged and added to the full matte is only the correction, so hair keeps the
sharpness that the model gave it, and the cost hardly grows with the resolution.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.matting.scene_cuts import is_cut

T = TypeVar("T")
Alpha = NDArray[np.float32]
Bytes = NDArray[np.uint8]

# The longer side of the reduced picture. Twice as much leaves about a tenth less flicker and costs four times as much.
LONGER_SIDE = 480
# Pictures are compared after this blur, in pixels of the reduced picture: noise and small errors of flow are now brighter, now
# darker, and cancel out, while something else that is there is all to one side.
COMPARISON_BLUR = 1.5
# A neighbour is believed fully where its colours differ less than by the first, not at all beyond the second, in levels of 255.
SAME, DIFFERENT = 3.0, 9.0
# Flow is off by about this many pixels of the reduced picture; without tolerance the median of sparse hair would be no hair.
SOFTNESS = 1.5
# Where the median is plainly foreground or background it replaces the matte, lest a sharp blob leave its outline behind. PLAIN is
# so low that one hair within a reduced pixel is not plain; around changes from VISIBLE on it replaces the matte fully.
PLAIN, VISIBLE = 0.02, 0.05
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
    return Moment(alpha, _reduced(frame), _reduced(alpha))


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
            steady = smooth(before, current, after if same_scene else None)
            yield steady.alpha, thing
            before = steady if same_scene else None
        now = after, carried
    if now is not None:
        yield now[0].alpha, now[1]


def smooth(before: Moment | None, now: Moment, after: Moment | None) -> Moment:
    """The moment `now` with a matte that does not flicker; all three are of one size.

    Give as `before` what this function made of the frame before: a matte that swings to and fro is then held, where the median of
    three unsmoothed ones would only swing the other way. Two witnesses are needed to overrule a matte: without the frame before
    or the one after, `now` itself is returned.
    """
    if before is None or after is None:
        return now
    (first, first_trust), (second, second_trust) = _seen_from(now, before), _seen_from(now, after)
    trust = np.minimum(first_trust, second_trust)
    median, soft = _median(first, now.reduced, second), _soft(now.reduced)
    change = trust * (_median(_soft(first), soft, _soft(second)) - soft)
    correction = np.clip(change, np.minimum(median - now.reduced, 0), np.maximum(median - now.reduced, 0))
    kept = 1 - trust * _plain(median) * np.clip(_highest(np.abs(change)) / VISIBLE, 0, 1)
    added = kept * correction + (1 - kept) * median
    alpha = now.alpha * _enlarged(kept, now.alpha.shape) + _enlarged(added, now.alpha.shape)
    return Moment(np.clip(alpha, 0, 1), now.colours, now.reduced * kept + added)


def _soft(alpha: Alpha) -> Alpha:
    """A matte in which hair that flow brought to a place slightly beside its own still covers it."""
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), SOFTNESS), np.float32)


def _plain(alpha: Alpha) -> Alpha:
    """1 where a pixel and all around it are foreground or all are background, but for PLAIN; 0 where they are off by twice that."""
    off = np.minimum(_highest(alpha), _highest(1 - alpha))
    return np.asarray(np.clip(2 - off / PLAIN, 0, 1), np.float32)


def _highest(plane: Alpha) -> Alpha:
    """The highest of the nine values at and around each pixel."""
    return np.asarray(cv2.dilate(plane, np.ones((3, 3), np.uint8)), np.float32)


def _reduced(plane: NDArray[Any]) -> NDArray[Any]:
    scale = LONGER_SIDE / max(plane.shape[:2])
    size = [max(1, round(side * scale)) for side in plane.shape[1::-1]]
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA) if scale < 1 else plane


def _enlarged(plane: Alpha, size: tuple[int, ...]) -> Alpha:
    return np.asarray(cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _seen_from(now: Moment, other: Moment) -> tuple[Alpha, Alpha]:
    """The other moment's matte brought to where things are now, and how far each pixel of it is to be believed, both [h, w]."""
    flow = _flow(now.colours, other.colours)
    rows, columns = (np.arange(side, dtype=np.float32) for side in now.reduced.shape)
    across, down = flow[..., 0] + columns, flow[..., 1] + rows[:, None]
    colours, alpha = (
        cv2.remap(plane, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for plane in (other.colours, other.reduced)
    )
    return np.asarray(alpha, np.float32), _trust(np.subtract(now.colours, colours, dtype=np.float32))


def _trust(difference: NDArray[np.float32]) -> Alpha:
    """How surely two pictures, whose difference is [h, w, 3], show the same thing at a pixel: [h, w], 0..1."""
    red, green, blue = cv2.split(np.abs(cv2.GaussianBlur(difference, (0, 0), COMPARISON_BLUR)))
    largest = np.maximum(np.maximum(red, green), blue).astype(np.float32)
    return np.clip((DIFFERENT - largest) / (DIFFERENT - SAME), 0, 1)


def _flow(now: Bytes, other: Bytes) -> NDArray[np.float32]:
    """From each pixel of now to its place in the other picture, float32 [h, w, 2] as x, y; none in pictures too small for it."""
    flow = np.zeros((*now.shape[:2], 2), np.float32)
    if min(now.shape[:2]) < SMALLEST_FOR_FLOW:
        return flow
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    # One level finer and without the variational step: as good here as the medium preset, at a third of its cost.
    search.setFinestScale(1)
    search.setVariationalRefinementIterations(0)
    grey, other_grey = cv2.cvtColor(now, cv2.COLOR_RGB2GRAY), cv2.cvtColor(other, cv2.COLOR_RGB2GRAY)
    return np.asarray(search.calc(grey, other_grey, flow), np.float32)


def _median(one: Alpha, two: Alpha, three: Alpha) -> Alpha:
    return np.asarray(np.maximum(np.minimum(one, two), np.minimum(np.maximum(one, two), three)), np.float32)
