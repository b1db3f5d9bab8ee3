"""An animated WebP is a clip: every frame at its time, with its transparency."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mattecli.errors import InputError
from mattecli.io.pictures.animated import is_animated_webp
from mattecli.io.video_read import open_clip
from tests.clips import index_of, numbered

DURATIONS = [40, 80, 40, 120, 40]


@pytest.fixture
def animation(tmp_path: Path) -> Path:
    """Five frames of `numbered` whose lower third is transparent."""
    frames = []
    for index in range(5):
        alpha = np.full((64, 96), 255, np.uint8)
        alpha[43:] = 0
        frames.append(Image.fromarray(np.dstack([numbered(index), alpha])))
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], duration=DURATIONS, lossless=True)
    return tmp_path / "a.webp"


def test_frames_keep_their_times_and_transparency(animation: Path) -> None:
    with open_clip(str(animation)) as reader:
        frames = list(reader)
    assert [index_of(frame.pixels) for frame in frames] == list(range(5)) and reader.clip.alpha
    assert [frame.pts for frame in frames] == [0, 40, 120, 160, 280] and [frame.duration for frame in frames] == DURATIONS
    assert all((frame.alpha[43:] == 0).all() and (frame.alpha[:43] == 255).all() for frame in frames)
    assert reader.clip.rate == Fraction(5000, 320) and reader.clip.frames == 5 and reader.damage is None


def test_a_part_of_an_animation_is_read(animation: Path) -> None:
    with open_clip(str(animation), start=Fraction("0.1"), end=Fraction("0.2")) as reader:
        assert [index_of(frame.pixels) for frame in reader] == [2, 3]


def test_a_still_webp_is_a_picture_and_a_truncated_one_is_reported(animation: Path, tmp_path: Path) -> None:
    Image.fromarray(numbered(0)).save(tmp_path / "still.webp")
    assert not is_animated_webp(str(tmp_path / "still.webp")) and is_animated_webp(str(animation))
    with pytest.raises(InputError, match="is a picture"):
        open_clip(str(tmp_path / "still.webp"))
    data = animation.read_bytes()
    (tmp_path / "cut.webp").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="damaged or cut off"):
        open_clip(str(tmp_path / "cut.webp"))
