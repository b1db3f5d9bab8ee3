"""Mattes of a model that changes its mind agree; those that are right stay."""

from pathlib import Path

import cv2
import numpy as np

from mattecli.matting.tracking.consensus import agreed
from tests.support import read

SIZE = (90, 160)


def _scene(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (*SIZE, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


def _disc(row: int, column: int, radius: int) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    return np.clip(radius + 0.5 - np.hypot(rows - row, columns - column), 0, 1)


def _agreed(frames: list[np.ndarray], alphas: list[np.ndarray]) -> list[np.ndarray]:
    return [alpha for alpha, _ in agreed(zip(frames, alphas, frames, strict=True))]


def test_what_comes_and_goes_beside_the_subject_is_none_and_its_own_doubtful_part_stays() -> None:
    random = np.random.default_rng(0)
    head, shoulder, thing = _disc(45, 60, 28), _disc(72, 88, 16), _disc(30, 130, 12)
    alphas = [
        np.maximum.reduce([head, random.uniform(0.4, 0.7) * shoulder, random.uniform(0, 0.85) * thing]).astype(np.float32)
        for _ in range(12)
    ]
    found = np.stack(_agreed([_scene(0)] * 12, alphas))
    assert found[:, 30, 130].max() < 0.1 and found[:, 45, 60].min() > 0.99
    assert found[2:, 74, 94].min() > 0.85
    assert max(alpha[30, 130] for alpha in alphas) > 0.6 and min(alpha[74, 94] for alpha in alphas) < 0.5


def test_a_second_subject_that_is_sure_stays_and_nothing_crosses_a_cut() -> None:
    two = np.maximum(_disc(45, 50, 25), _disc(45, 120, 20)).astype(np.float32)
    other = _disc(30, 90, 22).astype(np.float32)
    found = _agreed([_scene(0), _scene(0), _scene(1) // 3], [two, two, other])
    assert np.abs(found[1] - two).mean() < 0.005 and np.abs(found[2] - other).mean() < 0.005


def test_exact_mattes_of_a_moving_subject_stay(shared: Path) -> None:
    folder = shared / "data" / "video" / "synth_swing"
    frames = [cv2.resize(read(folder / f"frame_{index:04d}.jpg"), (480, 270), interpolation=cv2.INTER_AREA) for index in range(5)]
    alphas = [read(folder / f"alpha_{index:04d}.png").astype(np.float32) / 255 for index in range(5)]
    alphas = [cv2.resize(alpha, (480, 270), interpolation=cv2.INTER_AREA) for alpha in alphas]
    errors = [float(np.abs(found - alpha).mean()) for found, alpha in zip(_agreed(frames, alphas), alphas, strict=True)]
    assert max(errors) < 0.01, errors


def test_pictures_of_any_size_and_mattes_of_nothing_are_taken() -> None:
    for size in ((1, 1), (3, 200), (700, 40)):
        frame, empty = np.zeros((*size, 3), np.uint8), np.zeros(size, np.float32)
        assert not np.stack(_agreed([frame] * 3, [empty] * 3)).any()
        assert np.stack(_agreed([frame] * 3, [empty + 1] * 3)).min() > 0.99
