"""Concatenated recordings play one after the other, as in the ffmpeg program; pictures and sound stay in sync."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mattecli.io.video_read import open_clip
from mattecli.io.video_write import open_writer
from tests.clips import index_of, make_clip, stamps


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, Path]:
    """Two transport streams of 12 frames at 24 a second with sound; the second begins 300 s later."""
    options = ("-bf", "0", "-g", "6")
    first = make_clip(tmp_path / "one.ts", rate="24", sounds=("stereo",), options=options)
    later = make_clip(tmp_path / "two.ts", rate="24", sounds=("stereo",), options=(*options, "-output_ts_offset", "300"))
    return first, later


def _joined(path: Path, *files: Path) -> Path:
    path.write_bytes(b"".join(file.read_bytes() for file in files))
    return path


@pytest.mark.parametrize("order", [(0, 0), (0, 1), (1, 0), (0, 1, 0)])
def test_concatenated_recordings_play_one_after_the_other_with_their_sound(
    order: tuple[int, ...], parts: tuple[Path, Path], tmp_path: Path
) -> None:
    path = _joined(tmp_path / "joined.ts", *(parts[number] for number in order))
    with (
        open_clip(str(path)) as reader,
        open_writer(str(tmp_path / "out.mov"), kind="composite", clip=reader.clip, sound=str(path)) as writer,
    ):
        for frame in reader:
            writer.write(frame.pixels, pts=frame.pts, duration=frame.duration)
    base, ticks = stamps(tmp_path / "out.mov")
    assert [float(tick * base) for tick in ticks] == pytest.approx([index / 24 for index in range(12 * len(order))], abs=1e-4)
    sound_base, sound = stamps(tmp_path / "out.mov", stream="a:0")
    assert np.diff([float(tick * sound_base) for tick in sound]).max() < 0.1 and abs(float(sound[-1] * sound_base) - len(order) / 2) < 0.15
    assert "jump" in reader.notes[0] and reader.damage is None


def test_a_part_of_concatenated_recordings_is_found_by_its_time_in_the_whole(parts: tuple[Path, Path], tmp_path: Path) -> None:
    path = _joined(tmp_path / "joined.ts", *parts)
    with open_clip(str(path), start=Fraction(3, 4), end=Fraction(1)) as reader:
        assert [index_of(frame.pixels) for frame in reader] == [6, 7, 8, 9, 10, 11]


def test_a_nonsensical_timestamp_is_ignored(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mkv", codec="ffv1", frames=6, times=[0, 40, 80, 120, 160, 200_000_000])
    with open_clip(str(path)) as reader:
        seconds = [float((frame.pts - reader.clip.start) * reader.clip.time_base) for frame in reader]
    assert seconds == pytest.approx([0.04 * index for index in range(6)])
