"""Scene cuts are seen; motion, light and flashes are not taken for them."""

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mattecli.matting.scene_cuts import is_cut, thumbnail
from tests.support import read


def _small_frames(clip: Path) -> list[np.ndarray]:
    with av.open(str(clip)) as container:
        return [frame.to_ndarray(format="rgb24", width=160, height=90) for frame in container.decode(video=0)]


@pytest.mark.parametrize(("clip", "cuts"), [("talk_two_scenes.mp4", [34]), ("street_static.mp4", []), ("synth_swing/clip.mp4", [])])
def test_cuts_of_a_real_clip_are_found(shared: Path, clip: str, cuts: list[int]) -> None:
    frames = _small_frames(shared / "data" / "video" / clip)
    assert [index for index in range(1, len(frames)) if is_cut(frames[index - 1], frames[index])] == cuts


@pytest.fixture(scope="module")
def photo(shared: Path) -> np.ndarray:
    return cv2.resize(read(shared / "data" / "portraits" / "astronaut.jpg"), (256, 144), interpolation=cv2.INTER_AREA)


def _lit(gain: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda frame: (np.clip((frame / 255.0) ** 2.2 * gain, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def _whip_pan(frame: np.ndarray) -> np.ndarray:
    moved = cv2.copyMakeBorder(frame, 0, 0, 40, 0, cv2.BORDER_REFLECT)[:, :256]
    return cv2.blur(moved, (20, 1))


@pytest.mark.parametrize("change", [_lit(4), _lit(0.1), _whip_pan, np.flipud], ids=["flash", "dark", "whip pan", "tumble"])
def test_light_and_fast_motion_are_no_cuts(photo: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> None:
    assert not is_cut(photo, change(photo))
    assert not is_cut(change(photo), photo)


def test_another_photo_and_black_are_cuts(shared: Path, photo: np.ndarray) -> None:
    other = read(shared / "data" / "video" / "synth_swing" / "plate.jpg")
    assert is_cut(photo, other)
    assert is_cut(photo, np.zeros_like(photo))
    assert is_cut(np.zeros_like(photo), photo)


def test_black_bars_hide_no_cut(shared: Path, photo: np.ndarray) -> None:
    scenes = [cv2.resize(scene, (256, 144)) for scene in (photo, read(shared / "data" / "video" / "synth_swing" / "plate.jpg"))]
    for scene in scenes:
        scene[:30] = scene[-30:] = 0
    assert is_cut(*scenes)


def test_the_thumbnail_of_a_thumbnail_is_unchanged(photo: np.ndarray) -> None:
    small = thumbnail(photo)
    assert small.shape == (36, 64, 3)
    assert np.array_equal(thumbnail(small), small)
    assert thumbnail(photo[:1, :1]).shape == small.shape
