"""Clips come out whole: alpha, colours, times and sound are checked with the ffmpeg program, which shares no code with the writer."""

import os
import re
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mattecli.errors import InputError, OutputError, UsageError
from mattecli.io import codecs
from mattecli.io.clip_types import Clip, Colour, Span
from mattecli.io.codecs import Coding
from mattecli.io.video.encoding import check_destination
from mattecli.io.video_read import probe
from mattecli.io.video_write import WHOLE, open_writer
from tests.clips import PATCHES, SIZE, cut_off, ffmpeg, header_of, make_clip, numbered, patch_colours, patches, pictures_of, stamps

ODD = (47, 63)
CLIP = Clip("clip.mp4", SIZE, Fraction(1, 12800), Fraction(25))
TICK = 512  # a frame of CLIP
FORMATS = {1: "gray16le", 3: "rgb48le", 4: "rgba64le"}
STEADY = [(index * TICK, TICK) for index in range(12)]
UNEVEN = [(0, 400), (400, 900), (1300, 512), (1812, 3000), (4812, 17), (4829, 2000), (6829, 40), (6869, 5000)]


def _soft(size: tuple[int, int], channels: int, top: int, index: int) -> np.ndarray:
    """A smooth moving picture, alpha last, whose alpha takes every level and whose colours do not stop where it is 0."""
    height, width = size
    y, x = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
    alpha = np.clip(1.3 - 2.4 * np.hypot(x - 0.5, y - 0.5 - 0.02 * index), 0, 1)
    layers = [0.2 + 0.6 * x, 0.3 + 0.4 * y, 0.7 - 0.4 * x * y, alpha]
    chosen = {1: layers[3], 3: np.dstack(layers[:3]), 4: np.dstack(layers)}[channels]
    return np.rint(chosen * top).astype(np.uint8 if top == 255 else np.uint16)


def _write(
    path: Path,
    frames: Sequence[np.ndarray] | None = None,
    *,
    kind: str = "composite",
    clip: Clip = CLIP,
    sound: Path | None = None,
    times: Sequence[tuple[int, int]] = STEADY,
    span: Span = WHOLE,
    **coding: object,
) -> tuple[str, ...]:
    """Write frames (numbered ones if not given) with their (pts, duration); the writer's notes."""
    pictures = [numbered(index, clip.size) for index in range(len(times))] if frames is None else frames
    with open_writer(str(path), kind=kind, clip=clip, sound=str(sound) if sound else None, coding=Coding(**coding), span=span) as writer:
        for picture, (pts, duration) in zip(pictures, times, strict=False):
            writer.write(picture, pts=pts, duration=duration)
    assert writer.frames == len(pictures)
    return writer.notes


def _levels(path: Path, size: tuple[int, int], channels: int, *, decoder: Sequence[str] = ()) -> np.ndarray:
    """The ffmpeg program's view of all frames, 0..1, [N, H, W, channels]."""
    flags = ("-sws_flags", "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp")
    shape = ("-fps_mode", "passthrough", "-pix_fmt", FORMATS[channels], "-f", "rawvideo", "-")
    data = ffmpeg(*decoder, "-i", path, "-map", "0:v:0", *flags, *shape, binary=True)
    return np.frombuffer(data, "<u2").reshape(-1, *size, channels) / 65535


def _length(path: Path) -> Fraction:
    """Seconds the header promises. For .mov and .mp4 that is the movie header's, what players go by (ISO/IEC 14496-12, mvhd)."""
    if path.suffix in (".mov", ".mp4"):
        data = path.read_bytes()
        scale, length = struct.unpack_from(">II", data, data.index(b"mvhd") + 16)
        return Fraction(length, scale)
    with av.open(str(path)) as result:
        return Fraction(result.duration or 0, av.time_base)


def _sound_packets(path: Path, *, hashes: bool = True) -> list[tuple[str, ...]]:
    """(stream, content) of each sound packet, or its (stream, pts) with hashes=False."""
    lines = str(ffmpeg("-copyts", "-i", path, "-map", "0:a", "-c", "copy", "-f", "framemd5", "-")).splitlines()
    rows = [[part.strip() for part in line.split(",")] for line in lines if not line.startswith("#")]
    return [(row[0], row[5] if hashes else row[2]) for row in rows]


