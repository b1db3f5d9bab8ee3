"""Clothes and hair as geometry: shells around the body, cut where clothes end, and strands from the scalp."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.people.body import Body, Faces, Template
from training.people.poses import unit

Points = NDArray[np.float64]

# Heights in the template, in decimetres.
NECK, WAIST, HIP, KNEE, ANKLE = 6.05, 1.3, -0.3, -4.0, -7.3
ARM = 1.75
"""Points farther from the middle than this, above the hip, are on the arms."""

STRAND = 9
"""Points of a strand of hair."""

HAIR = {"none": 0.0, "cropped": 0.012, "short": 0.045, "chin": 0.2, "shoulders": 0.36, "long": 0.55}
"""Lengths in metres."""


@dataclass(frozen=True)
class Garment:
    """points: posed, [N, 3]. rest: where they are at rest. kind: top, trousers, skirt or shoes."""

    kind: str
    points: Points
    rest: Points
    faces: Faces


def draw_clothes(rng: np.random.Generator, body: Body, template: Template) -> list[Garment]:
    """Random clothes for a person."""
    skirt = not body.male and body.kind != "seated" and rng.random() < 0.3
    sleeve = float(rng.choice((2.3, 3.3, 4.35), p=(0.35, 0.15, 0.5)))
    hem = float(rng.uniform(HIP, WAIST - 0.6) - (0.8 if rng.random() < 0.2 else 0))
    legs = float(rng.choice((ANKLE + 0.1, KNEE + 0.5), p=(0.8, 0.2)))
    across, height = np.abs(template.points[:, 0]), template.points[:, 1]
    is_arm = (across > ARM) & (height > HIP)
    lower = (height < WAIST) & (height > legs) & ~is_arm
    tights, skirts = template.parts["helper-tights"], template.parts["helper-skirt"]
    worn = [_shell("top", body, tights, (height > hem) & (height < NECK) & (across < sleeve), rng.uniform(0.014, 0.024))]
    if skirt:
        worn.append(_shell("skirt", body, skirts, height > rng.uniform(-6.5, KNEE + 1), 0.004))
    else:
        worn.append(_shell("trousers", body, tights, lower, rng.uniform(0.003, 0.009)))
    return [*worn, _shell("shoes", body, tights, height < ANKLE + 0.15, 0.012)]


def _shell(kind: str, body: Body, faces: Faces, inside: NDArray[np.bool_], off: float) -> Garment:
    """The faces whose corners are all inside, moved `off` metres from the body and smoothed."""
    kept = [face for face in faces if inside[face].all()]
    places = np.unique(np.concatenate(kept))
    new = np.full(len(inside), -1)
    new[places] = np.arange(len(places))
    cut = [[int(new[corner]) for corner in face] for face in kept]
    points = body.posed[places]
    points = smoothed(points + off * normals(points, cut), cut, 6)
    return Garment(kind, points, body.rest[places], cut)


def hidden(body: Body, template: Template, clothes: list[Garment], depth: float = 0.016) -> Points:
    """The skin's points, pushed inwards where clothes cover them, so that it does not show through."""
    skin = template.parts["body"]
    count = 1 + max(max(face) for face in skin)
    points, turned = body.posed[:count].copy(), normals(body.posed[:count], skin)
    for garment in clothes:
        for start in range(0, count, 1000):
            near = body.rest[start : start + 1000, None] - garment.rest[None, ::2]
            covered = (near**2).sum(-1).min(1) < 0.022**2
            points[start : start + 1000][covered[: count - start]] -= depth * turned[start : start + 1000][covered[: count - start]]
    return points


