"""A mask drawn for the first frame is told from one that still fits."""

import numpy as np
import pytest

from mattecli.matting.tracking.moved_subject import MovedSubject

SIZE = (120, 160)


def scene(column: float, *, light: int = 0) -> np.ndarray:
    """A dark disc at a column of a bright textured wall."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    wall = 150 + 30 * np.sin(columns / 5.0) * np.cos(rows / 7.0)
    levels = np.where(np.hypot(rows - 60, columns - column) < 22, 40, wall) + light
    return np.repeat(levels.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def mask(column: float = 50) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.where(np.hypot(rows - 60, columns - column) < 24, 255, 0).astype(np.uint8)


def test_a_subject_that_leaves_its_mask_is_detected() -> None:
    moved = MovedSubject(mask())
    assert [moved(scene(column)) for column in (50, 52, 80, 130)] == [False, False, True, True]


@pytest.mark.parametrize("light", [-30, 40])
def test_a_change_of_light_is_no_motion(light: int) -> None:
    moved = MovedSubject(mask())
    assert not moved(scene(50)) and not moved(scene(50, light=light))


def test_a_trimap_with_a_wide_unknown_band_lets_the_subject_sway() -> None:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    distance = np.hypot(rows - 60, columns - 50)
    trimap = np.where(distance < 10, 255, np.where(distance < 40, 128, 0)).astype(np.uint8)
    moved = MovedSubject(trimap)
    assert [moved(scene(column)) for column in (50, 56, 44, 150)] == [False, False, False, True]


def test_a_mask_of_nothing_and_one_of_16_bits_are_taken() -> None:
    nothing = MovedSubject(np.zeros(SIZE, np.uint16))
    assert not nothing(scene(50).astype(np.uint16) * 257)
    assert not MovedSubject(mask().astype(np.uint16) * 257)(scene(50))