def _source_clip(path: Path, *, frames: int) -> tuple[Clip, list[tuple[int, int]]]:
    """A test clip as the reader would describe it, and its frames' times."""
    base, times = stamps(path)
    step = times[1] - times[0]
    clip = Clip(str(path), SIZE, base, 1 / (step * base), start=times[0], audio=len(re.findall(r"Audio:", header_of(path))))
    assert len(times) == frames
    return clip, [(pts, step) for pts in times]


# What comes back of alpha and colours, in levels of 255. ProRes 4444 stores alpha without loss, here from 10 bits.
@pytest.mark.parametrize(
    ("name", "options", "decoder", "alpha_error", "colour_error"),
    [
        ("a.mov", {}, (), 0.3, 1.5),
        ("a.webm", {}, ("-c:v", "libvpx-vp9"), 12, 8),
        ("a.mkv", {"codec": "prores"}, (), 0.3, 1.5),
        ("a.mkv", {"codec": "vp9", "crf": 10}, ("-c:v", "libvpx-vp9"), 6, 8),
    ],
)
@pytest.mark.parametrize("bits", [8, 10])
def test_straight_alpha_survives_a_round_trip(
    tmp_path: Path, name: str, options: dict[str, object], decoder: tuple[str, ...], alpha_error: float, colour_error: float, bits: int
) -> None:
    clip = replace(CLIP, size=ODD, bits=bits)
    frames = [_soft(ODD, 4, clip.top, index) for index in range(4)]
    _write(tmp_path / name, frames, kind="cutout", clip=clip, **options)
    difference = 255 * np.abs(_levels(tmp_path / name, ODD, 4, decoder=decoder) - np.stack(frames) / clip.top)
    assert difference[..., 3].max() <= alpha_error and difference[..., 3].mean() <= 1
    assert difference[..., :3].max() <= colour_error, "colours are kept where alpha is 0 too: they are not premultiplied"


@pytest.mark.parametrize(
    ("bits", "channels", "kind"),
    [(8, 1, "alpha"), (12, 1, "alpha"), (8, 3, "composite"), (16, 3, "foreground"), (8, 4, "cutout"), (16, 4, "cutout")],
)
def test_ffv1_is_lossless(tmp_path: Path, bits: int, channels: int, kind: str) -> None:
    clip = replace(CLIP, size=ODD, bits=bits)
    random = np.random.default_rng(0).integers(0, clip.top + 1, (3, *ODD, channels)).astype(np.uint8 if bits == 8 else np.uint16)
    _write(tmp_path / "a.mkv", [np.squeeze(frame) for frame in random], kind=kind, clip=clip)
    stored = {1: "gray", 3: "rgb24", 4: "rgba"}[channels] if bits == 8 else FORMATS[channels]
    data = ffmpeg("-i", tmp_path / "a.mkv", "-pix_fmt", stored, "-f", "rawvideo", "-", binary=True)
    assert data == random.tobytes()


@pytest.mark.parametrize(
    ("name", "codec", "bits", "tolerance"),
    [("a.mov", None, 8, 1), ("a.mov", None, 10, 1), ("a.mp4", None, 8, 12), ("a.mp4", "hevc", 10, 12), ("a.webm", None, 8, 12)],
)
def test_a_matte_survives_a_round_trip(tmp_path: Path, name: str, codec: str | None, bits: int, tolerance: float) -> None:
    clip = replace(CLIP, bits=bits)
    frames = [_soft(SIZE, 1, clip.top, index) for index in range(4)]
    _write(tmp_path / name, frames, kind="alpha", clip=clip, codec=codec)
    difference = 255 * np.abs(_levels(tmp_path / name, SIZE, 1)[..., 0] - np.stack(frames) / clip.top)
    assert difference.max() <= tolerance and difference.mean() <= 1.2


@pytest.mark.parametrize(("matrix", "name"), [(1, "bt709"), (6, "smpte170m"), (9, "bt2020nc"), (2, "smpte170m")])
@pytest.mark.parametrize("full_range", [False, True, None])
@pytest.mark.parametrize(
    ("ending", "codec", "bits"), [(".mp4", "h264", 8), (".mp4", "hevc", 10), (".mov", "prores", 10), (".webm", "vp9", 8)]
)
def test_colours_keep_the_matrix_and_range_of_the_source(
    tmp_path: Path, matrix: int, name: str, full_range: bool | None, ending: str, codec: str, bits: int
) -> None:
    path, clip = tmp_path / f"a{ending}", replace(CLIP, bits=bits, colour=Colour(matrix, full_range=full_range))
    picture = patches(0) if bits == 8 else patches(0).astype(np.uint16) * 257
    _write(path, [picture] * 2, clip=clip, codec=codec)
    assert np.abs(patch_colours(pictures_of(path, SIZE)[0]) - PATCHES).max() <= 3
    extent = "pc" if full_range and codec != "prores" else "tv"
    assert re.search(rf"\((?:{extent}, )?{name}", header_of(path)), header_of(path)
    assert extent == "tv" or "(pc" in header_of(path)


