"""Title, dates, timecode, chapters and language are kept, or reported as lost."""

import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import pytest

from mattecli.io.clip_types import Span, Tags
from mattecli.io.video.tags import timecode_after
from mattecli.io.video_read import open_clip
from mattecli.io.video_write import open_writer
from tests.clips import ffmpeg, make_clip

META = """;FFMETADATA1
title=Take 7
artist=A. Camera
creation_time=2024-05-06T07:08:09.000000Z
[CHAPTER]
TIMEBASE=1/1000
START=0
END=200
title=One
[CHAPTER]
TIMEBASE=1/1000
START=200
END=480
title=Two
"""


@pytest.fixture
def tagged(tmp_path: Path) -> Path:
    """A clip of 12 frames at 25 a second with all that editors put into one."""
    (tmp_path / "meta.txt").write_text(META)
    (tmp_path / "words.srt").write_text("1\n00:00:00,100 --> 00:00:00,300\nHello\n")
    plain, path = make_clip(tmp_path / "plain.mp4"), tmp_path / "tagged.mp4"
    tags = ("-metadata:s:v", "language=deu", "-timecode", "01:02:03:04")
    sources = ("-i", plain, "-i", tmp_path / "meta.txt", "-i", tmp_path / "words.srt", "-map", "0", "-map", "2")
    ffmpeg(*sources, "-map_metadata", "1", "-map_chapters", "1", "-c", "copy", "-c:s", "mov_text", *tags, path)
    return path


def _rewritten(source: Path, path: Path, *, start: Fraction | None = None, end: Fraction | None = None) -> tuple[str, tuple[str, ...]]:
    """What the ffmpeg program says of a copy, and the writer's notes."""
    span = Span(start, end)
    with (
        open_clip(str(source), start=start, end=end) as reader,
        open_writer(str(path), kind="composite", clip=reader.clip, sound=None, span=span) as writer,
    ):
        for frame in reader:
            writer.write(frame.pixels, pts=frame.pts, duration=frame.duration)
    told = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path)], capture_output=True, check=False).stderr.decode()
    return told, writer.notes


@pytest.mark.parametrize("ending", [".mov", ".mp4", ".mkv", ".webm"])
def test_title_dates_timecode_and_chapters_are_kept(ending: str, tagged: Path, tmp_path: Path) -> None:
    told, notes = _rewritten(tagged, tmp_path / f"out{ending}")
    assert all(word in told for word in ("Take 7", "A. Camera", "2024-05-06T07:08:09", "01:02:03:04", "One", "Two"))
    assert ending == ".mov" or "(deu)" in told  # QuickTime's old language codes lack some
    assert not any("does not carry" in note for note in notes)


def test_a_part_has_its_own_timecode_and_chapters(tagged: Path, tmp_path: Path) -> None:
    told, _ = _rewritten(tagged, tmp_path / "part.mov", start=Fraction("0.28"), end=Fraction("0.4"))
    assert "01:02:03:11" in told and "One" not in told and "start 0.000000, end 0.120000" in told


def test_the_chapter_track_of_an_earlier_result_causes_no_note(tagged: Path, tmp_path: Path) -> None:
    _rewritten(tagged, tmp_path / "one.mov")
    assert _rewritten(tmp_path / "one.mov", tmp_path / "two.mov")[1] == ()


def test_tags_that_numbered_pictures_do_not_carry_are_reported(tagged: Path, tmp_path: Path) -> None:
    with open_clip(str(tagged)) as reader, open_writer(f"{tmp_path}/", kind="composite", clip=reader.clip, sound=None) as writer:
        writer.write(next(iter(reader)).pixels, pts=0, duration=1)
    assert "creation_time" in writer.notes[0] and "timecode, chapters, 1 track of subtitles" in writer.notes[0]


def test_every_second_frame_drops_the_timecode_with_a_note(tagged: Path) -> None:
    with open_clip(str(tagged), every=2) as reader:
        assert reader.clip.tags.timecode is None and "timecode" in reader.clip.tags.left_out


NTSC, FAST = Fraction(30000, 1001), Fraction(60000, 1001)


@pytest.mark.parametrize(
    ("text", "frames", "rate", "later"),
    [
        ("01:02:03:04", 25, Fraction(25), "01:02:04:04"),
        ("23:59:59:23", 1, Fraction(24), "00:00:00:00"),
        ("00:00:59;29", 1, NTSC, "00:01:00;02"),
        ("00:09:59;29", 1, NTSC, "00:10:00;00"),
        ("00:00:00;00", 17982, NTSC, "00:10:00;00"),
        ("00:00:59;59", 1, FAST, "00:01:00;04"),
        ("23:59:59;29", 1, NTSC, "00:00:00;00"),
        ("00:00:00:30", 0, Fraction(25), None),
        ("00:00:00;00", 0, Fraction(25), None),
        ("noon", 0, Fraction(25), None),
    ],
)
def test_timecodes_are_advanced_by_frames(text: str, frames: int, rate: Fraction, later: str | None) -> None:
    assert timecode_after(text, frames, rate) == later


def test_chapters_with_impossible_times_are_left_out(tagged: Path, tmp_path: Path) -> None:
    (tmp_path / "meta.txt").write_text(META.replace("END=480", f"END={5 * 10**12}").replace("START=200", f"START={4 * 10**12}"))
    ffmpeg("-i", tagged, "-i", tmp_path / "meta.txt", "-map", "0:v", "-map_chapters", "1", "-c", "copy", tmp_path / "late.mkv")
    told, _ = _rewritten(tmp_path / "late.mkv", tmp_path / "out.mov")
    assert "One" in told and "Two" not in told


def test_a_clip_without_tags_has_none() -> None:
    assert Tags() == Tags({}, None, None, (), ())
