"""Backgrounds, and the same background photographed once more without the subject: encoded sRGB, float32 [H, W, 3] in 0..1."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from training.engine.layers import Plane, thrice
from training.engine.photography import disc


def cropped(wide: Plane, margin: int) -> Plane:
    """What remains of a background when `margin` pixels are taken off each side."""
    return np.ascontiguousarray(wide[margin:-margin, margin:-margin]) if margin else wide


def moved(wide: Plane, margin: int, shift: tuple[float, float]) -> Plane:
    """The crop of a wide background (see cropped) after the scene has moved by `shift` (x, y) pixels, at most `margin` less two."""
    size = wide.shape[1] - 2 * margin, wide.shape[0] - 2 * margin
    onto = np.array([[1, 0, shift[0] - margin], [0, 1, shift[1] - margin]], float)
    return np.clip(cv2.warpAffine(wide, onto, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), 0, 1)


def shift_and_gain(rng: Generator, *, shift: float, gain: float) -> tuple[tuple[float, float], Plane]:
    """How a second photograph differs: by up to `shift` pixels either way, and by gains (3 values) that differ little from each other."""
    across, down = rng.uniform(-shift, shift, 2)
    gains = 1 + rng.uniform(-gain, gain) + rng.uniform(-gain / 5, gain / 5, 3)
    return (float(across), float(down)), gains.astype(np.float32)


def shaded(rng: Generator, background: Plane, alpha: Plane) -> Plane:
    """The background with a soft shadow of the subject whose alpha is [H, W], to one side of it."""
    size = len(alpha)
    across, down = rng.normal(0, 0.08, 2) * size
    onto = np.array([[1, 0, across], [0, 1, down]])
    shadow = cv2.warpAffine(alpha, onto, (size, size), borderMode=cv2.BORDER_REPLICATE)
    shadow = cv2.GaussianBlur(shadow, (0, 0), size * np.exp(rng.uniform(np.log(0.01), np.log(0.08))))
    return background * thrice(1 - rng.uniform(0.1, 0.6) * shadow)


def softened(rng: Generator, wide: Plane) -> Plane:
    """A background out of focus, from hardly to beyond recognition; bright lamps become discs."""
    radius = len(wide) * np.exp(rng.uniform(np.log(0.003), np.log(0.05)))
    step = max(1, int(radius / 4))
    light = cv2.resize(wide, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA).clip(0, 1) ** 2.2
    blurred = cv2.filter2D(light, -1, disc(radius / step), borderType=cv2.BORDER_REFLECT).clip(0, 1) ** (1 / 2.2)
    return np.clip(cv2.resize(blurred, wide.shape[1::-1], interpolation=cv2.INTER_CUBIC), 0, 1).astype(np.float32)