@pytest.mark.parametrize(("ending", "codec"), [(".mp4", "h264"), (".mp4", "hevc"), (".webm", "vp9"), (".mov", "prores"), (".mkv", "ffv1")])
@pytest.mark.parametrize("size", [ODD, (46, 63)])
def test_odd_frame_sizes_are_kept(tmp_path: Path, ending: str, codec: str, size: tuple[int, int]) -> None:
    path = tmp_path / f"a{ending}"
    notes = _write(path, [_soft(size, 3, 255, index) for index in range(2)], clip=replace(CLIP, size=size), codec=codec)
    assert pictures_of(path, size).shape == (2, *size, 3)
    assert any("4:4:4" in note for note in notes) == (codec in ("h264", "hevc"))


@pytest.mark.parametrize("times", [STEADY, UNEVEN, [(0, 900)]], ids=["steady", "uneven", "one frame"])
@pytest.mark.parametrize(
    ("ending", "codec"), [(".mov", "prores"), (".mov", "h264"), (".mp4", "hevc"), (".mkv", "ffv1"), (".mkv", "h264"), (".webm", "vp9")]
)
def test_frames_keep_their_timestamps(tmp_path: Path, ending: str, codec: str, times: list[tuple[int, int]]) -> None:
    path = tmp_path / f"a{ending}"
    _write(path, times=times, codec=codec)
    base, found = stamps(path)
    wanted = [pts * CLIP.time_base for pts, _ in times]
    if ending in (".mov", ".mp4"):
        assert [pts * base for pts in found] == wanted, "ticks are exact"
    else:
        assert len(found) == len(wanted) and max(abs(pts * base - time) for pts, time in zip(found, wanted, strict=True)) <= base
    length = (times[-1][0] + times[-1][1]) * CLIP.time_base
    assert abs(_length(path) - length) <= Fraction(1, 500), "the last frame lasts as long as it did"


def test_broadcast_frame_rates_and_time_bases_are_exact(tmp_path: Path) -> None:
    for rate in (Fraction(30000, 1001), Fraction(25)):
        clip = replace(CLIP, time_base=1 / rate, rate=rate)
        _write(tmp_path / "a.mov", clip=clip, times=[(index, 1) for index in range(5)])
        base, found = stamps(tmp_path / "a.mov")
        assert base == Fraction(1, rate.numerator)
        assert [pts * base for pts in found] == [index / rate for index in range(5)]


def test_the_pixel_aspect_ratio_is_kept(tmp_path: Path) -> None:
    wide = replace(CLIP, aspect=Fraction(4, 3))
    for ending, codec in [(".mov", "prores"), (".mp4", "h264"), (".mkv", "hevc")]:
        assert _write(tmp_path / f"a{ending}", clip=wide, times=STEADY[:2], codec=codec) == ()
        assert "SAR 4:3" in header_of(tmp_path / f"a{ending}")
    for ending, codec in [(".mkv", "ffv1"), (".mkv", "prores"), (".webm", "vp9"), (".webm", "av1")]:
        assert _write(tmp_path / f"a{ending}", clip=wide, times=STEADY[:2], codec=codec) == ()
        assert "SAR 4:3" in header_of(tmp_path / f"a{ending}") and probe(str(tmp_path / f"a{ending}")).aspect == Fraction(4, 3)
        assert "display" not in header_of(tmp_path / f"a{ending}") and len(stamps(tmp_path / f"a{ending}")[1]) == 2
    assert any("4/3 times as wide as high" in note for note in _write(tmp_path / "a.nut", clip=wide, times=STEADY[:2]))


@pytest.mark.skipif(not Path("/proc/self/task").is_dir() or os.geteuid() != 0, reason="needs Linux and its user root")
def test_an_encoder_leaves_the_scheduling_of_threads_as_it_is(tmp_path: Path) -> None:
    threads = Path("/proc/self/task")
    with open_writer(str(tmp_path / "a.webm"), kind="composite", clip=CLIP, sound=None, coding=Coding(codec="av1")) as writer:
        writer.write(numbered(0, CLIP.size), pts=0, duration=STEADY[0][1])
        policies = {os.sched_getscheduler(int(thread.name)) for thread in threads.iterdir()}
    assert policies == {os.SCHED_OTHER} and os.sched_getscheduler(0) == os.SCHED_OTHER


