"""The glance that tells a camera at rest from one that moved, and a steady light from one that changed."""

import cv2
import numpy as np
import pytest

from mattecli.matting.registration.exposure import Picture
from mattecli.matting.registration.stillness import rests

SIZE = (120, 160)
SHOWN = np.ones(SIZE, bool)


def scene(seed: int = 0) -> Picture:
    return cv2.GaussianBlur(np.random.default_rng(seed).random((*SIZE, 3), np.float32), (0, 0), 2.0) * 2 - 0.5


def seen(plate: Picture, *, shift: float = 0.0, gain: float = 1.0, turn: float = 0.0) -> Picture:
    """The scene with noise and a person who hides a quarter of it, by a camera that moved, turned (degrees) or opened its iris."""
    motion = cv2.getRotationMatrix2D((SIZE[1] / 2, SIZE[0] / 2), turn, 1.0)
    motion[:, 2] += (shift, 0)
    picture = cv2.warpAffine(plate * gain, motion, SIZE[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    picture[30:, 60:110] = scene(1)[30:, 60:110]
    return picture + np.random.default_rng(2).normal(0, 0.01, picture.shape).astype(np.float32)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ({}, True),
        ({"shift": 0.2}, False),
        ({"shift": -0.2}, False),
        ({"turn": 0.3}, False),
        ({"gain": 1.03}, False),
        ({"gain": 1.002}, True),
    ],
)
def test_noise_and_a_subject_count_as_still_and_small_shifts_and_light_changes_do_not(made: dict[str, float], expected: bool) -> None:
    plate = scene()
    assert rests(seen(plate, **made), plate, SHOWN, shift=0.1, change=2 / 255) is expected


def test_another_scene_and_an_unseen_plate_do_not_count_as_still() -> None:
    plate = scene()
    assert not rests(scene(5), plate, SHOWN, shift=0.1, change=2 / 255)
    assert not rests(plate, plate, np.zeros(SIZE, bool), shift=0.1, change=2 / 255)


def test_a_plain_wall_counts_as_still() -> None:
    wall = np.full((*SIZE, 3), 0.5, np.float32)
    assert rests(wall + np.random.default_rng(0).normal(0, 0.01, wall.shape).astype(np.float32), wall, SHOWN, shift=0.1, change=2 / 255)
