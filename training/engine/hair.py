"""Heads of hair and animals' fur in front of nothing: layers with exact alpha. `texture` [H, W, 3] lends its colours."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.random import Generator

from training.engine.bodies import Body, body, value_at
from training.engine.canvas import Canvas, Points, toned
from training.engine.layers import Layer, Plane, as_plane, merge, thrice
from training.engine.strands import TURN, Heading, Light, Style, guides, lit, tapered, towards, tufts
from training.engine.textures import blend, hair_colour, noise, streaks


def hair(rng: Generator, size: int, texture: Plane) -> Layer:
    """A part of a head with hair: straight to curly, long or short, tidy or not."""
    head, style, canvas = body(rng, size, radius=(0.3, 0.75)), hair_style(rng, size), Canvas(size)
    light, heading, colours = _light(rng, 0.35), _combed(rng, head, size), _slightly_uneven(rng, size, hair_colour(rng))
    mass = _roots(rng, head, size, count=int(np.clip(40 * size / style.length, 110, 300)), deep=0.08 * size)
    loose = _roots(rng, head, size, count=int(rng.uniform(15, 60)), deep=0.04 * size)
    full = replace(style, width=1.2 * style.width, frizz=0.6 * style.frizz)
    for roots, manner, each, spread in ((mass, full, 7, rng.uniform(2.5, 5)), (loose, style, 8, rng.uniform(2, 8))):
        _comb_out(rng, canvas, guides(rng, roots, heading, manner), manner, light, each=each, spread=spread)
    return _in_light(rng, merge(canvas.layer(colours), _lying(rng, head, heading, colours, light, inset=0.03 * size)))


def hair_style(rng: Generator, size: int) -> Style:
    """Somebody's hair: one of a few cuts, within each of which everything varies."""
    width, length = np.exp(rng.uniform(np.log(0.4), np.log(1.5))), size * rng.uniform(0.35, 1.0)
    cut = rng.choice(("straight", "wavy", "curly", "short", "wild"))
    if cut == "straight":
        return Style(length, rng.uniform(0, 0.7), 0.15, gather=rng.uniform(0.4, 1.2), frizz=rng.uniform(0.3, 1.2), width=width)
    if cut == "wavy":
        wave, waves = rng.uniform(0.2, 0.6), rng.uniform(1, 3)
        return Style(
            length, rng.uniform(0, 0.6), 0.2, wave, waves, gather=rng.uniform(0.3, 0.9), frizz=rng.uniform(0.4, 1.5), width=width, points=32
        )
    if cut == "curly":
        coils = rng.uniform(2.5, 7)
        coil = rng.uniform(0.4, 1.5) * 0.6 * length / (coils * TURN)
        return Style(0.6 * length, rng.uniform(0, 0.5), 0.3, 0.2, 1.0, coil, coils, rng.uniform(0.3, 0.9), rng.uniform(0.6, 2), width, 56)
    if cut == "short":
        return Style(
            0.25 * length, rng.uniform(0, 0.2), 0.3, gather=rng.uniform(0.2, 1.0), frizz=rng.uniform(0.5, 2), width=width, points=16
        )
    return Style(
        0.7 * length, rng.uniform(0, 0.4), 0.5, 0.4, 1.2, gather=rng.uniform(0.8, 2.5), frizz=rng.uniform(2, 5), width=width, points=32
    )


def fur(rng: Generator, size: int, texture: Plane) -> Layer:
    """A part of an animal with fur, short to shaggy, in one colour, in patches, or in the colours of the texture."""
    animal, canvas, coat = body(rng, size, bumps=0.18), Canvas(size), _coat(rng, size, texture)
    length, width = np.exp(rng.uniform(np.log((0.03, 0.4)), np.log((0.18, 1.4))))
    style = Style(size * length, rng.uniform(0, 0.3), 0.3, gather=rng.uniform(0.15, 0.9), frizz=rng.uniform(0.5, 3), width=width, points=9)
    light, heading, band = _light(rng, 0.3), _combed(rng, animal, size), 0.7 * style.length + 0.02 * size
    mass = _roots(rng, animal, size, count=int(np.clip(1.6 * size * band / style.length**1.5, 150, 420)), deep=band)
    loose = _roots(rng, animal, size, count=int(rng.uniform(40, 160)), deep=0.3 * style.length)
    full = replace(style, width=1.2 * style.width, frizz=0.6 * style.frizz)
    for roots, manner, each, spread in ((mass, full, 6, rng.uniform(2, 4)), (loose, style, 5, rng.uniform(1.5, 5))):
        _comb_out(rng, canvas, guides(rng, roots, heading, manner), manner, light, each=each, spread=spread)
    if rng.random() < 0.25:
        _whiskers(rng, canvas, animal, light)
    return _in_light(rng, merge(canvas.layer(coat), _lying(rng, animal, heading, coat, light, inset=0.3 * style.length)))