@pytest.mark.parametrize(("source_ending", "codec"), [(".mp4", "aac"), (".mov", "pcm_s24le"), (".mkv", "libopus"), (".mkv", "aac")])
@pytest.mark.parametrize("ending", [".mov", ".mp4", ".mkv", ".webm"])
def test_sound_is_copied_bit_for_bit_or_re_encoded_with_a_note(tmp_path: Path, source_ending: str, codec: str, ending: str) -> None:
    source, path = tmp_path / f"source{source_ending}", tmp_path / f"a{ending}"
    make_clip(source, sounds=("stereo", "5.1"), options=("-c:a", codec, "-metadata:s:a:1", "language=ger"))
    clip, times = _source_clip(source, frames=12)
    notes = _write(path, clip=clip, sound=source, times=times)
    name = codec.removeprefix("lib")
    header = header_of(path)
    assert "5.1" in header and "stereo" in header and "(ger)" in header
    if name not in codecs.CONTAINERS[ending].sounds:
        assert notes == (
            f"the sound is {name}, which {ending[1:]} files do not take; it is re-encoded as {'opus' if ending == '.webm' else 'aac'}",
        )
        return
    assert notes == ()
    before, after = _sound_packets(source), _sound_packets(path)
    primed = 2 if (source_ending, ending) == (".mp4", ".mkv") else 0  # the first packet of each stream, which is before zero and not played
    assert sorted(after) == sorted(before[primed:])


