"""A subject that was drawn in one frame of a clip, found in the frames after it.

Works in a small copy of the frames. Where the subject is in the next frame follows from optical flow (Kroeger et al., "Fast Optical Flow
using Dense Inverse Search", ECCV 2016): from the frame before, and from the first one, whose flow begins with the sum of all flows so far
and is then measured anew, so that errors do not add up; each pixel goes by the one whose colours match better. A trimap model finds the
outline anew in a band around that, and its matte is what the next frame begins with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.matting.levels import to_uint8
from mattecli.matting.scene_cuts import is_cut
from mattecli.matting.tracking.small_frames import flow_between, reduced, warped
from mattecli.matting.trimap import BACKGROUND, FOREGROUND, UNKNOWN, trimap_from_mask

Alpha = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Levels = NDArray[np.unsignedinteger[Any]]
SmallMatte = Callable[[Bytes, Bytes], Alpha]
"""Makes the matte float32 [h, w] of a picture, uint8 [h, w, 3] RGB, and its trimap, uint8 [h, w]."""

SIDE, LEAST = 320, 16
"""Pixels of the longer side of the small copy, and what each has at least."""
BAND = 0.05
"""How far the band reaches to either side of the outline, as a share of the subject's scale, the root of its area."""
STEEPER = 3.0
"""By how much the edge of a matte that was brought along is made steeper; else it would grow softer from frame to frame."""
SOFTEST = 0.05
PREFERENCE = 4.0
"""Levels of 255 by which one match must be better than the other to be taken nearly alone."""
SMALLEST, LARGEST = 0.25, 3.0
"""What the subject's area may become, in shares of the first."""
STRANGE = 0.3
"""The share of the subject, beyond that in the first frame, whose colours were the background's there, from which on it has drifted."""
BINS = 8


@dataclass(frozen=True)
class Followed:
    """mask: the subject in a frame, uint8 [H, W], soft. lost: why it is not known, or "". doubt: why it may be wrong, or ""."""

    mask: Bytes
    lost: str = ""
    doubt: str = ""


class FollowedSubject:
    """Called with a clip's frames in order, from the one that the guide was drawn for: where the subject is in each.

    guide: a mask or trimap [H, W], uint8 or uint16, of the frames' size. In the first frame it is what the guide says. Where the scene
    changes, or nothing is left of the subject, it is lost from there on.
    """

    def __init__(self, guide: Levels, matte: SmallMatte) -> None:
        self._size, self._matte = guide.shape, matte
        self._guide = to_uint8(guide)
        self._lost = ""
        self._before: _State | None = None

    def __call__(self, pixels: Levels) -> Followed:
        now = reduced(to_uint8(pixels), SIDE, least=LEAST)
        if self._before is None:
            self._begin(now)
            return Followed(self._guide)
        if not self._lost and is_cut(self._before.colours, now):
            self._lost = "the scene changes, and a subject is not followed into another one"
        if self._lost:
            return Followed(np.zeros(self._size, np.uint8), lost=self._lost)
        state = self._found(now, self._before)
        share = float(state.alpha.mean()) / self._area
        if share < SMALLEST * 0.1:
            self._lost = "nothing is left of the subject"
            return Followed(np.zeros(self._size, np.uint8), lost=self._lost)
        self._before = state
        return Followed(_enlarged(state.alpha, self._size), doubt=self._doubt(state, share))

    def _begin(self, now: Bytes) -> None:
        trimap = self._guide if _is_trimap(self._guide) else trimap_from_mask(self._guide)
        alpha = self._matte(now, _small_trimap(trimap, now.shape[:2]))
        self._before = self._first = _State(now, alpha, np.zeros((*now.shape[:2], 2), np.float32))
        self._area = max(1e-6, float(alpha.mean()))
        self._foreign = _foreign_colours(now, alpha)
        self._strange = self._strangeness(self._first)

    def _found(self, now: Bytes, before: _State) -> _State:
        """The frame with its matte and its flow to the first one."""
        step = flow_between(now, before.colours)
        whole = flow_between(now, self._first.colours, begin=step + warped(before.to_first, step))
        recent, original = (_mismatch(now, warped(state.colours, flow)) for state, flow in ((before, step), (self._first, whole)))
        trust = 1 / (1 + np.exp(np.clip((original - recent) / PREFERENCE, -30, 30)))
        brought = trust * warped(self._first.alpha, whole) + (1 - trust) * warped(before.alpha, step)
        trimap = _band_around(np.clip((brought - 0.5) * STEEPER + 0.5, 0, 1))
        return _State(now, self._matte(now, trimap), whole)

    def _doubt(self, state: _State, share: float) -> str:
        if not SMALLEST < share < LARGEST:
            return f"the subject that is followed has become {share:.1f} times as large; check that it is still the one"
        if self._strangeness(state) - self._strange > STRANGE:
            return "what is followed has the colours of the first frame's background; give a mask for each frame, or cut the clip there"
        return ""

    def _strangeness(self, state: _State) -> float:
        """The share of a frame's subject whose colours were the background's in the first frame."""
        inside = state.alpha > 0.5
        return float(self._foreign[_bins(state.colours)][inside].mean()) if inside.any() else 1.0


