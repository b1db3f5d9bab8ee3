"""How people stand, walk and sit, as directions of their limbs; metres, z up, the face towards -y, left towards +x."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

KINDS = ("standing", "walking", "seated")
SHARES = (0.45, 0.35, 0.2)
"""How often each kind is drawn."""

# Directions of upper arm and forearm: (outwards, forwards, up).
ARMS = {
    "hanging": ((0.16, 0.0, -1.0), (0.08, 0.16, -1.0)),
    "in the pocket": ((0.3, -0.25, -1.0), (0.02, 0.3, -0.9)),
    "on the hip": ((0.65, -0.3, -0.7), (-0.6, 0.35, -0.4)),
    "at the ear": ((0.25, 0.3, -0.85), (0.05, 0.35, 1.0)),
    "holding": ((0.12, 0.25, -0.95), (-0.1, 1.0, 0.1)),
    "waving": ((0.9, 0.1, 0.1), (0.35, 0.15, 1.0)),
    "stretched": ((1.0, 0.1, 0.05), (1.0, 0.25, 0.1)),
}
ARM_SHARES = (0.42, 0.12, 0.12, 0.1, 0.14, 0.05, 0.05)
ON_THE_LAP = ((0.2, 0.4, -0.9), (-0.15, 1.0, -0.25))

SIDES = {"L": 1.0, "R": -1.0}


@dataclass(frozen=True)
class Pose:
    """kind: one of KINDS. limbs: unit directions by bone, in world axes. turned: degrees of bones about x, y and z."""

    kind: str
    limbs: Mapping[str, Vector]
    turned: Mapping[str, tuple[float, float, float]]


def draw_pose(rng: np.random.Generator) -> Pose:
    """A random pose."""
    kind = str(rng.choice(KINDS, p=SHARES))
    limbs: dict[str, Vector] = {}
    stride = rng.uniform(0.15, 0.5) * rng.choice((-1, 1)) if kind == "walking" else 0.0
    for side, outwards in SIDES.items():
        ahead = stride * outwards
        limbs |= _leg(rng, kind, side, outwards, ahead)
        limbs |= _arm(rng, kind, side, outwards, ahead)
    return Pose(kind, limbs, _spine(rng, kind))


def _leg(rng: np.random.Generator, kind: str, side: str, outwards: float, ahead: float) -> dict[str, Vector]:
    apart = rng.uniform(0.0, 0.16)
    if kind == "seated":
        thigh, shin = (0.1 + apart, 1.0, rng.uniform(-0.25, 0.05)), (0.02, rng.uniform(-0.25, 0.25), -1.0)
    elif kind == "walking":  # the leg behind is bent
        thigh, shin = (0.04, ahead, -1.0), (0.02, ahead - (0.55 if ahead < 0 else 0.1) * rng.uniform(0.4, 1.2), -1.0)
    else:
        thigh, shin = (0.04 + apart, rng.normal(0.03, 0.08), -1.0), (0.02 + apart / 2, rng.uniform(-0.12, 0.0), -1.0)
    return {f"upperleg01.{side}": _direction(rng, thigh, outwards, 0.02), f"lowerleg01.{side}": _direction(rng, shin, outwards, 0.02)}


def _arm(rng: np.random.Generator, kind: str, side: str, outwards: float, ahead: float) -> dict[str, Vector]:
    name = str(rng.choice(list(ARMS), p=ARM_SHARES))
    upper, fore = ON_THE_LAP if kind == "seated" and name in ("hanging", "in the pocket") else ARMS[name]
    if kind == "walking" and name == "hanging":  # against the leg of the same side
        upper, fore = (upper[0], -ahead, upper[2]), (fore[0], 0.25 - ahead, fore[2])
    return {f"upperarm01.{side}": _direction(rng, upper, outwards, 0.07), f"lowerarm01.{side}": _direction(rng, fore, outwards, 0.09)}


def _spine(rng: np.random.Generator, kind: str) -> dict[str, tuple[float, float, float]]:
    lean = rng.normal(2, 3) + (rng.uniform(-3, 8) if kind == "seated" else 0)
    back = {f"spine0{number}": (lean / 3 + rng.normal(0, 1), rng.normal(0, 1.5), rng.normal(0, 3)) for number in (4, 3, 2)}
    nod, tilt, turn = rng.normal(0, 10), rng.normal(0, 6), float(np.clip(rng.normal(0, 25), -60, 60))
    return back | {bone: (nod * share, tilt * share, turn * share) for bone, share in (("neck01", 0.3), ("neck03", 0.3), ("head", 0.4))}


def _direction(rng: np.random.Generator, parts: tuple[float, float, float], outwards: float, spread: float) -> Vector:
    """The direction of (outwards, forwards, up), with random deviations, in world axes."""
    out, forwards, up = np.asarray(parts) + rng.normal(0, spread, 3)
    return unit(np.array([outwards * out, -forwards, up]))


def unit(vectors: Vector) -> Vector:
    """Vectors [..., 3] at length 1."""
    lengths: Vector = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(lengths, 1e-9)


def turning(axis: Vector, degrees: float) -> Matrix:
    """The rotation [3, 3] about an axis."""
    x, y, z = unit(np.asarray(axis, np.float64))
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def swing(start: Vector, end: Vector) -> Matrix:
    """The shortest rotation [3, 3] from one unit vector to another, which does not twist."""
    axis = np.cross(start, end)
    sine, cosine = float(np.linalg.norm(axis)), float(start @ end)
    if sine < 1e-9:
        return np.eye(3) if cosine > 0 else turning(np.cross(start, np.eye(3)[np.argmin(np.abs(start))]), 180)
    return turning(axis, float(np.degrees(np.arctan2(sine, cosine))))


def deltas(pose: Pose, bones: list[str], parents: list[int], rest: Mapping[str, Vector]) -> dict[str, Matrix]:
    """The rotation [3, 3] of each bone against its parent, in world axes, that brings a body from rest into a pose.

    bones, parents: names, and the place of each one's parent, which comes earlier, -1 for none. rest: unit directions of the pose's limbs
    at rest.
    """
    world: list[Matrix] = []
    changed = {}
    for bone, parent in zip(bones, parents, strict=True):
        above = world[parent] if parent >= 0 else np.eye(3)
        own = above
        if bone in pose.limbs:
            own = swing(unit(above @ rest[bone]), pose.limbs[bone]) @ above
        elif bone in pose.turned:
            own = above @ _turned(*pose.turned[bone])
        world.append(own)
        if own is not above:
            changed[bone] = above.T @ own
    return changed


def _turned(nod: float, tilt: float, turn: float) -> Matrix:
    return turning(np.array([0, 0, 1]), turn) @ turning(np.array([1, 0, 0]), nod) @ turning(np.array([0, 1, 0]), tilt)
