"""Temporal smoothing: removes the flicker of a video's per-frame alphas, without lag and without ghosting.

A model that processes frames independently classifies doubtful pixels inconsistently. The two neighbours of a frame are warped onto it by
optical flow (Kroeger, Timofte, Dai and Van Gool, "Fast Optical Flow using Dense Inverse Search", ECCV 2016). Where the warped pictures
match the frame, alpha becomes the median of the three. Where they do not, because of disocclusion or fast motion, alpha is unchanged, so
there are no trails.

MODNet's one-frame delay (Ke et al., arXiv 2011.11961) also assumes that a frame which disagrees with both of its neighbours is wrong; it
replaces alpha by the neighbours' mean, without motion compensation. The median is better in two ways: where flow misplaces an edge, the
middle value is still the right one, and a blob that exists for a single frame disappears entirely.

All of this is done on a reduced picture. Only the correction is enlarged and added to the full matte, so hair keeps its sharpness and the
cost hardly grows with the resolution.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.matting.scene_cuts import is_cut
from mattecli.matting.tracking.small_frames import Flow, flow_between, reduced, warped

T = TypeVar("T")
Alpha = NDArray[np.float32]
Bytes = NDArray[np.uint8]

# The longer side of the reduced picture. Twice as much leaves about a tenth less flicker and costs four times as much.
LONGER_SIDE = 480
# Pictures are compared after this blur, in pixels of the reduced picture: noise and small errors of flow cancel out, differences of
# content do not.
COMPARISON_BLUR = 1.5
# A neighbour's weight is 1 where its colours differ by less than the first, 0 beyond the second, in levels of 255.
SAME, DIFFERENT = 3.0, 9.0
# The usual error of flow, in pixels of the reduced picture; without this tolerance the median would remove sparse hair.
SOFTNESS = 1.5
# Where the median is plainly foreground or background it replaces the matte, so that a sharp blob leaves no outline. PLAIN is so low
# that one hair within a reduced pixel is not plain; around changes from VISIBLE on the matte is replaced fully.
PLAIN, VISIBLE = 0.02, 0.05
SMALLEST_FOR_FLOW = 16
# A matte that differs from the frame before's by more than the first is held, beyond the second fully: then it takes this share of the
# way in each frame. Hair, which varies by less, is not held.
HELD_FROM, HELD_FULLY, FOLLOWED = 0.1, 0.3, 0.25


@dataclass(frozen=True)
class FrameState:
    """What smoothing needs of one frame of a video."""

    alpha: Alpha
    """The frame's own matte, float32 [H, W], 0..1."""
    colours: Bytes
    """The reduced frame, uint8 [h, w, 3] RGB."""
    reduced: Alpha
    """The reduced matte, float32 [h, w]."""


def frame_state(frame: Bytes, alpha: Alpha) -> FrameState:
    """The state of a frame, uint8 [H, W, 3] RGB, and its matte, float32 [H, W] in 0..1, that `smooth` needs."""
    return FrameState(alpha, reduced(frame, LONGER_SIDE), reduced(alpha, LONGER_SIDE))


def smoothed(items: Iterable[tuple[Bytes, Alpha, T]], *, hold: bool = False) -> Iterator[tuple[Alpha, T]]:
    """Smooth a video's mattes: (frame, matte, anything) in, (smoothed matte, the same thing) out, as many and in the same order.

    Frames are uint8 [H, W, 3] RGB, mattes float32 [H, W] in 0..1. An item is yielded after the next one has been read; at most
    three frames are kept. Nothing is smoothed across a scene cut or a change of size: the frames beside them, like the first and the
    last, keep their matte. hold: as `smooth` takes it.
    """
    before: FrameState | None = None
    now: tuple[FrameState, T] | None = None
    for frame, alpha, carried in items:
        after = frame_state(frame, alpha)
        if now is not None:
            current, thing = now
            same_scene = current.alpha.shape == alpha.shape and not is_cut(current.colours, after.colours)
            steady = smooth(before, current, after if same_scene else None, hold=hold)
            yield steady.alpha, thing
            before = steady if same_scene else None
        now = after, carried
    if now is not None:
        yield smooth(before, now[0], None, hold=hold).alpha, now[1]


