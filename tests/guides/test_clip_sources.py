"""Guides go in step with their clip: by their numbers where both have some, else one after the other; what speaks against it is told."""

from pathlib import Path

import numpy as np
import pytest

from mattecli.errors import InputError
from mattecli.guides.clip_sources import open_given
from mattecli.io.images import write_image
from mattecli.io.video_read import open_clip
from mattecli.requests.clip import ClipRequest
from tests.clips import SIZE, Picture, Size, make_clip


def bars(folder: Path, numbers: range | list[int], *, top: int = 255) -> str:
    """Masks whose width tells their number, modulo 90."""
    for number in numbers:
        levels = np.zeros(SIZE, np.uint8)
        levels[:, : 1 + number % 90] = top
        write_image(levels, folder / f"m.{number:04d}.png")
    return str(folder)


def bar(index: int, size: Size) -> Picture:
    levels = np.zeros((*size, 3), np.uint8)
    levels[:, : 1 + index] = 255
    return levels


def widths(source: str, guide: str, *, name: str = "mask") -> tuple[list[int], list[str]]:
    """The width of each frame's bar, and the doubts about it."""
    found, doubts = [], []
    request = ClipRequest(source, "out.mov", {name: guide})
    with open_clip(source) as reader, open_given(request, reader.clip) as given:
        for frame in reader:
            levels = given[name].at(frame)
            found.append(int((levels > np.iinfo(levels.dtype).max // 2).sum()) // SIZE[0])
            doubts += given[name].doubts(frame)
    return found, doubts


def test_numbered_guides_are_paired_by_number(tmp_path: Path) -> None:
    source = bars(tmp_path / "clip", [1001, 1002, 1005])
    assert widths(source, bars(tmp_path / "all", range(999, 1009)))[0] == [1 + 1001 % 90, 1 + 1002 % 90, 1 + 1005 % 90]
    assert widths(source, bars(tmp_path / "counted", range(1, 4)))[0] == [2, 3, 4]


def test_numbered_guides_of_floats_are_numbers_and_not_light(tmp_path: Path) -> None:
    source = bars(tmp_path / "clip", [1, 2])
    for number in (1, 2):
        shares = np.zeros(SIZE, np.float32)
        shares[:, :20], shares[:, 20:40] = 1, 0.3  # as light 0.3 is shown as 0.58
        write_image(shares, tmp_path / "floats" / f"m.{number:04d}.exr")
    assert widths(source, str(tmp_path / "floats"))[0] == [20, 20]


def test_a_mask_clip_of_another_rate_is_reported(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", rate="25", frames=10)
    same = make_clip(tmp_path / "same.mkv", codec="ffv1", rate="25", frames=10, picture=bar)
    other = make_clip(tmp_path / "other.mkv", codec="ffv1", rate="50", frames=10, picture=bar)
    assert widths(str(clip), str(same)) == (list(range(1, 11)), [])
    found, doubts = widths(str(clip), str(other))
    assert found == list(range(1, 11)) and len(doubts) == 8
    assert "of another time: its clip has 50 frames a second, this one 25" in doubts[0]


def test_a_still_mask_that_the_subject_has_left_is_reported(tmp_path: Path) -> None:
    def walks(index: int, size: Size) -> Picture:
        picture = np.full((*size, 3), 200, np.uint8)
        picture[20:50, 5 + 6 * index : 25 + 6 * index] = 30
        return picture

    clip = make_clip(tmp_path / "clip.mp4", frames=10, picture=walks)
    levels = np.zeros(SIZE, np.uint8)
    levels[20:50, 5:25] = 255
    write_image(levels, tmp_path / "mask.png")
    _, doubts = widths(str(clip), str(tmp_path / "mask.png"))
    assert 5 <= len(doubts) < 10 and "the still mask has it" in doubts[0]


def test_black_frames_of_a_coded_mask_stay_black_and_labels_of_pictures_are_read(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=4)
    noisy = make_clip(tmp_path / "noisy.mp4", frames=4, picture=lambda index, size: bar(0, size) // 60)
    assert widths(str(clip), str(noisy))[0] == [0] * 4
    assert widths(str(clip), bars(tmp_path / "labels", range(10, 14), top=1))[0] == [11, 12, 13, 14]


@pytest.mark.parametrize("name", ["trimap", "mask"])
def test_a_colour_photo_is_refused_as_a_guide(name: str, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=2)
    noise = np.random.default_rng(0).integers(0, 255, (2, *SIZE, 3), dtype=np.uint8)
    photo = make_clip(tmp_path / "photo.mkv", codec="ffv1", pixels="bgr0", frames=2, picture=lambda index, size: noise[index])
    with pytest.raises(InputError, match=r"photo\.mkv"):
        widths(str(clip), str(photo), name=name)


def test_times_are_relative_to_the_first_frame_of_each_clip(tmp_path: Path) -> None:
    late = make_clip(tmp_path / "late.mkv", frames=4, options=("-output_ts_offset", "3"))
    guide = make_clip(tmp_path / "guide.mkv", codec="ffv1", frames=4, picture=bar)
    assert widths(str(late), str(guide)) == ([1, 2, 3, 4], [])
