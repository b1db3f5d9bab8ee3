"""Foregrounds of regular thin shapes (nets, lace, wheels, fences, wires) and of plain solid ones. `texture` [H, W, 3] lends its colours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from training.engine.bodies import blob
from training.engine.canvas import Canvas, Points, rotation
from training.engine.layers import Layer, Plane
from training.engine.strands import TURN
from training.engine.textures import dress

Folds = Callable[[Points], Points]
"""Where places [..., 2] of a flat cloth around (0, 0) come to lie in the frame."""


def net(rng: Generator, size: int, texture: Plane) -> Layer:
    """Two or three families of threads, from a fine veil to a fence, over all of the frame or as far as a hem."""
    canvas, folds = Canvas(size), _folds(rng, size)
    spacing = size * np.exp(rng.uniform(np.log(0.018), np.log(0.12)))
    width = max(0.35, spacing * rng.uniform(0.05, 0.3))
    hem = rng.uniform(-0.3, 0.3) * size if rng.random() < 0.5 else -size
    for angle in (0, np.pi / 2) if rng.random() < 0.7 else np.arange(3) * np.pi / 3:
        steps = np.arange(-size, size, spacing)
        lines = np.stack(np.meshgrid(np.linspace(-size, size, 64), steps), axis=-1) @ rotation(angle)
        lines[..., 1] = np.maximum(lines[..., 1], hem)
        lines += rng.normal(0, 0.05 * spacing, (len(lines), 1, 2)) + rng.normal(0, 0.02 * spacing, lines.shape)
        canvas.ribbons(folds(lines), width * rng.uniform(0.85, 1.15, lines.shape[:2]), rng.uniform(0.7, 1.2, (len(lines), 3)))
    return canvas.layer(dress(rng, texture))


def lace(rng: Generator, size: int, texture: Plane) -> Layer:
    """Cloth pierced by flowers in a mesh of small holes, with a scalloped hem."""
    canvas, folds = Canvas(size), _folds(rng, size)
    cell, hem = size * rng.uniform(0.1, 0.22), rng.uniform(-0.35, 0.2) * size
    across = np.linspace(-size, size, 600)
    scallops = hem - 0.4 * cell * np.abs(np.sin(np.pi * across / cell))
    canvas.polygons([folds(np.concatenate((np.stack((across, scallops), axis=1), [(size, size), (-size, size)])))], rng.uniform(0.8, 1.1))
    motif = np.concatenate((_petals(rng, cell), _mesh(rng, cell)))
    columns, rows = np.meshgrid((np.arange(-size // cell, size // cell) + 0.5) * cell, np.arange(hem + 0.1 * cell, size, cell))
    holes = folds(np.stack((columns, rows), axis=-1).reshape(-1, 1, 1, 2) + motif).reshape(-1, *motif.shape[1:])
    seen = (holes.max(axis=1) > 0).all(axis=1) & (holes.min(axis=1) < size).all(axis=1)
    canvas.polygons(list(holes[seen]), 0)
    return canvas.layer(dress(rng, texture))


def spokes(rng: Generator, size: int, texture: Plane) -> Layer:
    """A wheel, a fence, or wires that sag."""
    canvas = Canvas(size)
    (_wheel, _fence, _wires)[rng.integers(3)](rng, canvas, size)
    return canvas.layer(dress(rng, texture))


def solid(rng: Generator, size: int, texture: Plane) -> Layer:
    """A few plain things with sharp outlines, round or angular."""
    canvas = Canvas(size)
    for _ in range(rng.integers(1, 4)):
        outline = blob(rng, size * rng.uniform(0.1, 0.9, 2), size * rng.uniform(0.12, 0.45), bumps=rng.uniform(0, 0.3))
        corners = np.sort(rng.choice(len(outline), rng.integers(3, 9), replace=False))
        canvas.polygons([outline[corners] if rng.random() < 0.4 else outline], rng.uniform(0.7, 1.2))
    return canvas.layer(texture)


def _wheel(rng: Generator, canvas: Canvas, size: int) -> None:
    centre, radius = size * rng.uniform(0.2, 0.8, 2), size * rng.uniform(0.3, 0.8)
    around = np.linspace(0, TURN, 120)
    squash = np.array([1, rng.uniform(0.4, 1)]) @ np.eye(2)
    rim = np.stack((np.cos(around), np.sin(around)), axis=1) * squash
    count, width = rng.integers(8, 40), size * np.exp(rng.uniform(np.log(0.0015), np.log(0.012)))
    ends = np.linspace(0, TURN, count, endpoint=False) + rng.uniform(0, TURN)
    outer = np.stack((np.cos(ends), np.sin(ends)), axis=1) * squash
    # Spokes leave the hub beside its middle, alternately on either side, so that they cross.
    inner = 0.08 * np.stack((np.cos(ends + 1.4 * (-1) ** np.arange(count)), np.sin(ends + 1.4 * (-1) ** np.arange(count))), axis=1) * squash
    lines = inner[:, None] + (outer - inner)[:, None] * np.linspace(0, 1, 8)[:, None]
    canvas.ribbons(centre + radius * lines, np.full(lines.shape[:2], width), rng.uniform(0.6, 1.4, (count, 2)))
    rings = np.stack([rim * share for share in (0.1, 0.97, 1.0, 1.06)])
    widths = np.array([[6], [2], [1.5], [5]]) * width * np.ones(len(rim))
    canvas.ribbons(centre + radius * rings, widths, rng.uniform(0.5, 1.3, (4, 12)))


def _fence(rng: Generator, canvas: Canvas, size: int) -> None:
    spacing = size * np.exp(rng.uniform(np.log(0.03), np.log(0.15)))
    folds, width = _folds(rng, size, depth=0.003), spacing * rng.uniform(0.06, 0.5)
    steps = np.arange(-0.9 * size, 0.9 * size, spacing)
    top = rng.uniform(-0.4, 0.1) * size if rng.random() < 0.6 else -size
    posts = np.stack(np.broadcast_arrays(steps[:, None], np.linspace(top, size, 12)), axis=-1)
    rails = np.stack(
        np.broadcast_arrays(np.linspace(-size, size, 12), np.array([top + 0.6 * spacing, top + 4 * spacing])[:, None]), axis=-1
    )
    canvas.ribbons(folds(rails), np.full(rails.shape[:2], 0.8 * width), rng.uniform(0.6, 1, (2, 2)))
    canvas.ribbons(folds(posts), np.full(posts.shape[:2], width), rng.uniform(0.7, 1.2, (len(posts), 3)))


def _wires(rng: Generator, canvas: Canvas, size: int) -> None:
    count = rng.integers(3, 14)
    across = np.linspace(-0.2, 1.2, 60)
    ends = rng.uniform(-0.1, 1.1, (2, count, 1)) if rng.random() < 0.5 else np.sort(rng.uniform(0, 1, (2, count, 1)), axis=1)
    sag = rng.uniform(0, 0.4, (count, 1)) * (1 - (2 * across - 1) ** 2)
    height = ends[0] + (ends[1] - ends[0]) * across + sag
    wires = np.stack(np.broadcast_arrays(across, height), axis=-1) * size
    turned = (wires - size / 2) @ rotation(rng.uniform(0, TURN)) + size / 2
    widths = size * np.exp(rng.uniform(np.log(0.001), np.log(0.012), (count, 1))) * np.ones(len(across))
    canvas.ribbons(turned, widths, rng.uniform(0.5, 1.4, (count, 4)))


def _petals(rng: Generator, cell: float) -> Points:
    """Holes that make up a flower: [N, K, 2] around (0, 0)."""
    count, around = rng.integers(5, 9), np.linspace(0, TURN, 14, endpoint=False)
    petal = np.stack((0.23 + 0.13 * np.cos(around), rng.uniform(0.05, 0.1) * np.sin(around)), axis=1) * cell
    return np.stack([petal @ rotation(turn) for turn in np.linspace(0, TURN, count, endpoint=False) + 0.5 * np.pi])


def _mesh(rng: Generator, cell: float) -> Points:
    """Small holes in the corners of a cell, where its flower leaves room: [N, K, 2]."""
    around = np.linspace(0, TURN, 14, endpoint=False)
    pitch = cell / rng.integers(6, 11)
    round_hole = rng.uniform(0.28, 0.46) * pitch * np.stack((np.cos(around), np.sin(around)), axis=1)
    steps = np.arange(-0.5 * cell + pitch / 2, 0.5 * cell, pitch)
    centres = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 1, 2)
    return (centres + round_hole)[np.linalg.norm(centres[:, 0], axis=1) > 0.44 * cell]


def _folds(rng: Generator, size: int, *, depth: float = 0.02) -> Folds:
    """Cloth in random folds, turned somehow, with the middle of the frame at (0, 0)."""
    waves = rng.normal(0, 1, (5, 2)) * TURN / (0.5 * size)
    phases, pushes = rng.uniform(0, TURN, 5), rng.normal(0, depth * size, (5, 2))
    turn = rotation(rng.uniform(0, TURN))
    return lambda places: size / 2 + (places + np.sin(places @ waves.T + phases) @ pushes) @ turn
