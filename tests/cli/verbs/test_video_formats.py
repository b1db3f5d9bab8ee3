"""What `matte video` writes for the web, for compositing and into pipes, read back by the ffmpeg program."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mattecli.io.images import write_image
from tests.cli.verbs.test_video import SIZE, disc, true_alpha
from tests.clips import ffmpeg, make_clip
from tests.support import Run

CLIP = ("video", "clip.mp4", "--bg", "plate.png", "--model", "closed-form")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with clip.mp4, a disc that walks, and plate.png, the scene alone."""
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "clip.mp4", picture=disc, frames=4, pixels="yuv444p")
    write_image(disc(0, present=False), tmp_path / "plate.png")
    return tmp_path


def _rgba(source: Path | str, stdin: bytes | None = None) -> np.ndarray:
    output = ("-fps_mode", "passthrough", "-pix_fmt", "rgba", "-f", "rawvideo", "-")
    return np.frombuffer(ffmpeg("-i", source, *output, stdin=None if stdin is None else [stdin], binary=True), np.uint8).reshape(
        -1, *SIZE, 4
    )


@pytest.mark.parametrize("ending", [".webp", ".apng", ".gif"])
def test_cutouts_for_the_web_keep_their_alpha(ending: str, stage: Path, run: Run) -> None:
    result = run(*CLIP, "-o", f"out{ending}")
    assert result.exit_code == 0, result.stderr
    truth = np.stack([true_alpha(index) for index in range(4)])
    wanted = truth >= 0.5 if ending == ".gif" else truth
    assert np.abs(_rgba(stage / f"out{ending}")[..., 3] / 255 - wanted).mean() < 0.02
    assert ("one bit" in result.stderr) == (ending == ".gif")


def test_premultiplied_colours_equal_straight_colours_times_alpha(stage: Path, run: Run) -> None:
    assert run(*CLIP, "-o", "straight.nut").exit_code == 0
    result = run(*CLIP, "-o", "pre.nut", "--premultiplied")
    assert result.exit_code == 0 and "matted with black" in result.stderr
    straight, premultiplied = _rgba(stage / "straight.nut").astype(int), _rgba(stage / "pre.nut").astype(int)
    assert (straight[..., 3] == premultiplied[..., 3]).all()
    assert np.abs(straight[..., :3] * straight[..., 3:] / 255 - premultiplied[..., :3]).max() <= 0.5


def test_a_clip_through_pipes_equals_the_one_through_files(stage: Path, run: Run) -> None:
    assert run(*CLIP, "-o", "file.nut").exit_code == 0
    command = [sys.executable, "-m", "mattecli", "video", "-", *CLIP[2:], "-o", "-", "--json"]
    done = subprocess.run(command, input=(stage / "clip.mp4").read_bytes(), capture_output=True, timeout=600, check=True)
    assert (_rgba("-", done.stdout) == _rgba(stage / "file.nut")).all()
    assert b'"input": "-"' in done.stderr and b'"output": "-"' in done.stderr, "the record goes where the clip does not"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-o", "-", "--codec", "h264"), "h264 is not written to stdout"),
        (("-o", "-", "--resume"), "stdout keeps nothing"),
        (("clip.mp4", "-o", "-"), "2 clips cannot all go to stdout"),
        (("--as", "alpha", "--premultiplied"), "does not go with --as alpha"),
    ],
)
def test_contradicting_options_are_refused_before_any_work(arguments: tuple[str, ...], sentence: str, stage: Path, run: Run) -> None:
    result = run(*CLIP, *arguments)
    assert result.exit_code == 2 and sentence in result.stderr


def test_a_clip_on_stdin_gives_the_result_of_its_file(stage: Path, run: Run) -> None:
    assert run(*CLIP, "-o", "file.nut").exit_code == 0
    done = run("video", "-", *CLIP[2:], "-o", "piped.nut", "--json", input=(stage / "clip.mp4").read_bytes())
    assert done.exit_code == 0 and '"input": "-"' in done.stdout
    assert (stage / "piped.nut").read_bytes() == (stage / "file.nut").read_bytes()
    assert run("video", "-", input=b"x").exit_code == 2, "it has no name for its result"


def test_a_cutout_clip_keeps_its_own_matte_unless_a_model_is_given(stage: Path, run: Run) -> None:
    assert run(*CLIP, "-o", "cut.mkv").exit_code == 0
    result = run("video", "cut.mkv", "--as", "alpha", "-o", "alpha.mkv")
    assert result.exit_code == 0 and "keeps its own matte" in result.stderr
    assert (_rgba(stage / "alpha.mkv")[..., 0] == _rgba(stage / "cut.mkv")[..., 3]).all()
    assert run("video", "cut.mkv", "--over", "#102030", "--gamma", "-o", "over.mkv").exit_code == 0
    cut = _rgba(stage / "cut.mkv").astype(float)
    share = cut[..., 3:] / 255
    wanted = share * cut[..., :3] + (1 - share) * np.array([0x10, 0x20, 0x30])
    assert np.abs(_rgba(stage / "over.mkv")[..., :3] - wanted).max() <= 1
