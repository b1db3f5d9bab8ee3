"""`matte plate`: moving subjects are removed, camera motion is followed, and guessed parts are reported."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.clips import make_clip
from tests.support import Run, read

SIZE = (96, 160)
PROBE = """
import sys
from mattecli.cli.app import app
app(sys.argv[1:], standalone_mode=False)
assert not {"torch", "rich"} & set(sys.modules)
"""


@pytest.fixture(scope="module")
def yard() -> np.ndarray:
    """A textured scene with room around the frame."""
    grain = np.random.default_rng(5).integers(20, 236, (34, 50)).astype(np.uint8)
    grey = cv2.resize(grain, (SIZE[1] + 40, SIZE[0] + 40), interpolation=cv2.INTER_CUBIC)
    return np.clip(grey[..., None] * np.array([0.8, 0.9, 1.0]), 0, 255).astype(np.uint8)


def filmed(path: Path, yard: np.ndarray, *, sway=0.0, frames=16, stands=False, **how) -> Path:
    """A clip of someone in red who walks through the scene, or stands before its left, filmed from a tripod or a hand."""

    def picture(index, size):
        shift = np.array([[1, 0, sway * np.sin(index - 8) - 20], [0, 1, sway * (np.cos(index - 8) - 1) - 20]], np.float64)
        frame = cv2.warpAffine(yard, shift, size[::-1], flags=cv2.INTER_CUBIC)
        left = 0 if stands else 9 * index
        frame[30:90, left : left + 24] = np.random.default_rng(index).integers(0, 256, 3) if stands else (230, 20, 30)
        return frame

    return make_clip(path, size=SIZE, frames=frames, picture=picture, **how)


def error_of(plate: np.ndarray, yard: np.ndarray) -> float:
    """How far a plate is from what the middle frame of a clip shows of the scene, margins aside."""
    return float(abs(plate.astype(float) - yard[20:-20, 20:-20])[10:-10, 10:-10].mean())


def test_moving_subjects_are_removed_from_the_plate(run: Run, yard: np.ndarray, tmp_path: Path) -> None:
    clip = filmed(tmp_path / "clip.mp4", yard)
    done = run("plate", clip)
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{tmp_path / 'clip_plate.png'}\n" and done.stderr == ""
    plate = read(tmp_path / "clip_plate.png")
    assert plate.dtype == np.uint8 and error_of(plate, yard) < 2.5


def test_a_hand_held_camera_is_followed_unless_align_is_none(run: Run, yard: np.ndarray, tmp_path: Path) -> None:
    clip = filmed(tmp_path / "clip.mp4", yard, sway=4.0)
    followed = run("plate", clip, "-o", tmp_path / "followed.png", "--json")
    assert followed.exit_code == 0, followed.output
    record = json.loads(followed.stdout)
    assert record["shift"] > 3 and record["frames"] == 16 and record["left_out"] == 0 and record["notes"] == []
    assert run("plate", clip, "-o", tmp_path / "as_it_is.png", "--align", "none").exit_code == 0
    assert error_of(read(tmp_path / "followed.png"), yard) < 3 < 12 < error_of(read(tmp_path / "as_it_is.png"), yard)


def test_start_end_frames_and_ten_bits_are_respected(run: Run, yard: np.ndarray, tmp_path: Path) -> None:
    clip = filmed(tmp_path / "clip.mkv", yard, frames=20, codec="ffv1", pixels="yuv420p10le", matrix="bt709")
    done = run("plate", clip, "-o", tmp_path / "plate.png", "--start", "0.2", "--end", "0.7", "--frames", "7", "--json")
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert record["frames"] == 7 and record["bits"] == 16 and record["size"] == [160, 96]
    assert read(tmp_path / "plate.png").dtype == np.uint16
    assert run("plate", clip, "-o", tmp_path / "plate.jpg").exit_code == 0 and read(tmp_path / "plate.jpg").dtype == np.uint8


def test_background_that_is_never_uncovered_is_reported(run: Run, yard: np.ndarray, tmp_path: Path) -> None:
    done = run("plate", filmed(tmp_path / "clip.mp4", yard, stands=True), "-o", tmp_path / "plate.png")
    assert done.exit_code == 0 and "of the picture hardly ever shows its background" in done.stderr
    assert run("plate", tmp_path / "clip.mp4", "-o", tmp_path / "plate.png", "-q").stderr == ""


def test_a_single_frame_becomes_the_plate_with_a_warning(run: Run, yard: np.ndarray, tmp_path: Path) -> None:
    done = run("plate", filmed(tmp_path / "clip.mkv", yard, codec="ffv1", pixels="gbrp"), "--end", "0.04", "-o", tmp_path / "plate.png")
    assert done.exit_code == 0 and "only one frame" in done.stderr
    assert read(tmp_path / "plate.png")[60, 12].tolist() == [230, 20, 30]


def test_frames_of_another_scene_are_left_out(run: Run, yard: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    for index in range(9):
        scene = yard[20:-20, 20:-20] if index < 6 else 255 - yard[:-40, :-40][::-1]
        cv2.imwrite(str(tmp_path / f"frames/{index}.png"), scene[..., ::-1])
    done = run("plate", tmp_path / "frames", "-o", tmp_path / "plate.png")
    assert done.exit_code == 0 and "3 of 9 frames show another scene" in done.stderr
    assert (read(tmp_path / "plate.png") == yard[20:-20, 20:-20]).all()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["clip.mp4", "-o", "clip.mp4"], "pictures are written as"),
        (["clip.png", "-o", "./clip.png"], "would overwrite the clip"),
        (["frames", "-o", "frames/plate.png"], "would lie among the frames"),
        (["clip.mp4", "--align", "homography"], "choose auto or none"),
        (["nowhere.mp4"], "nowhere.mp4"),
        ([""], "the clip is empty"),
        (["x" * 300 + ".mp4"], "xxx.mp4"),
    ],
)
def test_mistakes_are_refused_in_one_sentence(
    run: Run, scene: Path, tmp_path: Path, yard: np.ndarray, arguments: list[str], complaint: str
) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames/1.png").write_bytes((tmp_path / "photo.png").read_bytes())
    (tmp_path / "clip.png").write_bytes((tmp_path / "photo.png").read_bytes())
    before = sorted(tmp_path.rglob("*"))
    done = run("plate", *arguments)
    assert done.exit_code in (1, 2) and complaint in done.stderr and len(done.stderr.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_the_plate_of_a_real_street_equals_the_street_without_people(run: Run, shared: Path, tmp_path: Path) -> None:
    done = run("plate", shared / "data/video/street_static.mp4", "-o", tmp_path / "plate.png", "--frames", "25")
    assert done.exit_code == 0, done.output
    given = read(shared / "data/video/street_static_plate.png").astype(float)
    difference = abs(read(tmp_path / "plate.png") - given)
    assert difference.mean() < 3.5 and (difference.max(axis=2) > 40).mean() < 0.003


def test_plate_loads_neither_torch_nor_rich(yard: np.ndarray, tmp_path: Path) -> None:
    clip = filmed(tmp_path / "clip.mp4", yard, frames=3)
    done = subprocess.run([sys.executable, "-c", PROBE, "plate", str(clip)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
