"""A clean plate from a clip in which the subject moves: the most frequent colour of each pixel.

The median of a pixel's samples is the background where most samples are near it. Elsewhere the background was covered most of the time,
and the sample with the most others near it is taken (the densest window, a mode as in mean shift: Comaniciu and Meer, PAMI 2002), because
a background keeps its colour and moving things do not. The result is the mean of the samples near that one, with less noise than a frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError

Pixels = NDArray[np.unsignedinteger[Any]]
Mask = NDArray[np.bool_]

# Values (frames x rows x columns x channels) that are processed at a time.
STRIP_VALUES = 8_000_000
# Samples are near each other when no channel differs by more than this many times the clip's noise, or this share of full intensity.
NEAR_NOISE, NEAR_AT_LEAST = 3.0, 6 / 255
# A pixel that shows its colour in a smaller share of the frames is unsettled.
SETTLED = 0.3
# Noise is measured on every sixteenth row.
NOISE_ROWS = 16


@dataclass(frozen=True, eq=False)
class MedianPlate:
    """A plate [H, W, 3] of the frames' dtype; unsettled: the share of pixels without a colour in three frames of ten, which are guesses."""

    pixels: Pixels
    unsettled: float


def median_plate(frames: Sequence[Pixels], shown: Sequence[Mask] | None = None) -> MedianPlate:
    """The background of frames of one scene: uint8 or uint16 [H, W, 3], all of one size, position and exposure.

    shown: where each frame shows the scene at all, bool [H, W] each; None for everywhere. A pixel that no frame shows takes the first
    frame's value and counts as unsettled. Memory: the frames, and some strips of them.

    A pixel may be covered in up to seven frames of ten if what covers it changes. A subject that stands still for most of the clip becomes
    part of the plate. Raises InputError when no frame is given.
    """
    if not frames:
        raise InputError("a plate needs at least one frame; give a clip that has some")
    reach = _reach(np.stack([frame[::NOISE_ROWS] for frame in frames]))
    height, width = frames[0].shape[:2]
    plate, share = np.empty_like(frames[0]), np.empty((height, width), np.float32)
    rows = max(1, STRIP_VALUES // (len(frames) * width * 3))
    for top in range(0, height, rows):
        strip = slice(top, top + rows)
        samples = np.stack([frame[strip] for frame in frames])
        there = np.ones(samples.shape[:3], bool) if shown is None else np.stack([mask[strip] for mask in shown])
        plate[strip], share[strip] = _settle(samples, there, reach)
    return MedianPlate(plate, float(np.mean(share < SETTLED)))


def _reach(samples: Pixels) -> int:
    """The largest difference, in levels, of two samples [N, h, W, 3] of one background, from the deviation of most pixels."""
    deviations = np.abs(samples - np.median(samples, axis=0))
    noise = 1.4826 * float(np.median(np.median(deviations, axis=0)))
    return round(max(NEAR_AT_LEAST * float(np.iinfo(samples.dtype).max), NEAR_NOISE * noise))


def _settle(samples: Pixels, there: Mask, reach: int) -> tuple[Pixels, NDArray[np.float32]]:
    """The background [h, W, 3] of samples [N, h, W, 3] that are present, `there` [N, h, W], and the share of those near it."""
    middle = (len(samples) - 1) // 2
    near = there & _near(samples, np.partition(samples, middle, axis=0)[middle], reach)
    counts = there.sum(axis=0)
    torn = 2 * near.sum(axis=0) <= counts
    near[:, torn] = _densest(samples[:, torn], there[:, torn], reach)
    votes = near.sum(axis=0)
    total = np.sum(samples * near[..., None], axis=0, dtype=np.uint64)
    mean = (total / np.maximum(votes, 1)[..., None] + 0.5).astype(samples.dtype)
    return np.where(votes[..., None] > 0, mean, samples[0]), (votes / np.maximum(counts, 1)).astype(np.float32)


def _densest(samples: Pixels, there: Mask, reach: int) -> Mask:
    """For samples [N, P, 3], the largest group of those near one sample: bool [N, P]."""
    group, size = np.zeros(there.shape, bool), np.zeros(there.shape[1:], np.int64)
    for middle, present in zip(samples, there, strict=True):
        near = there & present & _near(samples, middle, reach)
        votes = near.sum(axis=0)
        larger = votes > size
        group[:, larger], size[larger] = near[:, larger], votes[larger]
    return group


def _near(samples: Pixels, middle: Pixels, reach: int) -> Mask:
    """Which samples [N, ..., 3] are within reach of a colour [..., 3] in every channel: bool [N, ...]."""
    near = np.maximum(samples, middle) - np.minimum(samples, middle) <= reach
    return np.asarray(near[..., 0] & near[..., 1] & near[..., 2])
