"""Noise and colours that need no photograph: float32, [H, W] or [H, W, 3], in 0..1. Everything is drawn from the generator it is given."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.engine.layers import Plane, as_plane, thrice

# Where hair is on the way from black to white, encoded sRGB: melanin takes blue away first, so hair runs along a line of browns.
HAIR = np.array(
    [
        [0.05, 0.04, 0.04],
        [0.13, 0.09, 0.07],
        [0.28, 0.18, 0.12],
        [0.46, 0.30, 0.19],
        [0.68, 0.50, 0.32],
        [0.84, 0.72, 0.53],
        [0.93, 0.90, 0.85],
    ]
)
REDDISH = np.array([0.14, -0.02, -0.06])


def noise(rng: Generator, size: int, *, cells: float, octaves: int = 4, roughness: float = 0.5) -> Plane:
    """Smooth random hills [size, size], from 0 to 1, about `cells` of them along a side, and smaller ones on them: each octave has hills
    half as wide and `roughness` times as high."""
    hills, none = np.zeros((size, size), np.float32), np.zeros((0, 0), np.float32)
    for octave in range(octaves):
        count = cells * 2**octave
        if count > size / 2:
            break
        grid = rng.random((int(np.ceil(count)) + 4,) * 2, dtype=np.float32)
        down, across = (_spline(start + np.arange(size) * (count / size), len(grid)) for start in rng.uniform(1, 2, 2))
        # OpenCV's product, since numpy's would start threads in every process.
        hills += cv2.gemm(cv2.gemm(down, grid, roughness**octave, none, 0), across, 1, none, 0, flags=cv2.GEMM_2_T)
    return (hills - hills.min()) / max(float(np.ptp(hills)), 1e-6)


def _spline(places: NDArray[np.float64], count: int) -> Plane:
    """How much each of `count` knots weighs at places [N] on a cubic B-spline, [N, count]."""
    before = np.floor(places).astype(int)
    share = places - before
    weights = np.zeros((len(places), count), np.float32)
    rows = np.arange(len(places))
    weights[rows, before - 1] = (1 - share) ** 3 / 6
    weights[rows, before] = 2 / 3 - share**2 * (1 - share / 2)
    weights[rows, before + 1] = 2 / 3 - (1 - share) ** 2 * (1 + share) / 2
    weights[rows, before + 2] = share**3 / 6
    return weights


def ramp(rng: Generator, size: int) -> Plane:
    """A straight slope [size, size] from 0 to 1 in a random direction."""
    angle, across = rng.uniform(0, 2 * np.pi), np.linspace(-1, 1, size, dtype=np.float32)
    slope = np.cos(angle) * across[None] + np.sin(angle) * across[:, None]
    return ((slope - slope.min()) / np.ptp(slope)).astype(np.float32)


def colour(rng: Generator) -> Plane:
    """A colour (3 values), rarely a loud one: saturations of photographs are mostly low."""
    grey, hue = rng.uniform(0.05, 0.95), rng.uniform(-1, 1, 3)
    return np.clip(grey + rng.beta(1.2, 4) * 0.55 * (hue - hue.mean()), 0.01, 0.99).astype(np.float32)


def hair_colour(rng: Generator) -> Plane:
    """The colour of somebody's hair (3 values): black to white by way of browns, sometimes red, rarely dyed."""
    if rng.random() < 0.08:
        return colour(rng)
    place = rng.uniform(0, len(HAIR) - 1)
    natural = np.array([np.interp(place, range(len(HAIR)), HAIR[:, channel]) for channel in range(3)])
    return np.clip(natural + rng.beta(1, 4) * REDDISH, 0.01, 0.99).astype(np.float32)


def blend(one: Plane, other: Plane, share: Plane) -> Plane:
    """Two colours (3 values or [H, W, 3]) mixed by a share [H, W]: [H, W, 3]."""
    share = thrice(share)
    return one * (1 - share) + other * share


def painted(rng: Generator, size: int) -> Plane:
    """A surface without a photograph [size, size, 3]: a few colours in a slope and in patches, some grain."""
    surface = blend(colour(rng), colour(rng), ramp(rng, size))
    for _ in range(rng.integers(0, 3)):
        edge = rng.uniform(0.02, 0.5)
        patches = np.clip((noise(rng, size, cells=rng.uniform(1, 12)) - 0.5) / edge + 0.5, 0, 1)
        surface = blend(surface, colour(rng), patches)
    grain = noise(rng, size, cells=size / 4, octaves=2) - 0.5
    return np.clip(surface + rng.uniform(0, 0.15) * thrice(grain), 0, 1)


def streaks(rng: Generator, angles: Plane, *, length: float) -> Plane:
    """Noise drawn out along a field of directions [H, W], in radians, as hair lies on a head: [H, W], average 0.5, deviation about 0.2.

    A line integral convolution (Cabral and Leedom 1993) of `length` pixels, by doubling: lines twice as long are two lines end to end.
    """
    grain = rng.random(angles.shape, dtype=np.float32)
    grain += 1.5 * cv2.GaussianBlur(rng.random(angles.shape, dtype=np.float32), (0, 0), 1.5)
    rows, columns = np.indices(angles.shape, np.float32)
    step = as_plane(np.dstack((np.cos(angles), np.sin(angles))))
    for _ in range(max(1, round(np.log2(length)))):
        onto = step[..., 0] + columns, step[..., 1] + rows
        grain = as_plane(grain + cv2.remap(grain, *onto, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)) / np.float32(2)
        step = as_plane(step + cv2.remap(step, *onto, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    return as_plane(np.clip(0.5 + 0.2 * (grain - grain.mean()) / max(float(grain.std()), 1e-6), 0, 1))


def dress(rng: Generator, texture: Plane) -> Plane:
    """What a made-up shape wears [H, W, 3]: the texture, sharp or blurred, or colours that are made up like the shape."""
    size = len(texture)
    way = rng.choice(("sharp", "blurred", "made up"), p=(0.3, 0.3, 0.4))
    if way == "made up":
        return painted(rng, size)
    side = max(3, size // int(rng.integers(6, 40)))
    return texture if way == "sharp" else as_plane(cv2.blur(texture, (side, side)))