@dataclass(frozen=True)
class _State:
    """A small frame, uint8 [h, w, 3], its matte and, for each pixel, the way to its place in the first frame, float32 [h, w, 2]."""

    colours: Bytes
    alpha: Alpha
    to_first: NDArray[np.float32]


def _small_trimap(trimap: Bytes, size: tuple[int, ...]) -> Bytes:
    """Reduced; only what was wholly known stays known."""
    mean = cv2.resize(trimap, size[::-1], interpolation=cv2.INTER_AREA)
    return np.where((mean == BACKGROUND) | (mean == FOREGROUND), mean, UNKNOWN).astype(np.uint8)


def _enlarged(alpha: Alpha, size: tuple[int, ...]) -> Bytes:
    return np.asarray(np.rint(cv2.resize(alpha, size[::-1], interpolation=cv2.INTER_LINEAR).clip(0, 1) * 255), np.uint8)


def _is_trimap(levels: Bytes) -> bool:
    return set(np.unique(levels)) == {BACKGROUND, UNKNOWN, FOREGROUND}


def _band_around(alpha: Alpha) -> Bytes:
    """The trimap whose unknown band surrounds the outline of a matte."""
    reach = max(1, round(BAND * float(np.sqrt(np.count_nonzero(alpha > 0.5)))))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    least, most = cv2.erode(alpha, disc), cv2.dilate(alpha, disc)
    return np.where(least > 1 - SOFTEST, FOREGROUND, np.where(most < SOFTEST, BACKGROUND, UNKNOWN)).astype(np.uint8)


def _mismatch(one: Bytes, other: Bytes) -> Alpha:
    """How far two pictures differ around each pixel, in levels of 255, [h, w]."""
    difference = cv2.GaussianBlur(np.subtract(one, other, dtype=np.float32), (0, 0), 1.5)
    return np.asarray(np.abs(difference).max(axis=2), np.float32)


def _bins(colours: Bytes) -> tuple[NDArray[np.intp], ...]:
    return tuple((colours // (256 // BINS)).astype(np.intp).transpose(2, 0, 1))


def _foreign_colours(colours: Bytes, alpha: Alpha) -> NDArray[np.bool_]:
    """The colours, in BINS a channel, that the background has at least four times as often as the subject, for their areas."""
    counts = [np.zeros((BINS,) * 3), np.zeros((BINS,) * 3)]
    for count, weight in zip(counts, (alpha, 1 - alpha), strict=True):
        np.add.at(count, _bins(colours), weight / max(1e-6, float(weight.sum())))
    return np.asarray(counts[1] > 4 * counts[0] + 1e-6)
