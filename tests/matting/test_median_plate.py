"""A clip's plate is what each pixel shows most of the time, and says where that is a guess."""

import numpy as np
import pytest

from mattecli.errors import InputError
from mattecli.matting import median_plate as module
from mattecli.matting.median_plate import median_plate

SIZE = (40, 60)


@pytest.fixture
def scene():
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.stack([60 + 2 * columns, 50 + 3 * rows, np.full_like(rows, 120)], axis=2).astype(np.float64)


def clip(scene, covers, *, noise=2.0, seed=0):
    """Frames of a scene with noise; covers(index, frame, rng) draws what stands there."""
    rng = np.random.default_rng(seed)
    frames = []
    for index in range(20):
        frame = scene.copy()
        covers(index, frame, rng)
        frames.append(np.clip(frame + rng.normal(0, noise, frame.shape), 0, 255).astype(np.uint8))
    return frames


def test_moving_subjects_and_noise_are_removed(scene):
    def walker(index, frame, rng):
        frame[10:, 2 * index : 2 * index + 12] = (220, 30, 30)

    frames = clip(scene, walker)
    made = median_plate(frames)
    assert abs(made.pixels - scene).max() < 5 and abs(made.pixels - scene).mean() < 0.8
    assert made.unsettled == 0


def test_a_background_visible_in_a_third_of_the_frames_is_found_behind_changing_things(scene):
    def crowd(index, frame, rng):
        if index % 3:
            frame[10:30, 10:40] = rng.integers(150, 256, (20, 30, 3))

    frames = clip(scene, crowd)
    assert abs(np.median(frames, axis=0) - scene)[10:30, 10:40].mean() > 20, "the median alone does not find it"
    assert abs(median_plate(frames).pixels - scene)[10:30, 10:40].mean() < 3


def test_pixels_that_never_show_their_background_are_counted(scene):
    def dancer(index, frame, rng):
        frame[:, :15] = rng.integers(0, 256, (SIZE[0], 15, 3))

    assert median_plate(clip(scene, dancer)).unsettled == pytest.approx(0.25, abs=0.02)


def test_samples_of_another_scene_are_left_out(scene):
    def margin(index, frame, rng):
        frame[:, : 3 * index] = 0

    shown = [np.broadcast_to(np.arange(SIZE[1]) >= 3 * index, SIZE) for index in range(20)]
    made = median_plate(clip(scene, margin), shown)
    assert abs(made.pixels - scene)[:, 1:].mean() < 2
    assert median_plate([np.zeros((*SIZE, 3), np.uint8)], [np.zeros(SIZE, bool)]).unsettled == 1


def test_sixteen_bits_stay_and_strips_leave_no_trace(scene, monkeypatch):
    def walker(index, frame, rng):
        frame[10:, 2 * index : 2 * index + 12] = rng.integers(0, 256, 3)

    frames = [frame.astype(np.uint16) * 257 for frame in clip(scene, walker)]
    whole = median_plate(frames).pixels
    assert whole.dtype == np.uint16 and abs(whole / 257 - scene).max() < 5
    monkeypatch.setattr(module, "STRIP_VALUES", 20 * SIZE[1] * 3 * 7)
    assert (median_plate(frames).pixels == whole).all()


def test_one_frame_is_its_own_plate_and_none_is_refused(scene):
    frame = scene.astype(np.uint8)
    assert (median_plate([frame]).pixels == frame).all()
    with pytest.raises(InputError, match="at least one frame"):
        median_plate([])
