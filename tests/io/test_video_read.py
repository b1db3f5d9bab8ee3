"""A clip's frames arrive complete, in time, upright and in their colours; checked against the ffmpeg program, another decoder."""

import itertools
import socket
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mattecli.errors import InputError, UsageError
from mattecli.io.clip_types import Frame
from mattecli.io.video_read import open_clip, probe
from tests.clips import (
    SCALING,
    SIZE,
    cut_off,
    ffmpeg,
    index_of,
    make_clip,
    numbered,
    pictures_of,
    stamps,
)
from tests.documented import ROOT

UNEVEN = [0, 40, 90, 200, 233, 400, 410, 450, 700, 720, 760, 1000]
LATE = ("-output_ts_offset", "5")


def _frames(path: Path, **span: Any) -> list[Frame]:
    with open_clip(str(path), **span) as reader:
        frames = list(reader)
        assert reader.damage is None
    return frames


def _indices(frames: list[Frame]) -> list[int]:
    return [index_of(frame.pixels) for frame in frames]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("film.mp4", {"rate": "24000/1001"}),
        ("ntsc.mp4", {"rate": "30000/1001"}),
        ("fast.mp4", {"rate": "60000/1001", "sounds": ("stereo",)}),
        ("uneven.mp4", {"times": UNEVEN}),
        ("uneven.mkv", {"times": UNEVEN}),
        ("late.mkv", {"options": LATE}),
        ("late.mp4", {"options": LATE, "sounds": ("stereo", "mono")}),
        ("late.ts", {"options": LATE}),
        ("fragments.mov", {"options": ("-movflags", "frag_keyframe+empty_moov", "-g", "4")}),
        ("one.mp4", {"frames": 1}),
        ("old.avi", {}),
        ("disc.mpg", {"codec": "mpeg2video"}),
        ("loop.gif", {"codec": "gif", "pixels": "rgb8"}),
        ("deep.mp4", {"codec": "libx265", "pixels": "yuv420p10le"}),
        ("apple.mov", {"codec": "prores_ks", "pixels": "yuv422p10le"}),
    ],
)
def test_frames_and_times_equal_those_of_the_ffmpeg_program(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    path = make_clip(tmp_path / name, **options)
    clip, frames = probe(str(path)), _frames(path)
    assert _indices(frames) == list(range(options.get("frames", 12)))
    base, times = stamps(path)
    assert [frame.pts * clip.time_base for frame in frames] == [time * base for time in times]
    assert [frame.index for frame in frames] == list(range(len(frames))) and all(frame.duration > 0 for frame in frames)
    assert clip.start == frames[0].pts and clip.frames in (len(frames), None) and clip.audio == len(options.get("sounds", ()))
    if "times" not in options:
        assert clip.rate == Fraction(options.get("rate", 25))


def test_frames_of_real_footage_equal_those_of_the_ffmpeg_program(shared: Path) -> None:
    for name in ("street_static.mp4", "talk_two_scenes.mp4", "synth_swing/clip.mp4"):
        path = shared / "data" / "video" / name
        with open_clip(str(path)) as reader:
            times = [frame.pts for frame in reader]
        assert (reader.clip.time_base, times) == stamps(path) and reader.clip.frames == len(times) and reader.damage is None


def test_decoded_frames_match_the_pictures_before_encoding(shared: Path) -> None:
    folder = shared / "data" / "video" / "synth_swing"
    pictures = np.stack([cv2.imread(str(file))[..., ::-1].astype(int) for file in sorted(folder.glob("frame_*.jpg"))])
    decoded = pictures_of(folder / "clip.mp4", (270, 480), options=("-vf", f"scale=in_chroma_loc=left:flags={SCALING}"))
    for frame in _frames(folder / "clip.mp4", every=6):
        assert np.abs(pictures - frame.pixels).mean(axis=(1, 2, 3)).argmin() == frame.index * 6
        assert np.abs(decoded[frame.index * 6] - frame.pixels.astype(int)).max() <= 3


CLIPS_TO_CUT = {
    "closed.mp4": {"options": ("-g", "8")},
    "closed.mkv": {"options": ("-g", "8", *LATE)},
    "open.mkv": {"options": ("-g", "8", "-x264-params", "open-gop=1:bframes=3:b-adapt=0")},
    "leading.mp4": {"codec": "libx265", "options": ("-x265-params", "keyint=8:open-gop=1:log-level=error")},
    "single.mp4": {"options": ("-g", "99")},
    "stream.ts": {"options": ("-g", "8", *LATE), "sounds": ("stereo",)},
    "refresh.ts": {"options": ("-g", "8", "-x264-params", "intra-refresh=1")},
    "amid.ts": {"codec": "mpeg4", "options": ("-g", "20")},
    "disc.mpg": {"codec": "mpeg2video", "options": ("-g", "12", "-bf", "2")},
    "old.avi": {"options": ("-g", "8")},
    "bare.h264": {"options": ("-g", "8")},
}
PARTS = [
    ("0.04", "0.08", 1),
    ("0.639", "0.681", 1),
    ("0.64", "1.1", 3),
    ("0", "0.5", 5),
    ("1.5", "1.7", 1),
    ("2.1", "99", 1),
    ("9", "99", 1),
]


@pytest.mark.parametrize("name", CLIPS_TO_CUT)
def test_a_part_of_a_clip_has_the_frames_of_the_whole_clip(tmp_path: Path, name: str) -> None:
    path = make_clip(tmp_path / name, frames=60, **CLIPS_TO_CUT[name])
    base, whole = probe(str(path)).time_base, _frames(path)
    for start, end, every in PARTS:
        inside = [frame for frame in whole if Fraction(start) <= (frame.pts - whole[0].pts) * base < Fraction(end)]
        wanted = inside[::every]
        with open_clip(str(path), start=Fraction(start), end=Fraction(end), every=every) as reader:
            part = list(reader)
        times = [(frame.pts, frame.duration) for frame in part]
        assert times == [(frame.pts, frame.duration * every) for frame in wanted], (start, end)
        assert all((a.pixels == b.pixels).all() for a, b in zip(part, wanted, strict=True)), (start, end)
        assert reader.clip.frames in (None, len(part)) and reader.clip.rate == Fraction(25, every)
        assert reader.clip.start == whole[0].pts and [frame.index for frame in part] == list(range(len(part)))


def test_a_stream_that_changes_its_size_is_scaled_to_the_first_size(tmp_path: Path) -> None:
    large = make_clip(tmp_path / "large.ts", frames=8, options=("-bf", "0"))
    small = make_clip(tmp_path / "small.ts", frames=8, options=("-bf", "0"), size=(32, 48))
    (tmp_path / "both.ts").write_bytes(large.read_bytes() + small.read_bytes())
    with open_clip(tmp_path / "both.ts") as reader:
        frames = list(reader)
    assert {frame.pixels.shape for frame in frames} == {(*SIZE, 3)} and _indices(frames) == [*range(8), *range(8)]
    assert any("8 frames of" in note and "another size than the first and are scaled to 96x64" in note for note in reader.notes)
    assert all(a.pts < b.pts for a, b in itertools.pairwise(frames))


def test_frames_long_before_the_requested_part_are_not_decoded(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=60, options=("-g", "10"))
    data = bytearray(path.read_bytes())
    begin = data.index(b"mdat")
    for place in range(begin + 3000, begin + 3400):
        data[place] ^= 0x5A
    path.write_bytes(data)
    with open_clip(str(path)) as reader:
        assert len(list(reader)) >= 59 and "damaged" in str(reader.damage)
    assert _indices(_frames(path, start=Fraction(2))) == list(range(50, 60))


@pytest.mark.parametrize(
    ("name", "keep", "options"),
    [
        ("cut.mp4", 0.6, {"options": ("-movflags", "+faststart", "-g", "10"), "sounds": ("stereo",)}),
        ("cut.mp4", 0.9, {"options": ("-movflags", "+faststart", "-g", "10"), "sounds": ("stereo",)}),
        ("cut.mov", 0.7, {"options": ("-movflags", "frag_keyframe+empty_moov", "-g", "10")}),
        ("cut.mkv", 0.8, {"options": ("-g", "10")}),
        ("cut.avi", 0.8, {"options": ("-g", "10")}),
        ("cut.mpg", 0.8, {"codec": "mpeg2video"}),
    ],
)
def test_a_truncated_file_yields_its_frames_and_reports_the_damage(
    tmp_path: Path, name: str, keep: float, options: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    path = cut_off(make_clip(tmp_path / f"whole_{name}", frames=40, **options), tmp_path / name, keep=keep)
    with open_clip(str(path)) as reader:
        frames = list(reader)
    discard = () if name.endswith("mpg") else ("-fflags", "+discardcorrupt")
    listing = ffmpeg(*discard, "-i", path, "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-")
    assert len(frames) == sum(not line.startswith("#") for line in str(listing).splitlines())
    assert 10 < len(frames) < 40 and _indices(frames)[:10] == list(range(10))
    assert reader.damage is not None and ("cut off" in reader.damage or "of its 40 frames" in reader.damage)
    assert capfd.readouterr() == ("", "")


def test_an_edit_list_hides_frames_and_is_not_reported_as_damage(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mp4", frames=40, options=("-g", "10"))
    ffmpeg("-ss", "0.63", "-i", whole, "-c", "copy", tmp_path / "part.mp4")
    frames = _frames(tmp_path / "part.mp4")
    assert [frame.pts for frame in frames] == stamps(tmp_path / "part.mp4")[1] and probe(str(tmp_path / "part.mp4")).frames == len(frames)


def test_frames_without_timestamps_follow_at_the_frame_rate(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "bare.h264")
    with open_clip(str(path)) as reader:
        times = [float((frame.pts - reader.clip.start) * reader.clip.time_base) for frame in reader]
    assert times == pytest.approx([index / 25 for index in range(12)])


def test_timestamps_always_increase(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "twice.mkv", codec="ffv1", frames=6, times=[0, 40, 40, 40, 120, 160])
    assert [frame.pts for frame in _frames(path)] == [0, 40, 41, 42, 120, 160]


def _sound(path: Path, *more: str | Path) -> Path:
    ffmpeg("-f", "lavfi", "-i", "sine=d=0.3", *more, path)
    return path


def _bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    (folder / "empty.mp4").touch()
    (folder / "notes.txt").write_text("some lines of plain text\n" * 50)
    (folder / "notes.mp4").write_text("some lines of plain text\n" * 50)
    cv2.imwrite(str(folder / "photo.png"), numbered(0))
    cv2.imwrite(str(folder / "photo.jpg"), numbered(0))
    whole = make_clip(folder / "whole.mkv", codec="ffv1", frames=2)
    unknown = folder / "unknown.mkv"
    unknown.write_bytes(whole.read_bytes().replace(b"V_FFV1", b"V_XXXX"))
    cover = ("-i", folder / "photo.png", "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
    avif = make_clip(folder / "photo.avif", codec="libaom-av1", frames=1, options=("-still-picture", "1", "-cpu-used", "8"))
    empty = folder / "nothing.mp4"
    ffmpeg("-i", whole, "-t", "0", "-c", "copy", empty)
    return {
        "missing": (folder / "absent.mp4", "there is no file"),
        "empty": (folder / "empty.mp4", "is empty"),
        "text": (folder / "notes.txt", "is a text file"),
        "text with a video's name": (folder / "notes.mp4", "is not a video"),
        "png": (folder / "photo.png", "use `matte image`"),
        "jpeg": (folder / "photo.jpg", "use `matte image`"),
        "jpeg, to FFmpeg one of a sequence": (ROOT / "examples/astronaut.jpg", "use `matte image`"),
        "avif": (avif, "use `matte image`"),
        "sound": (_sound(folder / "sound.m4a"), "holds sound only"),
        "sound with a cover": (_sound(folder / "cover.m4a", *cover), "holds sound only"),
        "no header": (cut_off(make_clip(folder / "a.mp4"), folder / "cut.mp4", keep=0.7), "is damaged or cut off"),
        "unknown codec": (unknown, "cannot be decoded"),
        "no frames": (empty, "holds no frames"),
    }


def test_files_that_are_no_clips_are_refused_in_one_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for path, said in _bad_files(tmp_path).values():
        with pytest.raises(InputError, match=said) as error:
            open_clip(str(path))
        assert str(path) in str(error.value) and "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "span", [{"start": Fraction(-1)}, {"start": Fraction(2), "end": Fraction(1)}, {"end": Fraction(0)}, {"every": 0}, {"fps": Fraction(24)}]
)
def test_an_empty_or_negative_part_is_refused(tmp_path: Path, span: dict[str, Any]) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=1)
    with pytest.raises(UsageError):
        open_clip(str(path), **span)


@pytest.mark.parametrize("name", ["12:30.mp4", "100%d.mp4", "[take 2].mkv", "-dash.mp4", "späť.mov"])
def test_unusual_file_names_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    make_clip(tmp_path / "plain.mkv", frames=2).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(_frames(Path(name))) == 2


def test_a_playlist_opens_no_network_connection(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        playlist = tmp_path / "list.m3u8"
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{address}\n#EXT-X-ENDLIST\n")
        with pytest.raises(InputError):
            open_clip(str(playlist))
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_file_that_states_no_number_of_frames_lets_it_be_expected(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "clip.mkv", frames=12, sounds=("mono",))
    assert probe(str(whole)).frames is None and probe(str(whole)).expected in (12, 13)  # sound may last longer than the pictures
    with open_clip(str(whole), start=Fraction("0.2"), end=Fraction("0.4")) as part:
        assert part.clip.expected == 5
