"""Clips cut, scaled and inverted."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import mattecli
from mattecli.errors import UsageError
from mattecli.io.video_read import open_clip, probe
from mattecli.requests.pictures import Framing
from tests.cli.verbs.test_video import SIZE, disc, true_alpha
from tests.clips import ffmpeg, make_clip, pictures_of
from tests.support import Run

FRAMES = 4


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with cut.mkv, a cut-out of a disc that walks, the clip.mkv that it is of, and alpha.mkv."""
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "clip.mkv", picture=disc, frames=FRAMES, codec="ffv1", pixels="bgr0")
    raw = ("-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{SIZE[1]}x{SIZE[0]}", "-r", "25", "-i", "-")
    ffmpeg(*raw, "-c:v", "ffv1", tmp_path / "alpha.mkv", stdin=(levels.tobytes() for levels in _alphas()))
    ffmpeg("-i", tmp_path / "clip.mkv", "-i", tmp_path / "alpha.mkv", "-lavfi", "alphamerge", "-c:v", "ffv1", tmp_path / "cut.mkv")
    return tmp_path


def _alphas() -> np.ndarray:
    return np.stack([np.rint(true_alpha(index) * 255).astype(np.uint8) for index in range(FRAMES)])


def _cutouts(path: Path) -> np.ndarray:
    with open_clip(str(path)) as reader:
        return np.stack([np.dstack([frame.pixels, frame.alpha]) for frame in reader])


def test_max_side_shrinks_frames_without_mixing_in_hidden_colours(stage: Path, run: Run) -> None:
    done = run("video", "cut.mkv", "--max-side", "47", "-o", "small.mkv", "--json")
    assert done.exit_code == 0 and '"size": [46, 30]' in done.stdout, done.output
    share = [cv2.resize(levels, (46, 30), interpolation=cv2.INTER_AREA) for levels in _alphas()]
    small = _cutouts(stage / "small.mkv")
    assert np.abs(small[..., 3].astype(int) - np.stack(share)).max() <= 1
    inside = small[..., 3] > 250
    assert np.abs(small[inside][:, 1].astype(int) - 140).mean() < 60, "colours are the disc's and not mixed with what is hidden"


def test_size_gives_square_pixels_and_the_backdrop_fills_the_frame(stage: Path, run: Run) -> None:
    ffmpeg("-i", stage / "cut.mkv", "-c", "copy", "-aspect", "3:1", stage / "wide.mkv")  # pixels twice as wide as high
    done = run("video", "wide.mkv", "--size", "96x96", "--over", "#00ff00", "-o", "square.mkv")
    assert done.exit_code == 0, done.output
    clip = probe(str(stage / "square.mkv"))
    assert clip.size == (96, 96) and clip.aspect == 1
    shown = pictures_of(stage / "square.mkv", (96, 96))
    assert (shown[:, :31] == (0, 255, 0)).all() and (shown[:, -31:] == (0, 255, 0)).all() and not (shown == (0, 255, 0)).all()
    assert (shown[:, 32:64] != (0, 255, 0)).any(axis=(1, 2, 3)).all()


def test_invert_gives_the_background_of_a_clip(stage: Path, run: Run) -> None:
    done = run("video", "cut.mkv", "--invert", "--as", "alpha", "-o", "beside.mkv")
    assert done.exit_code == 0, done.output
    assert (pictures_of(stage / "beside.mkv", SIZE)[..., 0] == 255 - _alphas()).all()
    done = run("composite", "clip.mkv", "--alpha", "alpha.mkv", "--invert", "--over", "transparent", "-o", "scene.mkv")
    assert done.exit_code == 0, done.output
    assert (_cutouts(stage / "scene.mkv")[..., 3] == 255 - _alphas()).all()


def test_crop_keeps_every_pixel_that_the_subject_covers_in_any_frame(stage: Path, run: Run) -> None:
    done = run("composite", "clip.mkv", "--alpha", "alpha.mkv", "--over", "transparent", "--crop", "2px", "-o", "part.mkv")
    assert done.exit_code == 0, done.output
    covered = _alphas().max(axis=0) > 0
    (top, bottom), (left, right) = (np.flatnonzero(covered.any(axis=axis))[[0, -1]] for axis in (1, 0))
    part = _cutouts(stage / "part.mkv")[..., 3]
    height, width = bottom - top + 5, right - left + 5
    assert part.shape[1] in (height, height + 1) and part.shape[2] in (width, width + 1)
    assert part.shape[1] % 2 == part.shape[2] % 2 == 0
    assert part.sum() == _alphas().sum(), "nothing of the subject is cut off"
    assert not part[:, :2].any() and not part[:, :, :2].any()


def test_a_single_frame_is_framed_as_by_matte_image(stage: Path, run: Run) -> None:
    ffmpeg("-i", stage / "cut.mkv", "-frames:v", "1", stage / "cut.png")
    assert run("composite", "cut.png", "--over", "transparent", "--crop", "--max-side", "20", "-o", "part.png").exit_code == 0
    assert max(cv2.imread(str(stage / "part.png"), cv2.IMREAD_UNCHANGED).shape[:2]) == 20


def test_options_that_clips_do_not_take_are_refused(stage: Path, run: Run) -> None:
    with pytest.raises(UsageError, match="write its mattes first"):
        mattecli.matte_video("cut.mkv", "out.mkv", output=mattecli.OutputOptions(framing=Framing(crop="5%")))
    for arguments, sentence in (
        (("--as", "foreground", "--size", "9"), "a size leaves a margin"),
        (("--keep-hidden", "--size", "9"), "hidden"),
    ):
        done = run("video", "cut.mkv", *arguments, "-o", "out.mkv")
        assert done.exit_code == 2 and sentence in done.stderr, done.output
    done = run("composite", "cut.mkv", "--over", "white", "--invert", "-o", "out.mkv")
    assert done.exit_code == 2 and "goes with --alpha" in done.stderr
    assert not (stage / "out.mkv").exists()
