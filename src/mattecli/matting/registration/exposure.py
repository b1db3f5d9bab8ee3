"""The exposure between two pictures of one scene, a gain and a bias for each channel, and their colour difference.

Pictures are float32 [h, w, 3], encoded RGB in 0..1. A change of exposure is very nearly a gain in encoded values (a power of a
product is a product of powers); the bias stands for flare and for what a camera's curve does in its darkest part.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]

# Two takes of a scene differ by about a stop at most, equally in all channels apart from the white balance.
LARGEST_GAIN, LARGEST_TINT, LARGEST_BIAS = 2.0, 1.5, 0.08
# Values this near to black or white are unreliable: noise and clipping.
DARKEST, BRIGHTEST = 0.04, 0.96
# A pixel shows the scene in both pictures when no channel differs by more than this after the most frequent gain.
SAME = 0.06
FEWEST_PIXELS = 100
# Every second pixel in each direction is enough.
THINNED = 2
# Regularisation of the bias towards 0, as a variance of the plate's values: on a plain wall bias and gain are ambiguous.
BIAS_HOLD = 5e-3


@dataclass(frozen=True)
class Exposure:
    """picture = gains * plate + bias, channel by channel, in encoded values of 0..1."""

    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __call__(self, plate: Picture) -> Picture:
        """The plate with the other picture's exposure."""
        return np.clip(plate * np.array(self.gains, np.float32) + np.array(self.bias, np.float32), 0, 1)

    def inverse(self) -> Exposure:
        """The exposure from the other picture to the plate."""
        (r, g, b), (x, y, z) = self.gains, self.bias
        return Exposure((1 / r, 1 / g, 1 / b), (-x / r, -y / g, -z / b))

    def differs_from(self, other: Exposure) -> float:
        """The largest difference between two exposures of a dark, middle or bright value."""
        tones = np.array([[0.1], [0.5], [0.9]])
        ours, theirs = (tones * np.array(exposure.gains) + np.array(exposure.bias) for exposure in (self, other))
        return float(np.abs(ours - theirs).max())


NEUTRAL = Exposure()


def match_exposure(picture: Picture, plate: Picture, shown: NDArray[np.bool_]) -> Exposure | None:
    """The exposure from the plate to the picture, fitted where `shown` ([h, w]) and not covered by the subject.

    None when the two differ by more than an exposure, so that they show different scenes.
    """
    thinned = (slice(None, None, THINNED), slice(None, None, THINNED))
    picture, plate, shown = picture[thinned], plate[thinned], shown[thinned]
    rough = np.array([_most_frequent_gain(picture[..., c][shown], plate[..., c][shown]) for c in range(3)], np.float32)
    same = shown & (np.abs(picture - plate * rough).max(axis=2) < SAME)
    if np.count_nonzero(same) < FEWEST_PIXELS:
        return None
    gains, bias = zip(*(_line(plate[..., c][same], picture[..., c][same], float(rough[c])) for c in range(3)), strict=True)
    exposure = Exposure(tuple(gains), tuple(bias))
    return exposure if _is_sane(exposure) else None


def lab(picture: Picture) -> Picture:
    """CIE Lab, [h, w, 3], of encoded RGB in 0..1."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB), np.float32)


def lab_distance(first: Picture, second: Picture) -> NDArray[np.float32]:
    """The difference of two pictures at each pixel, [h, w], in CIE Lab units."""
    return np.asarray(np.linalg.norm(lab(first) - lab(second), axis=2), np.float32)


def _most_frequent_gain(picture: Picture, plate: Picture) -> float:
    """The most frequent ratio of two channels, which is that of the visible background; 1 with too few values."""
    usable = (plate > 2 * DARKEST) & (plate < BRIGHTEST) & (picture > DARKEST) & (picture < BRIGHTEST)
    ratios = np.log(picture[usable] / plate[usable])
    return float(np.exp(_mode(ratios, span=float(np.log(LARGEST_GAIN))))) if ratios.size > FEWEST_PIXELS else 1.0


def _mode(values: Picture, *, span: float) -> float:
    """The most frequent value between -span and span, from a smoothed histogram."""
    counts, edges = np.histogram(values, bins=280, range=(-span, span))
    smooth = np.convolve(counts, np.hanning(11), mode="same")
    peak = (edges[:-1] + edges[1:])[int(smooth.argmax())] / 2
    near = values[np.abs(values - peak) < 0.04]
    return float(np.median(near)) if near.size else 0.0


def _line(plate: Picture, picture: Picture, gain: float) -> tuple[float, float]:
    """(gain, bias) of the line through most pairs of values: least squares, reweighted by Tukey's biweight."""
    bias = 0.0
    for _ in range(4):
        error = picture - gain * plate - bias
        reach = max(0.01, 4.685 * 1.4826 * float(np.median(np.abs(error))))
        weight = np.square(np.maximum(1 - np.square(error / reach), 0)) * ((picture > 0.02) & (picture < 0.98))
        total = float(weight.sum())
        if total < FEWEST_PIXELS / 2:
            return gain, bias
        moments = [float((weight * values).sum()) / total for values in (plate * plate, plate, plate * picture, picture)]
        squares, mean, products, mean_picture = moments
        if squares < DARKEST**2:  # black has no gain
            return gain, bias
        gain, bias = np.linalg.solve([[squares, mean], [mean, 1 + BIAS_HOLD]], [products, mean_picture]).tolist()
    return gain, bias


def _is_sane(exposure: Exposure) -> bool:
    gains, bias = np.array(exposure.gains), np.array(exposure.bias)
    within = gains.min() > 1 / LARGEST_GAIN and gains.max() < LARGEST_GAIN and gains.max() < LARGEST_TINT * gains.min()
    return bool(within and np.abs(bias).max() < LARGEST_BIAS)