def draw_hair(rng: np.random.Generator, body: Body, template: Template, count: int = 9000) -> tuple[str, Points]:
    """The kind of hair, and strands [N, STRAND, 3] in metres; none for a bald head."""
    shares = (0.12, 0.25, 0.43, 0.1, 0.06, 0.04) if body.male else (0.0, 0.03, 0.17, 0.25, 0.3, 0.25)
    kind = str(rng.choice(list(HAIR), p=shares))
    length = HAIR[kind] * rng.uniform(0.8, 1.25)
    if length == 0:
        return kind, np.zeros((0, STRAND, 3))
    roots, outwards = _scalp(rng, body, template, count)
    right, back, up = body.head @ np.eye(3)[0], body.head @ np.eye(3)[1], body.head @ np.eye(3)[2]
    middle = roots.mean(0) - 0.02 * up
    side = np.sign((roots - middle) @ right + rng.choice((-0.02, 0.02)))[:, None]
    parted = np.clip(0.6 - (roots - middle) @ back / 0.1, 0.1, 1.0)[:, None] * side
    combed = 0.5 * parted * right + rng.uniform(0.1, 0.5) * back
    heading = unit(outwards * rng.uniform(0.15, 0.45) + combed + rng.normal(0, 0.06, roots.shape))
    lengths = length * rng.uniform(0.7, 1.1, (count, 1)) / (STRAND - 1)
    wave, phase = rng.uniform(0, 0.25), rng.uniform(0, 6.3, 60)[rng.integers(60, size=(count, 1))]  # in sixty locks
    radius = np.linalg.norm(roots - middle, axis=1, keepdims=True) + rng.uniform(0.002, 0.02, (count, 1))
    strands = [roots]
    down = np.array([0, 0, -0.7 if length > 0.1 else -0.06])
    for step in range(1, STRAND):
        heading = unit(heading + down)
        curled = wave * np.sin(phase + 2.2 * step) * right
        place = strands[-1] + lengths * unit(heading + curled)
        apart = place - middle
        inside = np.maximum(radius / np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-6), 1)
        level = np.clip(1 + (apart @ up)[:, None] / 0.09, 0, 1)  # below the head strands keep off the neck alone
        strands.append(middle + apart * (1 + (inside - 1) * level))
    return kind, np.stack(strands, 1)


def _scalp(rng: np.random.Generator, body: Body, template: Template, count: int) -> tuple[Points, Points]:
    """Points of the skin where hair grows, and the directions out of it, [N, 3] each."""
    x, y, z = template.points.T
    line = np.interp(z, (-0.7, 0.2, 0.6, 0.9, 1.2, 1.5), (6.6, 6.9, 7.2, 7.55, 7.95, 8.15))
    grows = (y > line) & (np.abs(x) < 0.9)
    faces = np.array([face[:3] for face in template.parts["body"] if grows[face].all()])
    corners = body.posed[faces]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chosen = corners[rng.choice(len(faces), count, p=areas / areas.sum())]
    weights = rng.dirichlet((1, 1, 1), count)
    out = unit(np.cross(chosen[:, 1] - chosen[:, 0], chosen[:, 2] - chosen[:, 0]))
    return (chosen * weights[..., None]).sum(1), out


def normals(points: Points, faces: Faces) -> Points:
    """Unit normals [N, 3] of a mesh of triangles and quadrangles."""
    corners = np.array([face if len(face) == 4 else [*face, face[2]] for face in faces])
    out = np.cross(points[corners[:, 2]] - points[corners[:, 0]], points[corners[:, 3]] - points[corners[:, 1]])
    summed = np.zeros_like(points)
    for corner in corners.T:
        np.add.at(summed, corner, out)
    return unit(summed)


def smoothed(points: Points, faces: Faces, times: int) -> Points:
    """The points, each moved half way to the mean of its neighbours, `times` times; neighbours of a hem's points are those on the hem."""
    sides = np.array([(face[place - 1], face[place]) for face in faces for place in range(len(face))])
    edges, counts = np.unique(np.sort(sides, 1), axis=0, return_counts=True)
    is_hem = np.zeros(len(points), bool)
    is_hem[edges[counts == 1].ravel()] = True
    both, own = np.concatenate((edges, edges[:, ::-1])), np.concatenate((counts, counts)) == 1
    both = both[own | ~is_hem[both[:, 0]]]
    degree = np.maximum(np.bincount(both[:, 0], minlength=len(points)), 1)[:, None]
    for _ in range(times):
        summed = np.zeros_like(points)
        np.add.at(summed, both[:, 0], points[both[:, 1]])
        points = 0.5 * points + 0.5 * summed / degree
    return points
