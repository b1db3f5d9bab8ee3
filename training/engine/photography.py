"""Simulated camera and file format. All pictures are encoded sRGB, float32 [H, W, 3] in 0..1."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from training.engine.layers import Layer, Plane, as_plane, filtered, mixed
from training.engine.textures import noise

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Tone:
    """One way to develop a photograph: gains of red, green and blue, a power, a contrast around mid-grey, and a saturation."""

    gains: Plane
    power: float
    contrast: float
    saturation: float

    def __call__(self, picture: Plane) -> Plane:
        developed = cv2.pow(np.clip(picture * self.gains, 0, 1), self.power)
        mixing = self.contrast * (self.saturation * np.eye(3) + (1 - self.saturation) * LUMA)
        mixed = cv2.transform(developed, np.hstack((mixing, np.full((3, 1), 0.5 - 0.5 * self.contrast))))
        return np.clip(as_plane(mixed), 0, 1)


def tone(rng: Generator, strength: float) -> Tone:
    """A random tone; a strength of 0 leaves pictures as they are."""
    white, exposure = rng.normal(0, 0.05, 3), rng.normal(0, 0.12)
    power, contrast, saturation = rng.normal(0, (0.15, 0.1, 0.2))
    return Tone(
        np.exp(strength * (white + exposure)).astype(np.float32), *(float(np.exp(strength * one)) for one in (power, contrast, saturation))
    )


def out_of_focus(rng: Generator, layer: Layer) -> Layer:
    """The layer out of focus or moving; half of the time more so on one side than on the other."""
    size = len(layer.alpha)
    kernel = (
        disc(size * np.exp(rng.uniform(np.log(0.002), np.log(0.02))))
        if rng.random() < 0.6
        else streak(rng, size * rng.uniform(0.008, 0.08), rng.uniform(0, 2 * np.pi))
    )
    blurred = filtered(layer, kernel)
    if rng.random() < 0.5:
        return blurred
    return mixed(layer, blurred, np.clip(3 * noise(rng, size, cells=1, octaves=1) - 1, 0, 1))


def lens(rng: Generator) -> Plane:
    """The picture of a point in focus, sum 1: what lens and sensor spread it over is a little less or more than a pixel."""
    across = cv2.getGaussianKernel(5, rng.uniform(0.25, 0.75))
    return (across @ across.T).astype(np.float32)


def disc(radius: float) -> Plane:
    """The picture of a point out of focus: an evenly bright disc with a soft edge, sum 1."""
    reach = int(np.ceil(radius + 0.5))
    across = np.arange(-reach, reach + 1)
    kernel = np.clip(radius + 0.5 - np.hypot(across[None], across[:, None]), 0, 1)
    return (kernel / kernel.sum()).astype(np.float32)


def streak(rng: Generator, length: float, turn: float) -> Plane:
    """The picture of a moving point: a slightly bent line of some length in pixels, in the direction `turn` (radians), sum 1."""
    side = 2 * int(np.ceil(length / 2)) + 3
    along = np.linspace(-0.5, 0.5, 200) * length
    bend = rng.normal(0, 0.15) * (along**2 / max(length, 1) - length / 12)
    places = np.stack((along * np.cos(turn) - bend * np.sin(turn), along * np.sin(turn) + bend * np.cos(turn)), axis=1) + side / 2
    counts = np.histogram2d(places[:, 1], places[:, 0], bins=side, range=((0, side), (0, side)))[0]
    kernel = as_plane(cv2.GaussianBlur(counts, (3, 3), 0.6))
    return kernel / kernel.sum()


@dataclass(frozen=True)
class Camera:
    """What happens to a picture on its way into a file: resized by `scale` and back, sharpened (or softened, below 0), noise of
    `noise` at mid-grey that is the coarser the larger `grain` (pixels), and JPEG of `quality` (0: none)."""

    scale: float = 1.0
    sharpening: float = 0.0
    noise: float = 0.0
    grain: float = 0.0
    quality: int = 0


def camera(rng: Generator, *, noise: tuple[float, float], jpeg: float, quality: tuple[float, float], resample: float) -> Camera:
    """A random camera; `jpeg` and `resample` are chances."""
    resampled, compressed = rng.random(2) < (resample, jpeg)
    least, most = (0.65, -0.6, noise[0], 0, quality[0]), (1, 0.8, noise[1], 0.8, quality[1])
    scale, sharpening, level, grain, kept = map(float, rng.uniform(least, most))
    return Camera(scale if resampled else 1.0, sharpening if resampled else 0.0, level, grain, int(kept) if compressed else 0)


def photographed(rng: Generator, picture: Plane, camera: Camera) -> Plane:
    """The picture as the camera's file shows it; noise is drawn anew each time."""
    if camera.scale < 1:
        picture = _resampled(picture, camera.scale)
    if camera.sharpening != 0:
        picture = picture + camera.sharpening * (picture - cv2.GaussianBlur(picture, (0, 0), 0.8))
    if camera.noise > 0:
        picture = picture + _sensor_noise(rng, picture, camera)
    picture = np.clip(picture, 0, 1)
    return _compressed(picture, camera.quality) if camera.quality else picture


def _resampled(picture: Plane, scale: float) -> Plane:
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    return as_plane(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


def _sensor_noise(rng: Generator, picture: Plane, camera: Camera) -> Plane:
    """Read noise, and shot noise, whose variance grows with the light (Foi and others 2008, "Poissonian-Gaussian noise modeling")."""
    grains = rng.standard_normal(picture.shape, dtype=np.float32)
    if camera.grain > 0.3:
        grains = as_plane(cv2.GaussianBlur(grains, (5, 5), camera.grain)) * np.float32(2 * np.sqrt(np.pi) * camera.grain)
    return camera.noise * np.sqrt(0.3 + 1.4 * np.clip(picture, 0, 1)) * grains


def _compressed(picture: Plane, quality: int) -> Plane:
    levels = np.round(picture[..., ::-1] * 255).astype(np.uint8)
    file = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return as_plane(np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR))[..., ::-1]) / np.float32(255)