def _comb_out(rng: Generator, canvas: Canvas, guided: Points, style: Style, light: Light, *, each: int, spread: float) -> None:
    """Paint `each` strands around every guide, in tones of their own."""
    strands = tufts(rng, guided, style, each=each, spread=spread)
    tones = np.exp(np.repeat(rng.normal(0, 0.12, len(guided)), each) + rng.normal(0, 0.18, len(strands)))
    pieces = 2 if style.points < 12 else 4 if style.coil == 0 else int(2 * style.coils)
    canvas.ribbons(strands, tapered(rng, len(strands), style), lit(strands, tones, light, pieces=pieces))


def _whiskers(rng: Generator, canvas: Canvas, animal: Body, light: Light) -> None:
    """A handful of stiff long hairs that set out near one place."""
    size, count = animal.size, int(rng.integers(4, 16))
    roots = _roots(rng, animal, size, count=1, deep=0.1 * size).repeat(count, axis=0)
    roots = roots + rng.normal(0, 0.03 * size, roots.shape)
    style = Style(size * rng.uniform(0.25, 0.7), 0, 0.15, width=rng.uniform(0.5, 1.6))
    whiskers = guides(rng, roots, towards(animal.outwards_at(roots) + rng.normal(0, 0.35, len(roots))), style)
    canvas.ribbons(whiskers, tapered(rng, len(roots), style), lit(whiskers, rng.uniform(0.8, 2, len(roots)), light, pieces=4))


def _light(rng: Generator, shine: float) -> Light:
    return Light(rng.uniform(0, TURN), rng.beta(1.5, 3) * shine, rng.uniform(4, 20))


def _lying(rng: Generator, owner: Body, heading: Heading, colours: Plane, light: Light, *, inset: float) -> Layer:
    """The hair that lies on its body, where strands need not be told apart, down from about `inset` pixels inside the outline."""
    size = len(colours)
    rows, columns = np.indices((size // 4, size // 4)) * 4 + 2.0
    angles = heading(np.stack((columns, rows), axis=-1))
    along = cv2.resize(np.dstack((np.cos(angles), np.sin(angles))).astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
    lying = as_plane(np.arctan2(along[..., 1], along[..., 0]))
    streaked = streaks(rng, lying, length=size / 10)
    ragged = owner.depth - inset * 2 * cv2.GaussianBlur(streaked, (0, 0), 1.2)
    return Layer(toned(colours, light.on(lying) * (0.3 + 1.2 * streaked)), np.clip(ragged / 5 + 0.5, 0, 1))


def _slightly_uneven(rng: Generator, size: int, colour: Plane) -> Plane:
    other = np.clip(colour * np.exp(rng.normal(0, 0.15) + rng.normal(0, 0.04, 3)), 0, 1)
    return blend(colour, other, noise(rng, size, cells=rng.uniform(2, 12)))


def _combed(rng: Generator, owner: Body, size: int) -> Heading:
    """How hair lies on a body: mostly askew, between standing off it and along its outline."""
    swept = rng.uniform(-1.45, 1.45)
    wander = (noise(rng, size, cells=rng.uniform(1, 4), octaves=2) - 0.5) * rng.uniform(0.3, 1.6)
    return lambda places: owner.outwards_at(places) + swept + value_at(wander, places)


def _roots(rng: Generator, owner: Body, size: int, *, count: int, deep: float) -> Points:
    """Places on a body, most of them nearer than `deep` pixels to its outline, the outermost first: [N, 2]."""
    places = rng.uniform(-0.3 * size, 1.3 * size, (8192, 2))
    depth = owner.depth_at(places)
    chosen = np.flatnonzero((depth > 0) & (depth < rng.exponential(deep, len(depth))))[:count]
    return places[chosen[np.argsort(depth[chosen])]]


def _coat(rng: Generator, size: int, texture: Plane) -> Plane:
    """The colours of an animal [size, size, 3]."""
    if rng.random() < 0.3:
        return as_plane(cv2.blur(texture, (size // 16 + 1, size // 16 + 1)))
    patches = np.clip((noise(rng, size, cells=rng.uniform(1, 9), octaves=3) - 0.5) / rng.uniform(0.05, 0.6) + 0.5, 0, 1)
    return blend(hair_colour(rng), hair_colour(rng), patches)


def _in_light(rng: Generator, layer: Layer) -> Layer:
    """Lit unevenly, as everything round is."""
    light = 0.75 + 0.5 * noise(rng, len(layer.alpha), cells=1.5, octaves=2)
    return Layer(np.clip(layer.colours * thrice(light), 0, 1), layer.alpha)
