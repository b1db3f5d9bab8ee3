"""Simple figures of people, drawn limb by limb: solid shapes in several colours, with gaps between arms, legs and body."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from training.engine.bodies import blob
from training.engine.canvas import Canvas, Points, rotation, toned
from training.engine.layers import Layer, Plane, merge
from training.engine.textures import dress, hair_colour, noise, painted

DOWN = np.array([0.0, 1.0])
# Skin, encoded sRGB, from dark to light.
SKIN = np.array([[0.24, 0.15, 0.11], [0.55, 0.37, 0.28], [0.78, 0.57, 0.45], [0.95, 0.80, 0.71]])
# Lengths in heads, a head being about an eighth of a grown person.
TORSO, UPPER_ARM, FOREARM, HAND, THIGH, SHIN = 2.7, 1.4, 1.2, 0.6, 2.0, 2.0


def figure(rng: Generator, size: int, texture: Plane) -> Layer:
    """A person in trousers and a top, arms anywhere, as a whole or as much of one as the frame holds; the texture is cloth."""
    head = size * np.exp(rng.uniform(np.log(0.07), np.log(0.26)))
    upright = rotation(rng.normal(0, 0.12))
    neck = size * np.array([rng.uniform(0.25, 0.75), rng.uniform(0.12, 0.5)])
    hips = neck + head * TORSO * DOWN @ upright
    across = np.array([1.0, 0.0]) @ upright
    legs, top, skin, hair = (Canvas(size) for _ in range(4))
    for side in (-1, 1):
        _leg(rng, legs, hips + side * 0.42 * head * across, head)
        _arm(rng, top, skin, neck + 0.35 * head * DOWN + side * rng.uniform(0.75, 1.0) * head * across, head, side)
    waist, hem = rng.uniform(0.6, 0.9), rng.uniform(0.0, 0.8)
    _limb(
        rng, top, np.stack((neck + 0.15 * head * DOWN, (neck + hips) / 2, hips + hem * head * DOWN)), head * np.array([1.9, 2 * waist, 1.9])
    )
    _limb(rng, skin, np.stack((neck - 0.4 * head * DOWN, neck + 0.3 * head * DOWN)), head * np.array([0.5, 0.6]))
    face = neck - 0.75 * head * DOWN @ upright
    hair.polygons([blob(rng, face - 0.15 * head * DOWN @ upright, 0.58 * head, bumps=rng.uniform(0, 0.25))], 1.0)
    skin.polygons([blob(rng, face + 0.1 * head * DOWN @ upright, 0.47 * head, bumps=0.03)], 1.0)
    layers = [
        skin.layer(_lit(rng, np.broadcast_to(_skin(rng), texture.shape))),
        hair.layer(_lit(rng, np.broadcast_to(hair_colour(rng), texture.shape))),
        top.layer(_lit(rng, dress(rng, texture))),
        legs.layer(_lit(rng, painted(rng, size))),
    ]
    person = layers[0]
    for behind in layers[1:]:
        person = merge(person, behind)
    return person


def _arm(rng: Generator, top: Canvas, skin: Canvas, shoulder: Points, head: float, side: int) -> None:
    """From hanging down to stretched up; the sleeve is long or short."""
    raised = rng.uniform(-0.2, 3.0)
    bent = raised + rng.normal(0.4, 0.9)
    elbow = shoulder + head * UPPER_ARM * DOWN @ rotation(-side * raised)
    wrist = elbow + head * FOREARM * DOWN @ rotation(-side * bent)
    fingers = wrist + head * HAND * DOWN @ rotation(-side * (bent + rng.normal(0, 0.3)))
    _limb(rng, skin, np.stack((shoulder, elbow, wrist)), head * np.array([0.55, 0.42, 0.3]))
    for spread in np.linspace(-0.35, 0.35, 5):
        _limb(rng, skin, np.stack((wrist, wrist + (fingers - wrist) @ rotation(spread))), head * np.array([0.2, 0.1]))
    _limb(rng, skin, np.stack((wrist, (wrist + fingers) / 2)), head * np.array([0.28, 0.34]))
    end = elbow if rng.random() < 0.5 else elbow + rng.uniform(0.2, 0.9) * (wrist - elbow)
    _limb(rng, top, np.stack((shoulder, elbow, end)), head * np.array([0.8, 0.6, 0.55]))


def _leg(rng: Generator, legs: Canvas, hip: Points, head: float) -> None:
    swing = rng.normal(0, 0.3)
    knee = hip + head * THIGH * DOWN @ rotation(swing)
    ankle = knee + head * SHIN * DOWN @ rotation(swing + rng.normal(-0.1, 0.25))
    toes = ankle + head * np.array([rng.choice((-0.6, 0.0, 0.6)), 0.2])
    _limb(rng, legs, np.stack((hip, knee, ankle)), head * np.array([0.95, 0.65, 0.45]))
    _limb(rng, legs, np.stack((ankle, toes)), head * np.array([0.42, 0.32]))


def _limb(rng: Generator, canvas: Canvas, joints: Points, widths: Points) -> None:
    """A smooth band through joints [K, 2] of the widths there, with round ends."""
    along, places = np.linspace(0, 1, 24), np.linspace(0, 1, len(joints))
    spine = np.stack([np.interp(along, places, joints[:, axis]) for axis in (0, 1)], axis=1)
    for _ in range(2):  # rounds the joint off
        spine[1:-1] = (spine[:-2] + 2 * spine[1:-1] + spine[2:]) / 4
    width = np.interp(along, places, widths)
    canvas.ribbons(spine[None], width[None], rng.uniform(0.85, 1.1, (1, 2)))
    for end, breadth in ((joints[0], widths[0]), (joints[-1], widths[-1])):
        canvas.polygons([blob(rng, end, breadth / 2, bumps=0.0)], 1.0)


def _skin(rng: Generator) -> Plane:
    place = rng.uniform(0, len(SKIN) - 1)
    return np.array([np.interp(place, range(len(SKIN)), SKIN[:, channel]) for channel in range(3)], np.float32)


def _lit(rng: Generator, colours: Plane) -> Plane:
    """Colours in soft light and shade."""
    hills = noise(rng, len(colours), cells=rng.uniform(3, 12), octaves=3)
    return toned(np.ascontiguousarray(colours, np.float32), (rng.uniform(0.55, 0.9) + 0.5 * hills).astype(np.float32))
