"""A file that lacks bytes is told from one whose header is wrong about its length."""

import time
from pathlib import Path

import pytest

from mattecli.io.video.length import is_cut_off
from mattecli.io.video_read import open_clip
from tests.clips import cut_off, ffmpeg, make_clip


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.avi", "a.mp4", "a.mov", "a.gif", "a.ts"])
def test_truncated_files_are_distinguished_from_whole_ones(name: str, tmp_path: Path) -> None:
    codec = {"a.webm": "libvpx", "a.gif": "gif"}.get(name, "libx264")
    whole = make_clip(tmp_path / name, codec=codec, pixels="rgb8" if name == "a.gif" else "yuv420p")
    assert not is_cut_off(str(whole))
    says = name not in ("a.gif", "a.ts")  # these two say nothing of their length
    assert is_cut_off(str(cut_off(whole, tmp_path / f"cut_{name}", keep=0.9))) == says


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_a_length_beyond_any_disk_is_that_of_a_cut_off_file(name: str, tmp_path: Path) -> None:
    data = make_clip(tmp_path / name).read_bytes()
    if name == "a.mkv":
        place = data.index(b"\x18\x53\x80\x67") + 4  # the size of the segment, in eight bytes
        changed = data[:place] + b"\x01" + b"\xff" * 6 + b"\xfe" + data[place + 8 :]
    else:
        place = data.index(b"mdat") - 4
        changed = data[:place] + b"\0\0\0\1mdat" + b"\x7f" + b"\xff" * 7 + data[place + 8 :]
    (tmp_path / name).write_bytes(changed)
    assert is_cut_off(str(tmp_path / name))


def _with_tag(path: Path, tag: str) -> Path:
    """A whole Matroska clip of 12 frames at 25 a second whose DURATION tag is what a tool left there."""
    data = make_clip(path).read_bytes()
    place = data.rindex(b"00:00:00.480000000")
    path.write_bytes(data[:place] + tag.encode().ljust(18, b"\0") + data[place + 18 :])
    return path


@pytest.mark.parametrize("tag", ["00:00:1e9999999999", "99999999999:00:00", "-1:00:00.00", "00:00:nan", "x"])
def test_an_invalid_duration_tag_is_ignored_quickly(tag: str, tmp_path: Path) -> None:
    begin = time.monotonic()
    with open_clip(str(_with_tag(tmp_path / "a.mkv", tag))) as reader:
        assert len(list(reader)) == 12
    assert reader.damage is None and reader.notes == () and time.monotonic() - begin < 300  # one without bounds took for ever


def test_a_duration_tag_of_a_longer_clip_is_a_note_and_not_damage(tmp_path: Path) -> None:
    with open_clip(str(_with_tag(tmp_path / "a.mkv", "00:01:00.480000000"))) as reader:
        assert len(list(reader)) == 12
    assert reader.damage is None and "says that it lasts 60.48 s, but its last frame ends at 0.48 s" in reader.notes[0]


def test_a_header_longer_than_the_frames_is_not_damage(tmp_path: Path) -> None:
    data = bytearray(make_clip(tmp_path / "a.mp4").read_bytes())
    place = data.index(b"mdhd") + 20  # ISO/IEC 14496-12, media header box: the duration, in four bytes
    data[place : place + 4] = (int.from_bytes(data[place : place + 4], "big") * 9).to_bytes(4, "big")
    (tmp_path / "a.mp4").write_bytes(data)
    with open_clip(str(tmp_path / "a.mp4")) as reader:
        assert len(list(reader)) == 12
    assert reader.damage is None


def test_an_unfinalised_recording_is_not_damaged(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "a.mkv")
    (tmp_path / "live.mkv").write_bytes(bytes(ffmpeg("-i", whole, "-c", "copy", "-f", "matroska", "-live", "1", "pipe:1", binary=True)))
    with open_clip(str(tmp_path / "live.mkv")) as reader:
        assert len(list(reader)) == 12
    assert reader.damage is None
