"""Interlaced clips are reported, and deinterlaced on request with every frame at its time."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mattecli.io.video_read import open_clip
from tests.clips import ffmpeg, make_clip, numbered


def walking(index: int, size: tuple[int, int]) -> np.ndarray:
    """A bright block that walks over grey."""
    picture = np.full((*size, 3), 90, np.uint8)
    picture[size[0] // 4 : size[0] // 2, 4 + 3 * index : 20 + 3 * index] = 230
    return picture


@pytest.fixture
def interlaced(tmp_path: Path) -> Path:
    """12 frames of 25 a second, whose rows alternate between two of 24 pictures."""
    whole = make_clip(tmp_path / "whole.mkv", codec="ffv1", pixels="yuv420p", rate="50", frames=24, picture=walking)
    weave = ("-vf", "tinterlace=interleave_top,fieldorder=tff", "-c:v", "libx264", "-flags", "+ilme+ildct", "-qp", "4", "-g", "4")
    ffmpeg("-i", whole, *weave, tmp_path / "woven.mp4")
    return tmp_path / "woven.mp4"


def _combs(pixels: np.ndarray) -> float:
    levels = pixels[..., 1].astype(int)
    return float(np.abs(levels[1:-1] * 2 - levels[:-2] - levels[2:]).mean())


def test_interlaced_frames_are_counted_and_reported(interlaced: Path) -> None:
    with open_clip(str(interlaced)) as reader:
        assert len(list(reader)) == 12 and "12 frames" in reader.notes[0] and "`deinterlace`" in reader.notes[0]


@pytest.mark.parametrize("start", [None, Fraction("0.2")])
def test_deinterlacing_keeps_the_number_and_times_of_frames(interlaced: Path, start: Fraction | None) -> None:
    with open_clip(str(interlaced), start=start) as woven, open_clip(str(interlaced), start=start, deinterlace=True) as whole:
        pairs = list(zip(woven, whole, strict=True))
    assert [one.pts for one, _ in pairs] == [other.pts for _, other in pairs]
    assert np.mean([_combs(other.pixels) for _, other in pairs]) < 0.5 * np.mean([_combs(one.pixels) for one, _ in pairs])


def test_a_progressive_clip_has_no_note(tmp_path: Path) -> None:
    with open_clip(str(make_clip(tmp_path / "a.mp4"))) as reader:
        frames = list(reader)
    assert reader.notes == () and np.abs(frames[3].pixels.astype(int) - numbered(3)).mean() < 12
