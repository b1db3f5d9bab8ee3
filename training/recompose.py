"""Recomposition of the pool's examples on the device: any foreground over any background, drawn anew at each step.

A processor draws a foreground in half a second; a GPU lays a batch of them over other backgrounds, and photographs both, in a few
milliseconds. What is random about batch `number` comes from the run's seed and that number. Colours are encoded sRGB in 0..1.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.engine import EngineSettings
from training.engine.layers import FAINT, NEGLIGIBLE
from training.engine.mix import COARSE
from training.optics import blurred, cameras, tones
from training.pool import READERS, ExamplePool, opened
from training.random_numbers import Random, seed_of
from training.settings import Mix, Run


@dataclass(frozen=True)
class Stock:
    """The parts: foregrounds uint8 [N, 4, S, S], straight colours and alpha, and backgrounds uint8 [N, 3, S, S]."""

    foregrounds: Tensor
    backgrounds: Tensor

    def __len__(self) -> int:
        return len(self.backgrounds)


@dataclass(frozen=True)
class Layers:
    """Straight `colours` [B, 3, S, S], defined everywhere, and `alpha` [B, 1, S, S]."""

    colours: Tensor
    alpha: Tensor


def read_stock(pool: ExamplePool, known: int, device: torch.device, before: Stock | None = None) -> Stock:
    """The first `known` examples of a run's pool, on the device; those that are in the stock of `before` are not read again."""
    size, there = pool.run.data.size, 0 if before is None else len(before)
    more = Stock(*(torch.empty(known - there, channels, size, size, dtype=torch.uint8, device=device) for channels in (4, 3)))

    def place(index: int) -> None:
        parts = opened(pool, there + index)
        alpha = np.rint(parts["alpha"][..., None] / 257.0).astype(np.uint8)
        more.foregrounds[index] = torch.from_numpy(np.concatenate((parts["foreground"], alpha), 2)).permute(2, 0, 1)
        more.backgrounds[index] = torch.from_numpy(parts["background"]).permute(2, 0, 1)

    with ThreadPoolExecutor(READERS) as readers:
        list(readers.map(place, range(len(more))))
    if before is None:
        return more
    return Stock(torch.cat((before.foregrounds, more.foregrounds)), torch.cat((before.backgrounds, more.backgrounds)))


def recomposed(stock: Stock, run: Run, numbers: range) -> Iterator[dict[str, Tensor]]:
    """The batches of these numbers: name -> float32 [B, C, mix.size, mix.size] in 0..1 on the stock's device."""
    for number in numbers:
        random = Random(run.batch, seed_of(run.seed, number, 1), stock.backgrounds.device)
        yield composites(stock, run.engine, run.mix, random)


@torch.no_grad()
def composites(stock: Stock, settings: EngineSettings, mix: Mix, random: Random) -> dict[str, Tensor]:
    """A batch: image, alpha, foreground, background, trimap and plate, as engine/mix.py has them.

    Before the camera's noise image = alpha foreground + (1 - alpha) background.
    """
    scene, plate = _scenes(stock, settings, mix, random)
    layers = _layers(stock, mix, random)
    layers = _over(layers, _layers(stock, mix, random), random.bernoulli(settings.two))
    develop = tones(random, settings.tone)
    layers = Layers(_alike(develop(layers.colours), scene, settings, random), layers.alpha)
    behind = _shaded(scene, layers.alpha, settings.shadow, random)
    image = behind + layers.alpha * (layers.colours - behind)
    taken = cameras(random, settings)
    return {
        "image": taken(image, random),
        "alpha": layers.alpha,
        "foreground": layers.colours,
        "background": behind,
        "trimap": torch.where((layers.alpha > 0) & (layers.alpha < 1), 0.5, layers.alpha),
        "plate": taken(plate, random, noise=random.bernoulli(1.0 - mix.clean)),  # a plate made of many frames has no noise
    }


def _scenes(stock: Stock, settings: EngineSettings, mix: Mix, random: Random) -> tuple[Tensor, Tensor]:
    """Backgrounds, and the same photographed once more: moved by a few pixels and in other light, as often as the settings say."""
    pictures = stock.backgrounds[random.choices(len(stock.backgrounds))].float() / 255.0
    window = _windows(random, mix.window)
    develop, moves = tones(random, settings.tone), 1.0 - random.bernoulli(mix.still)
    step = random.uniform(-1.0, 1.0, 2) * (moves * settings.plate_shift * 2.0 / mix.size)
    again = torch.cat((window[:, :, :2], window[:, :, 2:] + window[:, :, :2] @ step.flatten(2)), 2)
    scene, plate = (develop(_seen(pictures, at, mix.size)) for at in (window, again))
    gains = 1.0 + random.uniform(-settings.plate_gain, settings.plate_gain) + random.uniform(-0.2, 0.2, 3) * settings.plate_gain
    return scene, torch.where(random.bernoulli(mix.still) > 0, plate, plate * gains).clamp(0.0, 1.0)


