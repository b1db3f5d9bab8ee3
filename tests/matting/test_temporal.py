"""Flicker goes; what moves, and what is right already, stays."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from mattecli.matting.temporal import smoothed
from tests.support import read

Frames = Sequence[np.ndarray]


def _smooth(frames: Frames, alphas: Frames) -> np.ndarray:
    return np.stack([alpha for alpha, _ in smoothed(zip(frames, alphas, frames, strict=True))])


def _flicker(alphas: np.ndarray, truth: np.ndarray) -> float:
    """The dtSSD of Erofeev et al., "Perceptually Motivated Benchmark for Video Matting" (BMVC 2015), inside the clip."""
    error = (alphas - truth)[1:-1]
    return float(np.sqrt(np.square(np.diff(error, axis=0)).mean(axis=(1, 2))).mean())


def _error(alphas: np.ndarray, truth: np.ndarray) -> float:
    return float(np.abs(alphas - truth)[1:-1].mean())


def _flickering(alphas: np.ndarray) -> np.ndarray:
    """Mattes as a model of single frames makes them: borders that wobble by 1.5 pixels, varying softness, blobs and holes."""
    random, height, width = np.random.default_rng(0), *alphas.shape[1:]
    y, x = np.mgrid[:height, :width].astype(np.float32)

    def field(sigma: float) -> np.ndarray:
        noise = cv2.GaussianBlur(random.normal(size=(height, width)).astype(np.float32), (0, 0), sigma)
        return noise / noise.std()

    corrupt = []
    for alpha in alphas:
        wobbling = cv2.remap(alpha, x + 1.5 * field(15), y + 1.5 * field(15), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        softened = cv2.GaussianBlur(wobbling, (0, 0), random.uniform(0.3, 1.8))
        blobs = field(14)
        corrupt.append(np.clip(softened - np.maximum(2 * blobs - 4.6, 0) + np.maximum(-2 * blobs - 5.2, 0), 0, 1))
    return np.stack(corrupt).astype(np.float32)


@pytest.fixture(scope="module")
def swing(shared: Path) -> tuple[Frames, np.ndarray]:
    """Frames and exact mattes of a woman who moves up to twenty pixels a frame."""
    folder = shared / "data" / "video" / "synth_swing"
    frames = [read(folder / f"frame_{index:04d}.jpg") for index in range(8)]
    return frames, np.stack([read(folder / f"alpha_{index:04d}.png").astype(np.float32) / 255 for index in range(8)])


def test_a_part_that_comes_and_goes_for_several_frames_is_held_where_the_picture_stays() -> None:
    random = np.random.default_rng(0)
    still = cv2.GaussianBlur(random.integers(0, 256, (60, 80, 3)).astype(np.uint8), (0, 0), 2)
    alpha = np.zeros((60, 80), np.float32)
    alpha[10:50, 20:60] = 1
    hole = alpha.copy()
    hole[25:35, 35:45] = 0
    mattes = [alpha, alpha, alpha, hole, hole, hole, alpha, alpha, hole, hole]
    changes = {}
    for hold in (False, True):
        steady = np.stack([matte for matte, _ in smoothed(((still, matte, None) for matte in mattes), hold=hold)])
        changes[hold] = np.abs(np.diff(steady, axis=0)).max(axis=(1, 2))
    assert changes[False].max() > 0.9 and changes[True].max() < 0.35
    other = cv2.GaussianBlur(random.integers(0, 90, (60, 80, 3)).astype(np.uint8), (0, 0), 2)
    cut = [(still, alpha, None), (other, hole, None)]
    assert (list(smoothed(cut, hold=True))[1][0] == hole).all(), "nothing is held across a cut"


def test_holding_hardly_harms_true_mattes(swing: tuple[Frames, np.ndarray]) -> None:
    frames, truth = swing
    held = np.stack([alpha for alpha, _ in smoothed(zip(frames, truth, frames, strict=True), hold=True)])
    assert np.abs(held - truth).mean() < 0.001


def test_flicker_of_a_fast_subject_is_lowered_and_so_is_the_error(swing: tuple[Frames, np.ndarray]) -> None:
    frames, truth = swing
    corrupt = _flickering(truth)
    steady = _smooth(frames, corrupt)
    assert _flicker(steady, truth) < 0.8 * _flicker(corrupt, truth)
    assert _error(steady, truth) < 0.85 * _error(corrupt, truth)


def test_flicker_of_a_still_picture_falls_to_less_than_half(swing: tuple[Frames, np.ndarray]) -> None:
    frames, truth = [swing[0][0]] * 8, np.repeat(swing[1][:1], 8, axis=0)
    corrupt = _flickering(truth)
    assert _flicker(_smooth(frames, corrupt), truth) < 0.5 * _flicker(corrupt, truth)


def test_exact_mattes_of_a_moving_subject_stay(swing: tuple[Frames, np.ndarray]) -> None:
    frames, truth = swing
    change = np.abs(_smooth(frames, truth) - truth)
    assert change.mean() < 0.0003  # measured: 0.0001
    assert np.quantile(change, 0.999) < 0.05


def test_exact_hair_that_waves_keeps_its_strands(shared: Path) -> None:
    photo = read(shared / "data" / "eval" / "alphamatting_GT03.png")[100:420, :300]
    matte = read(shared / "data" / "eval" / "alphamatting_GT03_alpha.png")[100:420, :300].astype(np.float32) / 255
    y, x = np.mgrid[:320, :300].astype(np.float32)
    waves = [(x - 3 * np.sin(0.7 * t + y / 30), y - 2 * np.sin(0.9 * t + x / 40)) for t in range(6)]
    frames, truth = ([cv2.remap(plane, *wave, cv2.INTER_LINEAR) for wave in waves] for plane in (photo, matte))
    steady = _smooth(frames, truth)
    strands = [cv2.absdiff(alpha, cv2.blur(alpha, (7, 7))).mean() for alpha in truth]
    kept = [cv2.absdiff(alpha, cv2.blur(alpha, (7, 7))).mean() for alpha in steady]
    assert min(now / then for now, then in zip(kept, strands, strict=True)) > 0.97


def test_a_blob_of_one_frame_leaves_not_even_its_outline(shared: Path) -> None:
    frame = cv2.resize(read(shared / "data" / "video" / "synth_swing" / "plate.jpg"), (1200, 675))
    truth = cv2.circle(np.zeros((675, 1200), np.float32), (600, 340), 200, 1.0, -1)
    wrong = cv2.circle(cv2.circle(truth.copy(), (200, 200), 50, 1.0, -1), (600, 340), 40, 0.0, -1)
    steady = _smooth([frame] * 3, [truth, wrong, truth])
    assert np.abs(steady[1] - truth).max() < 0.5 / 255


def test_strands_finer_than_the_reduced_picture_survive_a_correction(shared: Path) -> None:
    frame = cv2.resize(read(shared / "data" / "video" / "synth_swing" / "plate.jpg"), (1200, 675))
    strands = np.zeros((675, 1200), np.float32)
    strands[:, 400:800:8] = strands[:, 401:800:8] = 1
    steady = _smooth([frame] * 3, [strands, 0.8 * strands, strands])
    assert steady[1, 100:-100, 450:750].mean() > 0.88 * strands[100:-100, 450:750].mean()
    assert steady[1, 100:-100, 450:750].std() > 0.75 * strands[100:-100, 450:750].std()


def test_an_alternating_matte_becomes_constant(swing: tuple[Frames, np.ndarray]) -> None:
    frames = [swing[0][0]] * 8
    blob = cv2.circle(np.zeros(frames[0].shape[:2], np.float32), (100, 100), 30, 1.0, -1)
    steady = _smooth(frames, [blob * (index % 2) for index in range(8)])
    assert np.abs(np.diff(steady[:-1], axis=0)).max() < 0.01


def test_a_hole_in_a_moving_subject_is_filled(swing: tuple[Frames, np.ndarray]) -> None:
    """The picture at the hole is another one in each frame; only along the motion is it the same."""
    frames, truth = swing
    wrong = truth[2:5].copy()
    cv2.circle(wrong[1], (260, 190), 12, 0.0, -1)
    steady = _smooth(frames[2:5], wrong)
    assert np.abs(steady - truth[2:5])[1].sum() < 0.3 * np.abs(wrong - truth[2:5])[1].sum()


@pytest.mark.parametrize("colour", [(255, 200, 30), (20, 30, 160)])
def test_a_fast_subject_leaves_no_ghost_and_does_not_lag(shared: Path, colour: tuple[int, int, int]) -> None:
    plate = cv2.resize(read(shared / "data" / "video" / "synth_swing" / "plate.jpg"), (640, 360))
    discs = [cv2.circle(np.zeros((360, 640), np.uint8), (60 + 60 * t, 180 + 3 * t), 20, 255, -1, cv2.LINE_AA) for t in range(8)]
    alphas = [disc.astype(np.float32) / 255 for disc in discs]
    frames = [(plate * (1 - a[..., None]) + np.float32(colour) * a[..., None]).astype(np.uint8) for a in alphas]
    assert np.abs(_smooth(frames, alphas) - np.stack(alphas)).max() < 0.1


def test_no_correction_reaches_across_a_cut(swing: tuple[Frames, np.ndarray]) -> None:
    """The lower half, black in both scenes, would let it: only the cut tells the matte there to stay."""
    first, second = swing[0][0].copy(), np.ascontiguousarray(255 - swing[0][0][::-1, ::-1])
    first[135:], second[135:] = 0, 0
    nothing = np.zeros(first.shape[:2], np.float32)
    blob = cv2.circle(nothing.copy(), (240, 200), 30, 1.0, -1)
    frames, alphas = [first] * 3 + [second] * 3, [nothing, nothing, blob, nothing, blob, nothing]
    steady = _smooth(frames, alphas)
    assert np.array_equal(steady[2], blob)
    assert np.array_equal(steady[3], nothing)
    assert steady[4].max() < 0.01


def test_items_come_out_in_order_one_frame_late_with_their_payload() -> None:
    frame, alpha, taken = np.zeros((20, 30, 3), np.uint8), np.zeros((20, 30), np.float32), []

    def items() -> Iterator[tuple[np.ndarray, np.ndarray, str]]:
        for name in "abcd":
            taken.append(name)
            yield frame, alpha, name

    stream = smoothed(items())
    for count in range(2, 5):
        assert next(stream)[1] == "abcd"[count - 2]
        assert len(taken) == count
    assert [name for _, name in stream] == ["d"]


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (15, 16), (33, 17), (3, 700), (501, 13)])
def test_pictures_of_any_size_are_taken(size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    frames = random.integers(0, 40, (4, *size, 3)).astype(np.uint8)
    alphas = random.random((4, *size), dtype=np.float32)
    steady = _smooth(frames, alphas)
    assert steady.shape == alphas.shape
    assert steady.dtype == np.float32
    assert steady.min() >= 0
    assert steady.max() <= 1


def test_a_change_of_size_resets_the_state() -> None:
    clip = [(20, 1), (24, 0), (24, 0)]
    items = [(np.zeros((side, side, 3), np.uint8), np.full((side, side), value, np.float32), side) for side, value in clip]
    assert [(side, alpha.mean()) for alpha, side in smoothed(items)] == clip
