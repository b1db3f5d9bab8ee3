"""A reproducible scene for measurements: a textured subject with a soft edge in front of a textured wall, and every guide. No torch.

The subject is an ellipse in the middle. Of the trimap a narrow band around its edge is unknown, a tenth of the picture (see UNKNOWN), as
in a trimap drawn with care; solvers that work on unknown pixels alone depend on that share.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import pi, sin
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattecli.core.contract import GUIDES
from mattecli.errors import InputError
from mattecli.io.clip_types import Clip
from mattecli.io.images import write_image
from mattecli.io.video_read import open_clip
from mattecli.io.video_write import open_writer

Size = tuple[int, int]  # height, width
Plane = NDArray[np.float32]

# Distances from the middle, in half sides: where the trimap's unknown band begins and ends, and where alpha falls from 1 to 0 in it.
BAND, EDGE = (0.55, 0.66), (0.58, 0.63)
UNKNOWN = pi / 4 * (BAND[1] ** 2 - BAND[0] ** 2)
SWAY = 0.02  # how far the subject moves from the middle, in half sides; its edge stays within the band
WALL, SUBJECT, GRAIN = (70, 95, 120), (215, 150, 90), 3
RATE = 25
# A clip has the frames that so many pixels make, within limits: encoding it should not outlast measuring with it.
CLIP_PIXELS, FEWEST_FRAMES, MOST_FRAMES = 100_000_000, 24, 120


def photo_file(folder: Path) -> Path:
    return folder / "photo.png"


def guide_file(folder: Path, guide: str) -> Path:
    return folder / f"{guide}.png"


def write_scene(folder: Path, size: Size) -> None:
    """Write the photo and its guides as PNG into a folder."""
    distance = _distance(size, 0.0)
    pictures = {
        "background": _with_grain(_wall(size), 1),
        "trimap": np.where(distance < BAND[0], 255, np.where(distance > BAND[1], 0, 128)).astype(np.uint8),
        "mask": np.where(distance < sum(EDGE) / 2, 255, 0).astype(np.uint8),
    }
    write_image(next(_frames(size)), photo_file(folder))
    for guide in GUIDES:
        write_image(pictures[guide], guide_file(folder, guide))


def write_clip(file: Path, size: Size) -> None:
    """Write a clip of the scene (H.264), its subject swaying, with fresh grain in each frame."""
    count = max(FEWEST_FRAMES, min(MOST_FRAMES, CLIP_PIXELS // (size[0] * size[1])))
    clip = Clip(source=str(file), size=size, time_base=Fraction(1, RATE), rate=Fraction(RATE))
    with open_writer(str(file), kind="composite", clip=clip, sound=None) as writer:
        for index, frame in zip(range(count), _frames(size), strict=False):
            writer.write(frame, pts=index, duration=1)


def write_plate_of(clip: str, folder: Path) -> None:
    """Use a clip's first frame as the plate; it is registered like a real one."""
    with open_clip(clip) as reader:
        first = next(iter(reader), None)
    if first is None:
        raise InputError(f"{clip} has no frames; give another clip")
    write_image(first.pixels, guide_file(folder, "background"))


def _frames(size: Size) -> Iterator[NDArray[np.uint8]]:
    """The scene at 25 frames a second, endless."""
    wall, subject = _wall(size), _subject(size)
    index = 0
    while True:
        distance = _distance(size, SWAY * sin(2 * pi * index / RATE))
        alpha = np.clip((EDGE[1] - distance) / (EDGE[1] - EDGE[0]), 0, 1)[..., None]
        yield _with_grain(wall + alpha * (subject - wall), index)
        index += 1


def _distance(size: Size, sway: float) -> Plane:
    """The distance of each pixel from the subject's middle, in half sides: an ellipse of radius 1 touches the picture's four sides."""
    height, width = size
    columns = (np.arange(width, dtype=np.float32) + 0.5) / width * 2 - 1 - np.float32(sway)
    rows = (np.arange(height, dtype=np.float32) + 0.5) / height * 2 - 1
    return np.hypot(rows[:, None], columns[None, :])


def _wall(size: Size) -> Plane:
    """Patches of random brightness and a slow gradient: details for registering a plate."""
    height, width = size
    cell = max(2, width // 64)
    patches = np.random.default_rng(1).uniform(-25, 25, (-(-height // cell), -(-width // cell))).astype(np.float32)
    texture = patches.repeat(cell, axis=0).repeat(cell, axis=1)[:height, :width]
    slope = np.linspace(-20, 20, width, dtype=np.float32)
    return (texture + slope)[..., None] + np.array(WALL, np.float32)


def _subject(size: Size) -> Plane:
    """Fine slanted strands of light and dark."""
    height, width = size
    strands = 25 * np.sin((np.arange(height, dtype=np.float32)[:, None] * 0.3 + np.arange(width, dtype=np.float32)[None, :]) * 0.7)
    return strands[..., None] + np.array(SUBJECT, np.float32)


def _with_grain(picture: Plane, index: int) -> NDArray[np.uint8]:
    grain = np.random.default_rng(index).integers(-GRAIN, GRAIN + 1, picture.shape[:2], dtype=np.int8)
    return np.clip(picture + grain[..., None], 0, 255).astype(np.uint8)
