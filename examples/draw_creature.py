"""Draw a photo with exact alpha: a furry creature in front of a soft evening garden, with its true alpha beside it.

Usage: python examples/draw_creature.py FOLDER   writes FOLDER/photo.png and FOLDER/true_alpha.png

Everything is drawn at four times the size and averaged down, so hairs are thinner than a pixel and the alpha is exact.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, OVERSAMPLING = 720, 540, 4
CENTRE, RADIUS = np.array([370.0, 330.0]), 130.0
EYES = ((325.0, 290.0), (415.0, 290.0))

Picture = NDArray[np.float32]


def garden(random: np.random.Generator) -> Picture:
    """A blurred background: evening sky over hedges, with lights out of focus."""
    height = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None, None]
    sky, hedge = np.array([0.93, 0.72, 0.55], np.float32), np.array([0.16, 0.30, 0.20], np.float32)
    scene = np.repeat(sky * (1 - height) + hedge * height, WIDTH, axis=1)
    scene += cv2.GaussianBlur(random.normal(0, 1, (HEIGHT, WIDTH, 1)).astype(np.float32), (0, 0), 25)[..., None] * 2.5
    for _ in range(28):
        spot = np.zeros_like(scene)
        place = (int(random.uniform(0, WIDTH)), int(random.uniform(0, HEIGHT * 0.8)))
        cv2.circle(spot, place, int(random.uniform(8, 26)), (1.0, 0.85, 0.5), -1, cv2.LINE_AA)
        scene += cv2.GaussianBlur(spot, (0, 0), 3) * float(random.uniform(0.03, 0.12))
    return np.clip(scene, 0, 1)


def hairs(random: np.random.Generator, count: int) -> list[NDArray[np.float64]]:
    """Curves that leave the body in all directions and bend downwards, as [points, 2] in picture pixels."""
    steps = np.linspace(0, 1, 14)[:, None]
    curves = []
    for angle in random.uniform(0, 2 * np.pi, count):
        outwards = np.array([np.cos(angle), np.sin(angle)])
        root = CENTRE + outwards * RADIUS * random.uniform(0.55, 0.97)
        along = outwards + random.normal(0, 0.35, 2)
        length = random.uniform(25, 75)
        bend = np.array([random.normal(0, 10), random.uniform(4, 26)])
        curves.append(root + steps * along * length + steps**2 * bend)
    return curves


def creature(random: np.random.Generator) -> tuple[Picture, Picture]:
    """Colours [H, W, 3] and alpha [H, W] of the creature."""
    size = (HEIGHT * OVERSAMPLING, WIDTH * OVERSAMPLING)
    colours = np.full((*size, 3), (0.35, 0.22, 0.15), np.float32)
    alpha = np.zeros(size, np.float32)
    centre = tuple(int(value * OVERSAMPLING) for value in CENTRE)
    cv2.circle(alpha, centre, int(RADIUS * OVERSAMPLING), 1.0, -1)
    for curve in hairs(random, 5200):
        points = np.round(curve * OVERSAMPLING).astype(np.int32)[:, None]
        shade = random.uniform(0.55, 1.25)
        cv2.polylines(colours, [points], False, (0.50 * shade, 0.31 * shade, 0.19 * shade), 3)
        cv2.polylines(alpha, [points], False, 1.0, 3)
    for eye in EYES:
        place = np.array(eye) * OVERSAMPLING
        for radius, colour, shift in ((24, (0.96, 0.94, 0.88), 0), (13, (0.08, 0.06, 0.05), 0), (4, (1.0, 1.0, 1.0), -6)):
            spot = tuple(int(value + shift * OVERSAMPLING) for value in place)
            cv2.circle(colours, spot, radius * OVERSAMPLING, colour, -1)
    return _averaged(colours * alpha[..., None]), _averaged(alpha)


def _averaged(picture: Picture) -> Picture:
    small: Picture = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return small


def main(folder: Path) -> None:
    random = np.random.default_rng(7)
    premultiplied, alpha = creature(random)
    photo = premultiplied + (1 - alpha[..., None]) * garden(random)
    photo += random.normal(0, 0.008, photo.shape)  # a camera's noise
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in (("photo.png", photo[..., ::-1]), ("true_alpha.png", alpha)):
        cv2.imwrite(str(folder / name), (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/draw_creature.py FOLDER")
    main(Path(sys.argv[1]))
