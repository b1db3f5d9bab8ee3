"""A subject drawn in the first frame is found in the others; where it is lost, that is said."""

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest

import mattecli
from mattecli.io.video_read import open_clip
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


def _frames(shared: Path, clip: str, numbers: list[int], size: tuple[int, int]) -> list[np.ndarray]:
    with open_clip(str(shared / "data/video" / clip)) as reader:
        return [
            cv2.resize(frame.pixels, size[::-1], interpolation=cv2.INTER_AREA)
            for frame in itertools.islice(reader, max(numbers) + 1)
            if frame.index in numbers
        ]


def test_a_talking_person_is_followed_up_to_the_cut(shared: Path, matte: SmallMatte) -> None:
    frames = _frames(shared, "talk_two_scenes.mp4", [2, 10, 18, 26, 33, 34], (135, 240))
    subject = mattecli.load("subject")
    first, last = (np.asarray(subject(frame, refine="none").alpha) * 255 for frame in (frames[0], frames[4]))
    follow = FollowedSubject(np.where(first > 127, 255, 0).astype(np.uint8), matte)
    found = [follow(frame) for frame in frames]
    assert _iou(found[4].mask, last) > 0.95
    assert not any(one.lost or one.doubt for one in found[:5]) and "the scene changes" in found[5].lost


def test_a_walker_too_fast_to_be_followed_is_doubted(shared: Path, matte: SmallMatte) -> None:
    """He moves by more than half his own width from frame to frame."""
    frames = _frames(shared, "street_static.mp4", [30, 31, 32, 33], (140, 640))
    plate = cv2.cvtColor(cv2.imread(str(shared / "data/video/street_static_plate.png")), cv2.COLOR_BGR2RGB)
    apart = np.abs(frames[0].astype(np.float32) - cv2.resize(plate, (640, 140), interpolation=cv2.INTER_AREA)).max(axis=2)
    _, labels, stats, _ = cv2.connectedComponentsWithStats((cv2.GaussianBlur(apart, (0, 0), 2) > 28).astype(np.uint8))
    walker = np.where(labels == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA]), 255, 0).astype(np.uint8)
    follow = FollowedSubject(walker, matte)
    assert any(one.doubt or one.lost for one in map(follow, frames))
