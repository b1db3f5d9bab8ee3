"""Subtitles go along, as they are or in the codec that the container takes."""

from fractions import Fraction
from pathlib import Path

import pytest

from mattecli.io.clip_types import Span
from mattecli.io.video_read import open_clip
from mattecli.io.video_write import open_writer
from tests.clips import ffmpeg, header_of, make_clip

WORDS = "1\n00:00:00,100 --> 00:00:00,300\nHello <i>you</i>\n\n2\n00:00:00,340 --> 00:00:00,440\nTwo\nlines\n\n"


def _subtitled(folder: Path, ending: str, codec: str) -> Path:
    (folder / "words.srt").write_text(WORDS)
    plain, path = make_clip(folder / "plain.mkv", options=("-g", "6", "-bf", "0")), folder / f"source{ending}"
    coding = ("-c:v", "libvpx-vp9") if ending == ".webm" else ("-c:v", "copy")
    words = ("-i", folder / "words.srt", "-map", "0", "-map", "1", "-c:s", codec, "-metadata:s:s", "language=deu")
    ffmpeg("-i", plain, *words, *coding, path)
    return path


def _written(source: Path, path: Path, start: Fraction | None = None, end: Fraction | None = None) -> tuple[str, ...]:
    with (
        open_clip(str(source), start=start, end=end) as reader,
        open_writer(str(path), kind="composite", clip=reader.clip, sound=None, span=Span(start, end)) as writer,
    ):
        for frame in reader:
            writer.write(frame.pixels, pts=frame.pts, duration=frame.duration)
    return writer.notes


def _words(path: Path) -> str:
    return str(ffmpeg("-i", path, "-map", "0:s:0", "-f", "srt", "-"))


@pytest.mark.parametrize(
    ("ending", "codec", "wanted", "name"),
    [
        (".mp4", "mov_text", ".mov", None),
        (".mkv", "ass", ".mkv", None),
        (".webm", "webvtt", ".webm", None),
        (".mkv", "subrip", ".mp4", "mov_text"),
        (".mp4", "mov_text", ".mkv", "subrip"),
        (".mkv", "ass", ".webm", "webvtt"),
    ],
)
def test_subtitles_keep_their_times_in_each_container(ending: str, codec: str, wanted: str, name: str | None, tmp_path: Path) -> None:
    path = tmp_path / f"out{wanted}"
    notes = _written(_subtitled(tmp_path, ending, codec), path)
    assert _words(path) == WORDS
    assert wanted == ".mov" or "(deu)" in header_of(path)  # QuickTime's old language codes lack some
    assert [note for note in notes if "subtitles" in note] == (
        [f"the subtitles are {codec}, which {_muxer(wanted)} files do not take; they are re-encoded as {name}"] if name else []
    )


def _muxer(ending: str) -> str:
    return {".mkv": "matroska"}.get(ending, ending[1:])


def test_a_part_of_a_clip_keeps_the_subtitles_within_it(tmp_path: Path) -> None:
    _written(_subtitled(tmp_path, ".mp4", "mov_text"), tmp_path / "part.mov", Fraction("0.2"), Fraction("0.4"))
    shown = "1\n00:00:00,000 --> 00:00:00,100\nHello <i>you</i>\n\n2\n00:00:00,140 --> 00:00:00,200\nTwo\nlines\n\n"
    assert _words(tmp_path / "part.mov") == shown


def test_subtitles_that_a_container_cannot_hold_are_reported(tmp_path: Path) -> None:
    assert "1 track of subtitles" in _written(_subtitled(tmp_path, ".mkv", "subrip"), tmp_path / "out.apng")[-1]
