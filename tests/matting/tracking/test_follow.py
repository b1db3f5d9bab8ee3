"""A subject drawn in the first frame is found in the others; where it is lost, that is said."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import mattecli
from mattecli.matting.tracking.follow import FollowedSubject, SmallMatte

FRAMES = 9
SIZE = (136, 240)


@pytest.fixture(scope="module")
def matte() -> SmallMatte:
    model = mattecli.load("fusion")
    return lambda picture, trimap: model(picture, trimap=trimap).alpha if (trimap == 128).any() else trimap / np.float32(255)


@pytest.fixture
def swing(shared: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Frames and true mattes of a figure that swings by a fifth of the picture's width, in small."""
    folder = shared / "data/video/synth_swing"
    names = [f"{index:04d}" for index in range(FRAMES)]
    frames = [cv2.cvtColor(cv2.imread(str(folder / f"frame_{name}.jpg")), cv2.COLOR_BGR2RGB) for name in names]
    mattes = [cv2.imread(str(folder / f"alpha_{name}.png"), cv2.IMREAD_GRAYSCALE) for name in names]
    return [[cv2.resize(picture, SIZE[::-1], interpolation=cv2.INTER_AREA) for picture in pictures] for pictures in (frames, mattes)]


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    return float(((one > 127) & (other > 127)).sum() / ((one > 127) | (other > 127)).sum())


def test_a_swinging_figure_is_followed(swing: tuple[list[np.ndarray], list[np.ndarray]], matte: SmallMatte) -> None:
    frames, mattes = swing
    mask = np.where(mattes[0] > 127, 255, 0).astype(np.uint8)
    follow = FollowedSubject(mask, matte)
    found = [follow(frame) for frame in frames]
    assert (found[0].mask == mask).all()
    scores = [_iou(one.mask, true) for one, true in zip(found, mattes, strict=True)]
    assert np.mean(scores) > 0.9 and min(scores) > 0.85, scores
    assert min(_iou(mask, true) for true in mattes) < 0.6, "it does move"
    assert not any(one.lost or one.doubt for one in found)


def test_a_subject_is_not_followed_into_another_scene(swing: tuple[list[np.ndarray], list[np.ndarray]], matte: SmallMatte) -> None:
    frames, mattes = swing
    follow = FollowedSubject(mattes[0], matte)
    follow(frames[0])
    other = np.random.default_rng(0).integers(0, 256, (*SIZE, 3)).astype(np.uint8)
    other[: SIZE[0] // 2] //= 8
    lost = follow(other)
    assert "the scene changes" in lost.lost and not lost.mask.any()
    assert follow(frames[0]).lost, "what was lost is not found again by chance"


def test_a_subject_that_fades_into_the_background_is_doubted(matte: SmallMatte) -> None:
    """An orange disc fades into the blue wall behind it, where flow brings along the place it had."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    alpha = np.clip(40 - np.hypot(rows - 68, columns - 120), 0, 1)[..., None]
    wall = np.stack([40 + columns / 8, 60 + rows / 4, np.full(SIZE, 170)], axis=2)
    mask = np.rint(alpha[..., 0] * 255).astype(np.uint8)
    follow = FollowedSubject(mask, matte)
    frames = [wall + (1 - fade) * alpha * (np.array([230, 120, 40]) - wall) for fade in (0, 0.3, 0.6, 0.9, 1)]
    found = [follow(np.rint(frame).astype(np.uint8)) for frame in frames]
    assert not found[1].doubt and (found[-1].doubt or found[-1].lost)
