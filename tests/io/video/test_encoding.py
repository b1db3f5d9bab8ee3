"""Clips in the formats of the web and of pipes; read back with the ffmpeg program, which shares no code with the writer."""

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mattecli.errors import OutputError, UsageError
from mattecli.io.clip_types import Clip
from mattecli.io.codecs import Coding
from mattecli.io.video.encoding import check_destination, encoding_for
from mattecli.io.video_read import open_clip
from mattecli.io.video_write import open_writer
from tests.clips import ffmpeg, stamps

SIZE = (48, 64)
CLIP = Clip("clip.mp4", SIZE, Fraction(1, 25), Fraction(25))
UNEVEN = (0, 2, 3, 7)


def _cutout(index: int, top: int = 255) -> np.ndarray:
    """A square that walks over nothing, above a half transparent band, beside a soft one."""
    picture = np.zeros((*SIZE, 4), np.float32)
    picture[..., 0], picture[..., 1] = 200 / 255, index / 8
    picture[8:24, 4 + 6 * index : 20 + 6 * index, 3] = 1
    picture[30:36, :, 3] = 0.5
    picture[40:, :, 3] = np.linspace(0, 1, SIZE[1])
    return np.rint(picture * top).astype(np.uint8 if top == 255 else np.uint16)


def _write(path: Path, frames: list[np.ndarray], kind: str, *, clip: Clip = CLIP, pts: tuple[int, ...] = UNEVEN, **coding: object) -> str:
    with open_writer(str(path), kind=kind, clip=clip, sound=None, coding=Coding(**coding)) as writer:
        for index, (frame, begin) in enumerate(zip(frames, pts, strict=True)):
            end = pts[index + 1] if index + 1 < len(pts) else begin + 2
            writer.write(frame, pts=begin, duration=end - begin)
    return " ".join(writer.notes)


def _seen(path: Path, layout: str) -> np.ndarray:
    channels, deep = {"rgba": (4, 0), "rgba64le": (4, 1), "rgb24": (3, 0), "gray": (1, 0), "gray16le": (1, 1)}[layout]
    data = ffmpeg("-i", path, "-fps_mode", "passthrough", "-pix_fmt", layout, "-f", "rawvideo", "-", binary=True)
    return np.squeeze(np.frombuffer(data, "<u2" if deep else np.uint8).reshape(-1, *SIZE, channels))


@pytest.mark.parametrize(("name", "tolerance"), [("a.apng", 0), ("a.nut", 0), ("a.webp", 12)])
def test_cutouts_survive_a_round_trip_with_alpha_and_times(tmp_path: Path, name: str, tolerance: int) -> None:
    frames = [_cutout(index) for index in range(4)]
    _write(tmp_path / name, frames, "cutout")
    found = _seen(tmp_path / name, "rgba").astype(int)
    assert found.shape == (4, *SIZE, 4)
    assert np.abs(found[..., 3] - np.stack(frames)[..., 3]).max() <= min(tolerance, 1), "WebP keeps alpha without loss"
    opaque = np.stack(frames)[..., 3] == 255
    assert np.abs(found - np.stack(frames))[opaque].max() <= tolerance
    base, times = stamps(tmp_path / name)
    assert [time * base * 25 for time in times] == list(UNEVEN)


def test_a_gif_has_one_bit_of_alpha_and_a_note(tmp_path: Path) -> None:
    frames = [_cutout(index) for index in range(4)]
    notes = _write(tmp_path / "a.gif", frames, "cutout")
    found = _seen(tmp_path / "a.gif", "rgba")
    assert (found[..., 3] == np.where(np.stack(frames)[..., 3] >= 128, 255, 0)).all()
    assert "one bit" in notes and "256 colours" in notes
    base, times = stamps(tmp_path / "a.gif")
    assert [time * base * 25 for time in times] == list(UNEVEN)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.apng", "a.y4m", "a.nut", "a.mkv"])
def test_colours_and_mattes_are_opaque(tmp_path: Path, name: str) -> None:
    codec = "av1" if name == "a.mkv" else None
    colours = [_cutout(index)[..., :3] for index in range(4)]
    _write(tmp_path / name, colours, "composite", codec=codec, pts=(0, 1, 2, 3))
    assert np.abs(_seen(tmp_path / name, "rgb24").astype(int) - np.stack(colours)).max() <= 6
    mattes = [_cutout(index)[..., 3] for index in range(4)]
    _write(tmp_path / name, mattes, "alpha", codec=codec, pts=(0, 1, 2, 3))
    assert np.abs(_seen(tmp_path / name, "gray").astype(int) - np.stack(mattes)).mean() <= 1.5


