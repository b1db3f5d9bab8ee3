"""A coarse matte that agrees with those of the frames before it, for models whose verdict on parts of a scene changes from frame to frame.

Each pixel of a small copy has a mean of its own mattes, brought along by optical flow: a plain mean at first, later one in which old mattes
fade slowly. The parts of the picture whose mean is high, and somewhere sure, are the subject, all others are not; far from an outline the
matte is moved to that decision, so that a part of the scene neither comes and goes nor is half there. Where flow does not lead back to the
same colours, because something moved or was uncovered, the frame's own matte counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.matting.parts import parts_holding
from mattecli.matting.scene_cuts import is_cut
from mattecli.matting.temporal import enlarged, trust_of
from mattecli.matting.tracking.small_frames import flow_between, reduced, warped
from mattecli.matting.trimap import distance_to_outline, subject_scale

T = TypeVar("T")
Alpha = NDArray[np.float32]
Bytes = NDArray[np.uint8]

SIDE, LEAST = 320, 16
"""Pixels of the longer side of the small copy, and what each has at least."""
FRAMES = 16.0
"""How many frames the mean goes back."""
SURE, LIKELY, PLAINLY = 0.9, 0.4, 0.1
"""A part is the subject's where the mean exceeds LIKELY everywhere and SURE somewhere. An earlier decision changes only where the mean is
beyond LIKELY by PLAINLY."""
LEAST_SHARE = 0.05
"""Parts with less than this share of the sure pixels of the part with most are no subject."""
SMOOTHNESS = 0.02
"""The blur of the mean before it is decided on, as a share of the subject's scale: decisions are about regions, not pixels."""
PUSH = 0.5
"""By how much a decision moves the matte."""
NEAR, FAR = 0.03, 0.07
"""Decisions count nothing nearer to an outline than the first and fully from the second on, in shares of the subject's scale: hair stays
soft."""


@dataclass(frozen=True)
class _State:
    """A small frame, uint8 [h, w, 3], and planes [h, w]: its mean matte, over how many frames, and what is decided, 0 or 1."""

    colours: Bytes
    mean: Alpha
    age: Alpha
    decided: Alpha


def agreed(items: Iterable[tuple[Bytes, Alpha, T]]) -> Iterator[tuple[Alpha, T]]:
    """The mattes of a video, in agreement: (frame, matte, anything) in, (matte, the same thing) out, one by one.

    Frames are uint8 [H, W, 3] RGB, mattes float32 [H, W] in 0..1. Nothing is brought along across a scene cut or a change of size.
    """
    state: _State | None = None
    size: tuple[int, ...] = ()
    for frame, alpha, carried in items:
        colours, own = (reduced(plane, SIDE, least=LEAST) for plane in (frame, alpha))
        if state is None or size != alpha.shape or is_cut(state.colours, colours):
            state, size = _State(colours, own, np.zeros_like(own), _decided(own, LIKELY)), alpha.shape
        else:
            state = _after(state, colours, own)
        yield np.clip(alpha + enlarged(_settled(state) - own, size), 0, 1), carried


def _after(before: _State, colours: Bytes, own: Alpha) -> _State:
    """The state of the next frame, from its small colours and matte."""
    flow = flow_between(colours, before.colours, quick=True)
    trust = trust_of(np.subtract(colours, warped(before.colours, flow), dtype=np.float32))
    age = trust * np.minimum(warped(before.age, flow) + 1, FRAMES)
    mean = warped(before.mean, flow)
    mean = mean + (own - mean) / (1 + age)
    margin = trust * PLAINLY * np.minimum(1, 2 * age / FRAMES)
    return _State(colours, mean, age, _decided(mean, LIKELY + np.where(warped(before.decided, flow) > 0.5, -margin, margin)))


def _decided(mean: Alpha, likely: Alpha | float) -> Alpha:
    """1 in the parts of the picture that are the subject's, else 0, [h, w]."""
    smooth = cv2.GaussianBlur(mean, (0, 0), max(0.5, SMOOTHNESS * subject_scale(mean > 0.5)))
    sure = smooth >= SURE * float(smooth.max())
    return np.asarray(parts_holding(sure, smooth > likely, least_share=LEAST_SHARE), np.float32)


def _settled(state: _State) -> Alpha:
    """The mean matte, moved towards what is decided where that is not near an outline."""
    solid = state.decided > 0.5
    if not solid.any():
        return np.clip(state.mean - PUSH, 0, 1)
    near, far = (share * subject_scale(solid) for share in (NEAR, FAR))
    weight = np.clip((np.minimum(distance_to_outline(solid), far) - near) / (far - near), 0, 1)
    return np.asarray(np.clip(state.mean + weight * PUSH * (2 * state.decided - 1), 0, 1), np.float32)
