"""Feathers, leaves, grass and twigs: a stem and what branches off it. `texture` [H, W, 3] lends its colours."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from training.engine.canvas import Canvas, Points, rotation
from training.engine.layers import Layer, Plane
from training.engine.strands import TURN, Light, Style, guides, lit, tapered, towards
from training.engine.textures import dress


def feather(rng: Generator, size: int, texture: Plane) -> Layer:
    """One to three feathers or fern fronds: barbs on both sides of a quill, split into groups, downy at the root."""
    canvas = Canvas(size)
    for _ in range(rng.integers(1, 4)):
        _frond(rng, canvas, size, fine=rng.random() < 0.7)
    return canvas.layer(dress(rng, texture))


def leaves(rng: Generator, size: int, texture: Plane) -> Layer:
    """Twigs with leaves, or blades of grass."""
    canvas = Canvas(size)
    if rng.random() < 0.35:
        _grass(rng, canvas, size)
    else:
        for _ in range(rng.integers(1, 4)):
            _leafy_twig(rng, canvas, size)
    return canvas.layer(dress(rng, texture))


def branches(rng: Generator, size: int, texture: Plane) -> Layer:
    """A bare bough: limbs that branch three times, down to twigs thinner than a pixel."""
    canvas = Canvas(size)
    thickness, length, spread = size * rng.uniform(0.015, 0.06), size * rng.uniform(0.8, 1.5), rng.uniform(0.3, 0.9)
    limbs, angles = _from_border(rng, size, int(rng.integers(1, 5)))
    light, levels = _light(rng), []
    for count in (6, 5, 1):
        style = Style(length, bend=0.35, wave=0.15, waves=2, width=thickness, points=16)
        curves = guides(rng, limbs, towards(angles), style)
        levels.append((curves, np.maximum(style.width * np.linspace(1, 0.35, 16) * np.exp(rng.normal(0, 0.2, (len(curves), 1))), 0.3)))
        limbs, angles = _offshoots(rng, curves, count, spread)
        thickness, length = 0.42 * thickness, 0.5 * length
    for curves, widths in reversed(levels):
        canvas.ribbons(curves, widths, lit(curves, rng.uniform(0.6, 1.1, len(curves)), light, pieces=3))
    return canvas.layer(dress(rng, texture))


def _frond(rng: Generator, canvas: Canvas, size: int, *, fine: bool) -> None:
    root, angle = _from_middle(rng, size)
    quill = guides(rng, root, towards(angle), Style(size * rng.uniform(0.9, 1.5), bend=0.4, points=40))
    count = int(rng.uniform(110, 190)) if fine else int(rng.uniform(14, 40))
    place = np.sort(rng.uniform(0.06, 1, count)) if fine else np.linspace(0.1, 1, count)
    roots, along = _on_curve(quill[0], place)
    light, lean, spread, bands = _light(rng), rng.uniform(0.5, 1.1), size * rng.uniform(0.12, 0.35), rng.uniform(1, 8)
    spacing = np.linalg.norm(np.diff(quill[0], axis=0), axis=1).sum() / count * rng.uniform(0.5, 1.1)
    downy = np.clip(1 - place / 0.25, 0, 1)[:, None] * fine
    for side in (-1, 1):
        slipped = _in_groups(rng, count, 0.15) if fine else 0.0
        reach = spread * rng.uniform(0.6, 1) * np.sin(np.pi * np.minimum(place, 0.98) ** 0.8) ** 0.6 * (1 + _in_groups(rng, count, 0.05))
        points = roots[:, None] + _barbs(rng, along + side * (lean + slipped), -0.25 * side, 0.1 * downy) * reach[:, None, None]
        widths = np.maximum(spacing * (1 - 0.7 * downy), 0.3) * (1 - np.linspace(0, 1, 12) ** 4 * 0.85)
        tones = (1 + 0.25 * np.sin(TURN * place * bands)) * np.exp(rng.normal(0, 0.12, count))
        canvas.ribbons(points, widths, lit(points, tones, light, pieces=3))
    canvas.ribbons(quill, np.linspace(0.012, 0.002, 40)[None] * size, np.full((1, 1), rng.uniform(0.6, 1.5)))


def _barbs(rng: Generator, angles: Points, bend: float, downy: Points) -> Points:
    """Curves of length 1 from (0, 0), [N, 12, 2], that bend towards the tip of their feather; downy ones [N, 1] wander."""
    along = np.linspace(0, 1, 12)[:, None]
    straight, aside = np.stack((np.cos(angles), np.sin(angles)), axis=-1), np.stack((-np.sin(angles), np.cos(angles)), axis=-1)
    curves = along * straight[:, None] + bend * along**2 * aside[:, None]
    return curves + np.cumsum(rng.normal(0, 1, curves.shape), axis=1) * downy[..., None]


def _in_groups(rng: Generator, count: int, deviation: float) -> Points:
    """A value for each barb, [N]: barbs cling to each other in groups that have slipped apart."""
    groups = np.cumsum(rng.random(count) < 0.06)
    return rng.normal(0, deviation, groups[-1] + 1)[groups] + rng.normal(0, 0.1 * deviation, count)


def _leafy_twig(rng: Generator, canvas: Canvas, size: int) -> None:
    root, angle = _from_border(rng, size, 1)
    twig = guides(rng, root, towards(angle), Style(size * rng.uniform(0.5, 1.1), bend=0.4, wave=0.2, waves=2, points=40))
    canvas.ribbons(twig, np.linspace(0.02, 0.004, 40)[None] * size, np.full((1, 1), rng.uniform(0.4, 0.9)))
    count = rng.integers(5, 16)
    stems, along = _on_curve(twig[0], rng.uniform(0.15, 1, count))
    serrated, slim = rng.uniform(0, 0.12), rng.uniform(0.15, 0.45)
    length = size * rng.uniform(0.1, 0.3)
    for stem, turned in zip(stems, along + rng.choice((-1, 1), count) * rng.uniform(0.4, 1.3, count), strict=True):
        _leaf(rng, canvas, stem, turned, length * rng.uniform(0.6, 1.1), slim, serrated)


def _leaf(rng: Generator, canvas: Canvas, stem: Points, angle: float, length: float, slim: float, serrated: float) -> None:
    across = np.linspace(0, 1, 60)
    half = slim * np.sin(np.pi * across**0.75) ** 0.9 * (1 + serrated * (2 * ((across * 14) % 1) - 1)) * rng.uniform(0.6, 1)
    bend = rng.normal(0, 0.12) * across**2
    turned = rotation(angle) * length
    outline = np.concatenate((np.stack((across, bend + half), axis=1), np.stack((across, bend - half), axis=1)[::-1]))
    tone = rng.uniform(0.5, 1.2)
    canvas.polygons([stem + outline @ turned], tone)
    veins = [np.stack((across[::6], bend[::6]), axis=1)]
    for start in np.linspace(0.12, 0.75, 6):
        for side in (-1, 1):
            run = np.linspace(0, 1, 10)[:, None] * (0.18, side * 0.8 * np.interp(start + 0.1, across, half))
            veins.append(run + np.array((start, np.interp(start, across, bend))))
    curves = stem + np.stack(veins) @ turned
    widths = np.full((len(curves), 10), 0.008 * length)
    canvas.ribbons(curves, np.maximum(widths, 0.3), np.full((len(curves), 1), tone * rng.uniform(0.7, 1.5)))


def _grass(rng: Generator, canvas: Canvas, size: int) -> None:
    count = int(rng.uniform(30, 160))
    roots = np.stack((rng.uniform(-0.2, 1.2, count), rng.uniform(0.85, 1.2, count)), axis=1) * size
    leaning = -np.pi / 2 + rng.normal(0, 0.2) + rng.normal(0, 0.3, count)
    style = Style(size * rng.uniform(0.4, 1.0), bend=0.7, width=size * np.exp(rng.uniform(np.log(0.004), np.log(0.02))), points=20)
    blades = guides(rng, roots, towards(leaning), style)
    canvas.ribbons(blades, tapered(rng, count, style), lit(blades, rng.uniform(0.5, 1.2, count), _light(rng), pieces=4))


def _offshoots(rng: Generator, curves: Points, each: int, spread: float) -> tuple[Points, Points]:
    """Where twigs leave their limbs, [N * each, 2], and at which angles."""
    starts, angles = zip(*(_on_curve(curve, rng.uniform(0.2, 1, each)) for curve in curves), strict=True)
    turned = np.concatenate(angles)
    return np.concatenate(starts), turned + rng.choice((-1, 1), len(turned)) * rng.normal(spread, 0.25, len(turned))


def _on_curve(curve: Points, shares: Points) -> tuple[Points, Points]:
    """Places on one curve [K, 2] at shares [N] of its length, [N, 2], and the angles it has there."""
    place = shares * (len(curve) - 1)
    below = np.minimum(place.astype(int), len(curve) - 2)
    step = curve[below + 1] - curve[below]
    return curve[below] + step * (place - below)[:, None], np.arctan2(step[:, 1], step[:, 0])


def _from_border(rng: Generator, size: int, count: int) -> tuple[Points, Points]:
    """Places outside the frame on one side of it, [N, 2], and the angles towards its middle or thereabouts."""
    side = rng.uniform(0, TURN) + rng.normal(0, 0.35, count)
    roots = size * (0.5 + 0.65 * np.stack((np.cos(side), np.sin(side)), axis=1))
    return roots, side + np.pi + rng.normal(0, 0.25, count)


def _from_middle(rng: Generator, size: int) -> tuple[Points, Points]:
    angle = rng.uniform(0, TURN, 1)
    start = 0.5 - rng.uniform(0.2, 0.5) * np.stack((np.cos(angle), np.sin(angle)), axis=1) + rng.normal(0, 0.1, (1, 2))
    return size * start, angle


def _light(rng: Generator) -> Light:
    return Light(rng.uniform(0, TURN), rng.uniform(0, 0.3), rng.uniform(3, 12))
