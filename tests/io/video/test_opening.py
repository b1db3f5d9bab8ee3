"""One file is one clip: what it names is not opened, and what it claims is judged before pixels are made."""

import os
import resource
import struct
from pathlib import Path

import pytest

from mattecli.errors import InputError
from mattecli.io.video_read import open_clip
from tests.clips import ffmpeg, make_clip

LISTS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n",
    "list.ffconcat": "ffconcat version 1.0\nfile secret.ts\n",
    "list.mpd": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period duration="PT1S"><AdaptationSet>'
    '<Representation id="1" bandwidth="9"><BaseURL>secret.ts</BaseURL></Representation></AdaptationSet></Period></MPD>\n',
}


@pytest.mark.parametrize("ending", ["", ".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("name", LISTS)
def test_a_playlist_is_refused_whatever_its_name(name: str, ending: str, tmp_path: Path) -> None:
    make_clip(tmp_path / "secret.ts", frames=3, options=("-bf", "0"))
    path = tmp_path / f"{name}{ending}"
    path.write_text(LISTS[name])
    with pytest.raises(InputError, match="is a list of other files"):
        open_clip(str(path))


def gif(path: Path, *, width: int, height: int, frames: int = 3) -> Path:
    """A few bytes that claim a canvas of any size: each frame is one pixel of it."""
    picture = b"\x21\xf9\x04\x00\x04\x00\x00\x00\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes([255, 0, 0, 0, 255, 0])
    path.write_bytes(screen + picture * frames + b";")
    return path


@pytest.mark.parametrize(("width", "height"), [(65535, 65535), (16000, 16000), (65535, 4000)])
def test_a_small_file_with_a_huge_canvas_is_refused_before_decoding(width: int, height: int, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="claims"):
        open_clip(str(gif(tmp_path / "a.gif", width=width, height=height)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_a_named_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "clip.mp4")
    with pytest.raises(InputError, match="is no file but a pipe"):
        open_clip(str(tmp_path / "clip.mp4"))


def test_still_pictures_and_sound_files_are_refused_as_clips(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=s=16x16", "-frames:v", "1", tmp_path / "still.webp")
    ffmpeg("-f", "lavfi", "-i", "sine=d=0.1", tmp_path / "sound.wav")
    for name, said in (("still.webp", "is a picture"), ("sound.wav", "sound only")):
        with pytest.raises(InputError, match=said):
            open_clip(str(tmp_path / name))
