"""Several clips in one command: which they are, and where their results go."""

from pathlib import Path

import numpy as np
import pytest

from mattecli.errors import UsageError
from mattecli.io.images import write_image
from mattecli.requests.clips import plan_clips


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """takes/ with three clips, and frames/ with two pictures."""
    monkeypatch.chdir(tmp_path)
    for name in ("take2.mp4", "take10.mov", "notes.txt", ".hidden.mp4", "B [id].mkv"):
        (tmp_path / "takes").mkdir(exist_ok=True)
        (tmp_path / "takes" / name).touch()
    for index in range(2):
        write_image(np.zeros((4, 6, 3), np.uint8), tmp_path / f"frames/{index}.png")
    return tmp_path


def test_a_folder_of_clips_is_these_in_natural_order(folder: Path) -> None:
    assert plan_clips(["takes"], "out", kind="cutout") == [
        ("takes/B [id].mkv", "out/B [id].mov"),
        ("takes/take2.mp4", "out/take2.mov"),
        ("takes/take10.mov", "out/take10.mov"),
    ]


def test_a_folder_of_pictures_is_one_clip(folder: Path) -> None:
    assert plan_clips(["frames"], None, kind="cutout") == [("frames", "frames_cutout.mov")]
    assert plan_clips(["frames"], "cut/", kind="cutout") == [("frames", "cut/")]


def test_results_of_several_clips_go_to_a_folder_a_pattern_or_beside_them(folder: Path) -> None:
    clips = ["takes/take2.mp4", "frames/%d.png"]
    assert [path for _, path in plan_clips(clips, "out/{stem}.webm", kind="cutout")] == ["out/take2.webm", "out/frames.webm"]
    assert [path for _, path in plan_clips(clips, None, kind="composite")] == ["takes/take2_composite.mp4", "frames_composite.mp4"]
    assert [path for _, path in plan_clips(["takes/take2.mp4"], "{name}.mov", kind="cutout")] == ["take2.mp4.mov"]


@pytest.mark.parametrize("output", ["one.mov", "out/same.mov", "{stem}/../same.mov"])
def test_several_clips_to_one_file_are_refused(output: str, folder: Path) -> None:
    with pytest.raises(UsageError):
        plan_clips(["takes"], output, kind="cutout")


def test_results_of_clips_of_one_name_differ(folder: Path) -> None:
    with pytest.raises(UsageError, match="would both become"):
        plan_clips(["takes/take2.mp4", "other/take2.mp4"], "out/", kind="cutout")