def test_timestamps_rounded_by_the_source_container_become_even(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mkv", sounds=("stereo",), frames=25)
    clip, times = _source_clip(source, frames=25)
    _write(tmp_path / "a.mov", clip=clip, sound=source, times=times)
    found = [int(pts) for _, pts in _sound_packets(tmp_path / "a.mov", hashes=False)]
    assert set(np.diff(found)) == {1024}


def test_sound_of_a_part_starts_at_zero(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mp4", sounds=("stereo",), frames=40)
    clip, times = _source_clip(source, frames=40)
    part = times[10:25]
    _write(tmp_path / "a.mov", clip=clip, sound=source, times=part, span=Span(Fraction(2, 5), Fraction(1)))
    assert stamps(tmp_path / "a.mov")[1] == [pts - part[0][0] for pts, _ in part]
    whole, found = _sound_packets(source), _sound_packets(tmp_path / "a.mov")
    begin = whole.index(found[0])
    assert found == whole[begin : begin + len(found)]
    packet = 1024 / 48000
    first = float(_sound_packets(tmp_path / "a.mov", hashes=False)[0][1]) / 48000
    assert (begin - 1) * packet == pytest.approx(0.4 + first, abs=0.001), "the packet sounds when it did (the first one primes the decoder)"
    assert 0 <= first < packet and abs(len(found) * packet - 0.6) < packet


@pytest.mark.parametrize("ending", [".mov", ".mkv"])
@pytest.mark.parametrize("late", [0.5, -0.5])
def test_an_offset_between_pictures_and_sound_is_kept(tmp_path: Path, ending: str, late: float) -> None:
    """Pictures begin half a second after the sound or before it, in a stream that itself begins at 1.4 s."""
    whole = make_clip(tmp_path / "whole.mp4", sounds=("stereo",))
    source, offset = tmp_path / "source.ts", f"{abs(late)}"
    maps = ("0:v", "1:a") if late > 0 else ("1:v", "0:a")
    ffmpeg("-itsoffset", offset, "-i", whole, "-i", whole, "-map", maps[0], "-map", maps[1], "-c", "copy", source)
    clip, times = _source_clip(source, frames=12)
    assert clip.start * clip.time_base > 1
    _write(tmp_path / f"a{ending}", clip=clip, sound=source, times=times)
    starts = [
        [pts[0] * base for base, pts in (stamps(path, stream="v:0"), stamps(path, stream="a:0"))]
        for path in (source, tmp_path / f"a{ending}")
    ]
    (picture, sound), (new_picture, new_sound) = starts
    assert abs((new_picture - new_sound) - (picture - sound)) <= (Fraction(1, 20_000) if ending == ".mov" else Fraction(1, 500))
    assert min(new_picture, new_sound) == 0


def test_sound_that_leads_by_a_packet_does_not_delay_the_picture(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.ts", sounds=("stereo",))
    clip, times = _source_clip(source, frames=12)
    for ending in (".mov", ".mp4", ".mkv", ".webm"):
        _write(tmp_path / f"a{ending}", clip=clip, sound=source, times=times)
        assert stamps(tmp_path / f"a{ending}")[1][0] == 0


def test_a_clip_without_sound_needs_none(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mp4")
    assert _write(tmp_path / "a.mov", sound=source) == ()
    assert "Audio" not in header_of(tmp_path / "a.mov")


@pytest.mark.parametrize("layout", ["mono", "2.1", "quad", "6.1", "7.1", "7.1(wide)", "hexadecagonal", "22.2", None])
def test_every_channel_layout_is_encoded_or_left_out_with_a_note(tmp_path: Path, layout: str | None) -> None:
    sound = f"anullsrc=cl={layout}:d=0.2" if layout else f"aevalsrc={'|'.join('0' * 9)}:d=0.2"
    ffmpeg("-i", make_clip(tmp_path / "plain.mp4"), "-f", "lavfi", "-i", sound, "-c:v", "copy", "-c:a", "pcm_s16le", tmp_path / "a.mov")
    notes = _write(tmp_path / "a.webm", sound=tmp_path / "a.mov")
    assert ("Audio: opus" in header_of(tmp_path / "a.webm")) == (layout is not None)
    assert layout is None or ("mixed into stereo" in " ".join(notes)) == (layout not in ("mono", "7.1", "7.1(wide)"))
    assert layout or "left out" in notes[0]


def test_truncated_or_unknown_sound_does_not_lose_frames(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mp4", sounds=("stereo", "mono"), frames=40, options=("-movflags", "+faststart"))
    (tmp_path / "unknown.mp4").write_bytes(source.read_bytes().replace(b"mp4a", b"zzzz", 1).replace(b"esds", b"zzzz", 1))
    notes = _write(tmp_path / "a.mov", sound=tmp_path / "unknown.mp4")
    assert notes == ("1 sound stream is of a kind that is not known here and left out",)
    assert header_of(tmp_path / "a.mov").count("Audio") == 1
    _write(tmp_path / "b.mov", sound=cut_off(source, tmp_path / "cut.mp4", keep=0.6))
    assert len(stamps(tmp_path / "b.mov")[1]) == len(STEADY)
    with pytest.raises(InputError, match=r"there is no file"):
        _write(tmp_path / "c.mov", sound=tmp_path / "missing.mp4")


@pytest.mark.parametrize("ending", [".mov", ".webm"])
def test_sound_with_decreasing_timestamps_does_not_lose_frames(tmp_path: Path, ending: str) -> None:
    stream = make_clip(tmp_path / "once.ts", sounds=("stereo",)).read_bytes()
    (tmp_path / "twice.ts").write_bytes(stream * 2)
    _write(tmp_path / f"a{ending}", sound=tmp_path / "twice.ts")
    assert len(stamps(tmp_path / f"a{ending}")[1]) == len(STEADY)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_exception_leaves_the_previous_file(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"an earlier result")
    with pytest.raises(error), open_writer(str(path), kind="composite", clip=CLIP, sound=None) as writer:
        writer.write(numbered(0), pts=0, duration=TICK)
        assert path.read_bytes() == b"an earlier result"
        raise error
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"] and path.read_bytes() == b"an earlier result"


def test_a_file_that_lost_frames_is_not_renamed(tmp_path: Path) -> None:
    noise, clip = np.random.default_rng(0), replace(CLIP, size=(240, 320))
    lost = pytest.raises(OutputError, match=r"only \d of 12 frames")
    with lost, open_writer(str(tmp_path / "a.mkv"), kind="composite", clip=clip, sound=None) as writer:
        for pts, duration in STEADY:  # a second each, and of noise: five seconds and 256 kB are held back
            writer.write(noise.integers(0, 256, (*clip.size, 3), dtype=np.uint8), pts=pts * 25, duration=duration * 25)
        (part,) = tmp_path.iterdir()
        assert part.stat().st_size > 1000
        with part.open("rb+") as stream:
            stream.truncate(1000)
    assert not list(tmp_path.iterdir())


def test_a_result_without_frames_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no frame came"):
        _write(tmp_path / "a.mov", frames=[])
    assert not list(tmp_path.iterdir())


def test_a_frame_of_another_size_raises_value_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not go into"):
        _write(tmp_path / "a.mov", [numbered(0, (32, 48))])


@pytest.mark.parametrize("ending", [".mov", ".mp4", ".mkv", ".webm"])
def test_a_full_disk_is_one_sentence_and_leaves_no_file(tmp_path: Path, ending: str) -> None:
    """The limit on a file's size stands for the disk; it holds for a process, so it is set in one of its own."""
    pytest.importorskip("resource")
    script = f"""
import resource, sys
import numpy as np
from fractions import Fraction
from mattecli.errors import OutputError
from mattecli.io.clip_types import Clip
from mattecli.io.video_write import open_writer
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
clip = Clip("x", (240, 320), Fraction(1, 25), Fraction(25))
random = np.random.default_rng(0)
try:
    with open_writer({str(tmp_path / f"a{ending}")!r}, kind="composite", clip=clip, sound=None) as writer:
        for index in range(8):
            writer.write(random.integers(0, 256, (240, 320, 3), np.uint8), pts=index, duration=1)
except OutputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=6000, check=True)
    assert done.stdout == f"{tmp_path}/a{ending} cannot be written (File too large); free some space, or choose another place\n"
    assert done.stderr == "" and not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_to_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    with pytest.raises(OutputError, match="cannot be written"):
        _write(tmp_path / "taken" / "a.mov")


def test_a_missing_encoder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(codecs.CODECS, "h264", replace(codecs.CODECS["h264"], encoder="libnothing"))
    with pytest.raises(OutputError, match="no encoder libnothing"):
        _write(tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())


def test_settings_that_an_encoder_does_not_take_are_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="libx265 does not take 1x1 pixels"):
        _write(tmp_path / "a.mp4", [], clip=replace(CLIP, size=(1, 1)), codec="hevc")
    assert not list(tmp_path.iterdir())


def test_encoders_print_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for ending, codec in [(".mp4", "h264"), (".mp4", "hevc"), (".webm", "vp9"), (".mov", "prores"), (".mkv", "ffv1")]:
        _write(tmp_path / f"a{ending}", codec=codec)
    assert capfd.readouterr() == ("", "")


def test_hevc_is_tagged_hvc1_and_has_ten_bits(tmp_path: Path) -> None:
    frames = [_soft(SIZE, 3, 65535, index) for index in range(2)]
    _write(tmp_path / "a.mp4", frames, clip=replace(CLIP, bits=10), codec="hevc")
    assert re.search(r"hevc \(Main 10\) \(hvc1.*yuv420p10le", header_of(tmp_path / "a.mp4"))
    _write(tmp_path / "a.mov", frames, clip=replace(CLIP, bits=10))
    assert re.search(r"prores \(HQ\) \(apch.*yuv422p10le", header_of(tmp_path / "a.mov"))
    notes = _write(tmp_path / "a.mp4", frames, clip=replace(CLIP, bits=10))
    assert notes == ("the clip has 10 bits a channel and h264 keeps 8 of a composite; .mov or .mkv keep more",)


@pytest.mark.parametrize(
    ("destination", "kind", "codec", "crf", "complaint"),
    [
        ("a.avi", "alpha", None, None, r"\.mov, \.mp4, \.webm, \.mkv, \.gif, .* or pictures"),
        ("a.mp4", "cutout", None, None, r"cannot hold transparency; use \.mov, \.webm, \.mkv, .* or pictures such as frames/%05d\.png"),
        ("a.mov", "cutout", "h264", None, "h264 carries no transparency; use prores or hevc in .mov"),
        ("a.webm", "alpha", "h264", None, "not written with h264; use vp9"),
        ("a.mov", "alpha", "theora", None, "no codec 'theora'; choose one of prores, h264, hevc, vp9, av1, ffv1"),
        ("a.mov", "cutout", None, 18, "prores has no quality setting"),
        ("a.mp4", "alpha", None, 60, r"takes 0 \(best\) to 51, usually 18"),
    ],
)
def test_contradicting_output_options_are_refused_in_one_sentence(
    destination: str, kind: str, codec: str | None, crf: int | None, complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint) as refused:
        check_destination(destination, kind=kind, codec=codec, crf=crf)
    assert "\n" not in str(refused.value)


def test_destinations_are_checked_without_loading_ffmpeg() -> None:
    call = "c.check_destination('a.mov', kind='cutout', codec=None)"
    check = f"import sys, mattecli.io.video.encoding as c; {call}; sys.exit('av' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True, timeout=600)