@pytest.mark.parametrize("name", ["a.apng", "a.nut"])
def test_sixteen_bit_frames_stay_sixteen_bit(tmp_path: Path, name: str) -> None:
    frames = [_cutout(index, 65535) for index in range(4)]
    _write(tmp_path / name, frames, "cutout", clip=replace(CLIP, bits=16))
    assert (_seen(tmp_path / name, "rgba64le") == np.stack(frames)).all()
    _write(tmp_path / "a.y4m", [frame[..., 3] for frame in frames], "alpha", clip=replace(CLIP, bits=16), pts=(0, 1, 2, 3))
    assert (_seen(tmp_path / "a.y4m", "gray16le") == np.stack(frames)[..., 3]).all()


def test_a_written_animated_webp_is_read_as_a_clip(tmp_path: Path) -> None:
    _write(tmp_path / "a.webp", [_cutout(index) for index in range(4)], "cutout")
    with open_clip(str(tmp_path / "a.webp")) as reader:
        assert [(frame.pts, frame.duration) for frame in reader] == [(0, 80), (80, 40), (120, 160), (280, 80)]


@pytest.mark.parametrize("name", ["a.webp", "a.gif", "a.apng"])
def test_equal_frames_keep_their_durations(tmp_path: Path, name: str) -> None:
    frames = [_cutout(index) for index in (0, 1, 1, 1)]
    _write(tmp_path / name, frames, "cutout")
    with open_clip(str(tmp_path / name)) as reader:
        shown = list(reader)
        assert (shown[-1].pts + shown[-1].duration) * reader.clip.time_base == Fraction(9, 25)


def test_formats_without_timestamps_report_uneven_times(tmp_path: Path) -> None:
    colours = [_cutout(index)[..., :3] for index in range(4)]
    assert "follow each other evenly" in _write(tmp_path / "a.y4m", colours, "composite")
    assert "evenly" not in _write(tmp_path / "a.y4m", colours, "composite", pts=(0, 1, 2, 3))


@pytest.mark.parametrize(("codec", "kind", "layout"), [("nut", "cutout", "rgba"), ("raw", "cutout", "rgba"), (None, "composite", "rgb24")])
def test_a_stream_on_stdout_is_complete(codec: str | None, kind: str, layout: str, tmp_path: Path) -> None:
    channels = len(layout) if layout == "rgba" else 3
    script = f"""
import numpy as np
from fractions import Fraction
from mattecli.io.clip_types import Clip
from mattecli.io.codecs import Coding
from mattecli.io.video_write import open_writer
clip = Clip("x", {SIZE}, Fraction(1, 25), Fraction(25))
with open_writer("-", kind={kind!r}, clip=clip, sound=None, coding=Coding({codec!r})) as writer:
    for index in range(5):
        writer.write(np.full((*clip.size, {channels}), 40 * index, np.uint8), pts=index, duration=1)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=600, check=True)
    (tmp_path / "stream").write_bytes(done.stdout)
    found = np.frombuffer(done.stdout, np.uint8).reshape(-1, *SIZE, 4) if codec == "raw" else _seen(tmp_path / "stream", layout)
    assert [round(float(frame.mean())) for frame in found] == [0, 40, 80, 120, 160]


def test_a_raw_stream_is_described() -> None:
    encoding = encoding_for("-", kind="cutout", clip=replace(CLIP, bits=10), codec="raw", crf=None)
    assert encoding.notes == ("each raw frame is 64x48 rgba64le, and 25 come a second",)


@pytest.mark.parametrize("name", ["a.apng", "%d.png", "%d.tif"])
def test_premultiplied_colours_are_tagged(name: str, tmp_path: Path) -> None:
    notes = _write(tmp_path / name, [_cutout(index) for index in range(4)], "cutout", premultiplied=True)
    assert ("premultiplied" in notes) == (name != "%d.tif"), "a TIFF says it itself"


def test_unsupported_outputs_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="h264 is not written to stdout; use `codec` y4m, nut or raw"):
        check_destination("-", kind="composite", codec="h264")
    with pytest.raises(UsageError, match=r"y4m carries no transparency|cannot hold transparency"):
        check_destination("-", kind="cutout", codec="y4m")
    with pytest.raises(UsageError, match=r"\.mp4 cannot hold transparency"):
        check_destination("a.mp4", kind="cutout", codec=None)
    with pytest.raises(UsageError, match="av1 carries no transparency"):
        check_destination("a.webm", kind="cutout", codec="av1")


def test_hevc_with_alpha_is_written_or_the_missing_encoder_named(tmp_path: Path) -> None:
    frames = [_cutout(index) for index in range(4)]
    try:
        _write(tmp_path / "a.mov", frames, "cutout", codec="hevc")
    except OutputError as error:
        assert "this build of x265 does not encode an alpha" in str(error) and not list(tmp_path.iterdir())
    else:
        assert np.abs(_seen(tmp_path / "a.mov", "rgba").astype(int) - np.stack(frames))[..., 3].mean() < 2
