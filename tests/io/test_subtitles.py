"""Subtitles are copied, or re-encoded in the codec of the container."""

import struct
from fractions import Fraction
from pathlib import Path

import av
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


def _bitmap(second: float, *, shown: bool) -> bytes:
    """A Blu-ray display set (PGS): 8x4 white pixels in a picture of 96x64, or nothing."""
    begin = struct.pack(">HHBHBBBB", 96, 64, 0x10, 0, 0x80, 0, 0, shown)
    parts = [(0x16, begin + (struct.pack(">HBBHH", 0, 0, 0, 8, 8) if shown else b"")), (0x17, struct.pack(">BBHHHH", 1, 0, 8, 8, 8, 4))]
    if shown:
        lines = b"\0\x88\1\0\0" * 4
        parts += [(0x14, bytes((0, 0, 1, 235, 128, 128, 255))), (0x15, struct.pack(">HBBxHHH", 0, 0, 0xC0, len(lines) + 4, 8, 4) + lines)]
    stamp = round(second * 90_000)
    return b"".join(struct.pack(">2sIIBH", b"PG", stamp, 0, kind, len(body)) + body for kind, body in (*parts, (0x80, b"")))


def _with_bitmaps(folder: Path, codec: str) -> Path:
    """A clip of 12 frames at 25 a second with a bitmap from 0.12 to 0.32 seconds."""
    (folder / "words.sup").write_bytes(_bitmap(0, shown=True) + _bitmap(0.2, shown=False))
    plain, path = make_clip(folder / "plain.mkv"), folder / "source.mkv"
    ffmpeg("-i", plain, "-itsoffset", "0.12", "-i", folder / "words.sup", "-map", "0", "-map", "1", "-c:v", "copy", "-c:s", codec, path)
    return path


def _bitmaps(path: Path) -> list[tuple[float, bytes]]:
    """The packets of a file's subtitles, each with its second."""
    with av.open(str(path)) as container:
        return [(float(packet.pts * packet.time_base), bytes(packet)) for packet in container.demux(subtitles=0) if packet.size]


@pytest.mark.parametrize("codec", ["copy", "dvdsub"])
def test_bitmaps_go_along_to_matroska_and_are_told_elsewhere(codec: str, tmp_path: Path) -> None:
    source = _with_bitmaps(tmp_path, codec)
    assert _written(source, tmp_path / "out.mkv") == () and _bitmaps(tmp_path / "out.mkv") == _bitmaps(source) != []
    assert _written(source, tmp_path / "out.mov") == ("out.mov does not carry the source's 1 track of subtitles",)
    assert "subtitles" in _written(source, tmp_path / "out.webm")[-1]


def test_a_part_has_the_bitmaps_that_begin_in_it(tmp_path: Path) -> None:
    _written(_with_bitmaps(tmp_path, "copy"), tmp_path / "part.mkv", Fraction("0.04"), Fraction("0.2"))
    assert [second for second, _ in _bitmaps(tmp_path / "part.mkv")] == [0.08]