def smooth(before: FrameState | None, now: FrameState, after: FrameState | None, *, hold: bool = False) -> FrameState:
    """The state `now` with a smoothed matte; all three are of one size.

    hold: where the frame shows what the frame before showed, let a matte that differs by much follow slowly; for models that change their
    mind about parts of a scene for several frames.

    Give as `before` the smoothed state of the frame before: an alternating matte then becomes constant, whereas the median of three
    unsmoothed ones would alternate in the opposite phase. Without `before` or `after`, `now` itself is returned.
    """
    if before is None or (after is None and not hold):
        return now
    first, first_trust = _warped(now, before)
    steady = now if after is None else _without_outliers(now, (first, first_trust), _warped(now, after))
    return _held(steady, first, first_trust) if hold else steady


def _held(now: FrameState, before: Alpha, trust: Alpha) -> FrameState:
    """The state with a matte that follows the warped matte [h, w] of the frame before slowly, where it is trusted and they differ much."""
    gap = np.abs(_soft(before) - _soft(now.reduced))
    gate = trust * np.clip((gap - HELD_FROM) / (HELD_FULLY - HELD_FROM), 0, 1)
    correction = (1 - FOLLOWED) * gate * (before - now.reduced)
    alpha = np.clip(now.alpha + enlarged(correction, now.alpha.shape), 0, 1)
    return FrameState(alpha, now.colours, now.reduced + correction)


def _without_outliers(now: FrameState, before: tuple[Alpha, Alpha], after: tuple[Alpha, Alpha]) -> FrameState:
    """The state with the median of three mattes where the warped neighbours, each with its trust, match the frame."""
    (first, first_trust), (second, second_trust) = before, after
    trust = np.minimum(first_trust, second_trust)
    median, soft = _median(first, now.reduced, second), _soft(now.reduced)
    change = trust * (_median(_soft(first), soft, _soft(second)) - soft)
    correction = np.clip(change, np.minimum(median - now.reduced, 0), np.maximum(median - now.reduced, 0))
    kept = 1 - trust * _plain(median) * np.clip(_highest(np.abs(change)) / VISIBLE, 0, 1)
    added = kept * correction + (1 - kept) * median
    alpha = now.alpha * enlarged(kept, now.alpha.shape) + enlarged(added, now.alpha.shape)
    return FrameState(np.clip(alpha, 0, 1), now.colours, now.reduced * kept + added)


def _soft(alpha: Alpha) -> Alpha:
    """A matte blurred by the usual error of flow, so that hair warped slightly beside its place still covers it."""
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), SOFTNESS), np.float32)


def _plain(alpha: Alpha) -> Alpha:
    """1 where a pixel and its neighbours are all foreground or all background within PLAIN; 0 where they are off by twice that."""
    off = np.minimum(_highest(alpha), _highest(1 - alpha))
    return np.asarray(np.clip(2 - off / PLAIN, 0, 1), np.float32)


def _highest(plane: Alpha) -> Alpha:
    """The highest of the nine values at and around each pixel."""
    return np.asarray(cv2.dilate(plane, np.ones((3, 3), np.uint8)), np.float32)


def enlarged(plane: Alpha, size: tuple[int, ...]) -> Alpha:
    """A plane [h, w] at another size (height, width), bilinear."""
    return np.asarray(cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _warped(now: FrameState, other: FrameState) -> tuple[Alpha, Alpha]:
    """The other frame's reduced matte warped onto this one, and the weight of each of its pixels, both [h, w]."""
    flow = _flow(now.colours, other.colours)
    colours, alpha = (warped(plane, flow) for plane in (other.colours, other.reduced))
    return np.asarray(alpha, np.float32), trust_of(np.subtract(now.colours, colours, dtype=np.float32))


def trust_of(difference: NDArray[np.float32]) -> Alpha:
    """The weight of a pixel from the difference of two pictures, [h, w, 3]: 1 where they match, [h, w] in 0..1."""
    red, green, blue = cv2.split(np.abs(cv2.GaussianBlur(difference, (0, 0), COMPARISON_BLUR)))
    largest = np.maximum(np.maximum(red, green), blue).astype(np.float32)
    return np.clip((DIFFERENT - largest) / (DIFFERENT - SAME), 0, 1)


def _flow(now: Bytes, other: Bytes) -> Flow:
    """The flow from `now` to `other`; 0 in pictures too small for it."""
    if min(now.shape[:2]) < SMALLEST_FOR_FLOW:
        return np.zeros((*now.shape[:2], 2), np.float32)
    return flow_between(now, other, quick=True)


def _median(first: Alpha, second: Alpha, third: Alpha) -> Alpha:
    return np.asarray(np.maximum(np.minimum(first, second), np.minimum(np.maximum(first, second), third)), np.float32)