def _layers(stock: Stock, mix: Mix, random: Random) -> Layers:
    """Foregrounds through a window each; alpha and premultiplied colours are what is enlarged and shrunk."""
    pictures = stock.foregrounds[random.choices(len(stock.foregrounds))].float() / 255.0
    colours, alpha = pictures[:, :3], pictures[:, 3:]
    seen = _seen(torch.cat((colours * alpha, alpha, colours), 1), _windows(random, mix.window), mix.size)
    premultiplied, alpha, around = seen[:, :3], seen[:, 3:4], seen[:, 4:]
    colours = torch.where(alpha > FAINT, premultiplied / alpha.clamp(min=FAINT), around).clamp(0.0, 1.0)
    return Layers(colours, _settled(alpha))


def _windows(random: Random, share: tuple[float, float]) -> Tensor:
    """Random windows of pictures as matrices [B, 2, 3] for affine_grid: shares of the side, slightly rotated, half of them mirrored."""
    side, angle = random.scale(*share), random.normal(0.15)
    mirror = 1.0 - 2.0 * random.bernoulli(0.5)
    cosine, sine = side * torch.cos(angle), side * torch.sin(angle)
    rows = torch.cat((cosine * mirror, -sine, sine * mirror, cosine), 1).view(-1, 2, 2)
    centre = random.uniform(-1.0, 1.0, 2) * ((1.0 - side).clamp(min=0.0) + 0.05)
    return torch.cat((rows, centre.flatten(2)), 2)


def _seen(pictures: Tensor, windows: Tensor, size: int) -> Tensor:
    """Pictures [B, C, S, S] through windows, [B, C, size, size]; beyond their edges they are mirrored."""
    grid = F.affine_grid(windows, [len(pictures), 1, size, size], align_corners=False)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _over(front: Layers, back: Layers, chosen: Tensor) -> Layers:
    """`front` over `back` (Porter and Duff 1984) where `chosen` [B, 1, 1, 1] is 1, else `front` alone."""
    behind = chosen * (1.0 - front.alpha) * back.alpha
    alpha = front.alpha + behind
    colours = (front.colours * front.alpha + back.colours * behind) / alpha.clamp(min=FAINT)
    return Layers(torch.where(alpha > FAINT, colours, front.colours).clamp(0.0, 1.0), _settled(alpha))


def _settled(alpha: Tensor) -> Tensor:
    alpha = torch.where(alpha < NEGLIGIBLE, 0.0, alpha)
    return torch.where(alpha > 1.0 - NEGLIGIBLE, 1.0, alpha)


def _alike(colours: Tensor, scene: Tensor, settings: EngineSettings, random: Random) -> Tensor:
    """Colours moved towards those right behind them, in patches or as a whole, as often as the settings say: clothes of the wall's colour.

    Only what is coarse moves: the subject keeps its own texture, so that it can be told from a gap.
    """
    size = colours.shape[2]
    patches = (6.0 * random.smooth_fields(5, size)).clamp(0.0, 1.0)
    where = torch.where(random.bernoulli(0.5) > 0, patches, torch.ones_like(patches))
    strength = random.uniform(0.4, 1.0) * random.bernoulli(settings.similar)
    return (colours + strength * where * (_coarse(scene) - _coarse(colours))).clamp(0.0, 1.0)


def _coarse(picture: Tensor) -> Tensor:
    side = picture.shape[2]
    small = F.adaptive_avg_pool2d(picture, max(side // COARSE, 2))
    return F.interpolate(small, size=[side, side], mode="bilinear", align_corners=False)


def _shaded(scene: Tensor, alpha: Tensor, often: float, random: Random) -> Tensor:
    """The scene with a soft shadow of the subject to one side of it, as often as that; the plate is without it."""
    size = alpha.shape[2]
    small = F.adaptive_avg_pool2d(alpha, max(size // 8, 2))
    aside = torch.cat((torch.eye(2, device=alpha.device).expand(len(alpha), 2, 2), random.normal(0.16, 2).flatten(2)), 2)
    moved = _seen(small, aside, small.shape[2])
    share = random.uniform(0.0, 1.0)
    soft = share * blurred(moved, 1.0) + (1.0 - share) * blurred(moved, 4.0)
    shadow = F.interpolate(soft, size=[size, size], mode="bilinear", align_corners=False)
    return scene * (1.0 - random.uniform(0.1, 0.6) * random.bernoulli(often) * shadow)
