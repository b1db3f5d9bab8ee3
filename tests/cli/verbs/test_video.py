"""`matte video` from the command line; what it wrote is read back by the ffmpeg program, which shares no code with what wrote it."""

import json
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mattecli.io.images import read_photo, write_image
from tests.clips import Picture, Size, cut_off, ffmpeg, index_of, make_clip, pictures_of, stamps
from tests.support import Run

SIZE = (64, 96)


def disc(index: int, size: Size = SIZE, *, present: bool = True) -> Picture:
    """An orange disc with a soft edge that walks over a bluish scene; the scene alone when not present."""
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    scene = np.stack([40 + columns * 0.4, 90 + rows * 0.5, np.full_like(rows, 160)], axis=2)
    alpha = true_alpha(index, size)[..., None] * present
    return (alpha * np.array([230, 140, 40]) + (1 - alpha) * scene + 0.5).astype(np.uint8)


def true_alpha(index: int, size: Size = SIZE) -> np.ndarray:
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    distance = np.hypot(rows - size[0] * 0.5, columns - size[1] * (0.3 + 0.02 * index))
    return np.clip((size[0] * 0.28 - distance) / 4 + 0.5, 0, 1)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with clip.mp4 (the disc, with sound), plate.png (the scene alone) and band.png (a trimap that fits a dozen frames)."""
    monkeypatch.chdir(tmp_path)
    # Whole chroma: at this size, halved chroma smears the disc's colour over its whole soft edge.
    make_clip(tmp_path / "clip.mp4", picture=disc, frames=6, pixels="yuv444p", sounds=("stereo",))
    write_image(disc(0, present=False), tmp_path / "plate.png")
    mattes = np.stack([true_alpha(index) for index in range(12)])
    write_image(np.where(mattes.min(0) == 1, 255, np.where(mattes.max(0) == 0, 0, 128)).astype(np.uint8), tmp_path / "band.png")
    return tmp_path


def alphas_of(path: Path, size: Size = SIZE) -> np.ndarray:
    """The alpha of each frame as the ffmpeg program decodes it, uint8 [N, H, W]."""
    decoder = ("-c:v", "libvpx-vp9") if path.suffix == ".webm" else ()
    data = ffmpeg(*decoder, "-i", path, "-vf", "alphaextract,format=gray", "-fps_mode", "passthrough", "-f", "rawvideo", "-", binary=True)
    return np.frombuffer(data, np.uint8).reshape(-1, *size)


def sound_of(path: Path) -> list[str]:
    """The sound packets' sizes and hashes, stream by stream, without their times."""
    lines = str(ffmpeg("-i", path, "-map", "0:a", "-c", "copy", "-f", "framemd5", "-")).splitlines()
    return [",".join([line.split(",")[0], *line.split(",")[4:6]]) for line in lines if not line.startswith("#")]


CLIPS: dict[str, dict[str, Any]] = {
    "ntsc": {"rate": "30000/1001", "sounds": ("stereo",)},
    "film": {"rate": "24000/1001"},
    "variable": {"times": (0, 40, 50, 130, 170, 400)},
    "late": {"times": (1000, 1040, 1080, 1120, 1160, 1200), "sounds": ("stereo",)},
    "rotated": {"rotation": 90},
    "odd": {"size": (63, 97), "pixels": "yuv444p"},
    "surround": {"sounds": ("5.1",)},
    "deep": {"pixels": "yuv420p10le"},
    "single": {"frames": 1},
}


@pytest.mark.parametrize("name", CLIPS)
def test_every_frame_keeps_its_time_and_the_clip_its_sound(name: str, stage: Path, run: Run) -> None:
    settings = {"frames": 6, "picture": disc} | CLIPS[name]
    source = make_clip(stage / f"{name}.mp4", **settings)
    height, width = settings.get("size", SIZE)
    size = (width, height) if "rotation" in settings else (height, width)
    result = run("video", source, "--model", "closed-form", "--mask", _mask(stage, size), "-o", "out.mov", "--json")
    assert result.exit_code == 0, result.stderr
    base, ticks = stamps(source)
    base_out, ticks_out = stamps(stage / "out.mov")
    assert len(ticks_out) == settings["frames"] == json.loads(result.stdout)["frames"]
    apart = [abs((a - ticks[0]) * base - (b - ticks_out[0]) * base_out) for a, b in zip(ticks, ticks_out, strict=True)]
    assert max(apart) <= max(base, base_out)
    assert alphas_of(stage / "out.mov", size).shape[1:] == size
    if "sounds" in settings:
        assert sound_of(stage / "out.mov") == sound_of(source)
        assert abs(_start(stage / "out.mov") - _start(source)) <= max(base, base_out)


def _mask(stage: Path, size: Size) -> Path:
    """A disc in the middle of a frame of any size."""
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]]
    inside = np.hypot(rows - size[0] / 2, columns - size[1] / 2) < min(size) / 4
    write_image(inside.astype(np.uint8) * np.uint8(255), stage / "mask.png")
    return stage / "mask.png"


def _start(path: Path) -> float:
    """By how many seconds the picture begins after the sound."""
    base, ticks = stamps(path)
    sound_base, sound = stamps(path, stream="a:0")
    return float(ticks[0] * base - sound[0] * sound_base)


@pytest.mark.parametrize("ending", [".mov", ".webm", ".mkv"])
def test_alpha_in_a_container_equals_that_of_numbered_pictures(ending: str, stage: Path, run: Run) -> None:
    for output in ("frames/%05d.png", f"out{ending}"):
        assert run("video", "clip.mp4", "--bg", "plate.png", "--model", "closed-form", "-o", output).exit_code == 0
    pictures = np.stack([read_photo(file).alpha for file in sorted((stage / "frames").glob("*.png"))])
    decoded = alphas_of(stage / f"out{ending}")
    apart = np.abs(decoded.astype(int) - pictures)
    # Levels of 255, at most and on average: ProRes keeps 16 bits of alpha, VP9 is lossy, FFV1 is not.
    assert apart.max() <= {".mov": 1, ".webm": 32, ".mkv": 0}[ending] and apart.mean() < 1
    truth = np.stack([true_alpha(index) for index in range(6)])
    assert np.abs(pictures / 255 - truth).mean() < 0.02


def test_a_composite_lies_over_another_clip_frame_by_frame(stage: Path, run: Run) -> None:
    make_clip(stage / "beach.mp4", frames=6)
    result = run("video", "clip.mp4", "--bg", "plate.png", "--over", "beach.mp4", "-o", "over.mkv")
    assert result.exit_code == 0, result.stderr
    seen = pictures_of(stage / "over.mkv", SIZE)
    assert [index_of(frame) for frame in seen] == list(range(6))


def test_frames_without_a_subject_or_filled_by_it_are_matted_and_counted(stage: Path, run: Run) -> None:
    def picture(index: int, size: Size) -> Picture:
        return np.full((*size, 3), (230, 140, 40), np.uint8) if index == 4 else disc(index, size, present=index >= 2)

    make_clip(stage / "enters.mp4", frames=5, picture=picture)
    result = run("video", "enters.mp4", "--bg", "plate.png", "--model", "closed-form", "-o", "out.mov")
    assert result.exit_code == 0 and "in 2 frames" in result.stderr, result.stderr
    coverage = alphas_of(stage / "out.mov").mean(axis=(1, 2))
    assert (coverage[:2] == 0).all() and (coverage[2:4] > 20).all() and (coverage[2:4] < 90).all() and coverage[4] == 255


def test_resume_makes_missing_frames_and_the_last_one_again(stage: Path, run: Run) -> None:
    command = ("video", "clip.mp4", "--bg", "plate.png", "--model", "closed-form", "-o", "frames/%05d.png")
    assert run(*command).exit_code == 0
    frames = sorted((stage / "frames").glob("*.png"))
    whole = [file.read_bytes() for file in frames]
    for file in frames[4:]:
        file.unlink()
    frames[3].write_bytes(whole[0])
    kept = frames[2].stat().st_mtime_ns
    assert run(*command, "--resume").exit_code == 0
    assert [file.read_bytes() for file in frames] == whole and frames[2].stat().st_mtime_ns == kept
    other = run(*command, "--resume", "--as", "alpha")
    assert other.exit_code == 2 and "drop --resume" in other.stderr


def bars(folder: Path, indices: range) -> str:
    """Trimaps without anything unknown, one picture a frame; the frame's number from 1 is how many eighths of them are foreground."""
    for index in indices:
        levels = np.zeros(SIZE, np.uint8)
        levels[:, : SIZE[1] * (index + 1) // 8] = 255
        write_image(levels, folder / f"{index:05d}.png")
    return str(folder)


def bars_seen(alpha: np.ndarray) -> int:
    """The number, from 1, of the frame that a matte by one of `bars` belongs to."""
    return round(8 * float((alpha > 127).mean()))


def test_resume_ignores_pictures_of_other_settings(stage: Path, run: Run) -> None:
    command = ("video", "clip.mp4", "--trimap", "bars", "--model", "closed-form", "-o", "frames/%05d.png", "--over")
    bars(stage / "bars", range(6))
    assert run(*command, "red").exit_code == 0
    for number in (3, 4, 5):
        (stage / f"bars/{number:05d}.png").unlink()
    broken = run(*command, "blue")
    assert broken.exit_code == 1 and "ends after 3 frames" in broken.stderr
    bars(stage / "bars", range(6))
    assert run(*command, "blue", "--resume").exit_code == 0
    corners = [tuple(read_photo(file).pixels[0, -1]) for file in sorted((stage / "frames").glob("*.png"))]
    assert corners == [(0, 0, 255)] * 6


def test_resume_counts_only_pictures_of_its_own_pattern(stage: Path, run: Run) -> None:
    command = ("video", "clip.mp4", "--trimap", "band.png", "--model", "closed-form", "--end", "0.16")
    for name, over in (("a", "red"), ("b", "blue")):
        assert run(*command, "--over", over, "-o", f"frames/{name}%d.png").exit_code == 0
    (stage / "frames/b4.png").unlink()
    assert run(*command, "--over", "blue", "-o", "frames/b%d.png", "--resume").exit_code == 0
    other = run(*command, "--over", "blue", "-o", "frames/a%d.png", "--resume")
    assert other.exit_code == 2 and "drop --resume" in other.stderr


@pytest.mark.parametrize(("noted", "code", "words"), [("[]", 2, "drop --resume"), ("", 2, "drop --resume"), (None, 1, "cannot be written")])
def test_an_unreadable_or_unwritable_record_is_one_sentence(noted: str | None, code: int, words: str, stage: Path, run: Run) -> None:
    command = ("video", "clip.mp4", "--trimap", "band.png", "--model", "closed-form", "--end", "0.08", "-o", "frames/", "--quiet")
    record = stage / "frames/.%05d.png.matte.json"
    if noted is None:
        record.mkdir(parents=True)
    else:
        assert run(*command).exit_code == 0
        record.write_text(noted)
    result = run(*command, *([] if noted is None else ["--resume"]))
    assert (result.exit_code, words in result.stderr, len(result.stderr.splitlines())) == (code, True, 1), result.stderr


def test_a_steadied_matte_is_the_same_after_resume(stage: Path, run: Run) -> None:
    make_clip(stage / "still.mkv", frames=8, picture=lambda index, size: disc(0, size), codec="ffv1", pixels="gbrp")
    for index in range(8):
        inside = true_alpha(4 * (index % 2)) > 0.5
        write_image(inside.astype(np.uint8) * np.uint8(255), stage / f"masks/{index}.png")
    command = ("video", "still.mkv", "--mask", "masks", "--model", "closed-form", "--smooth", "--as", "alpha", "-o", "frames/%05d.png")
    assert run(*command).exit_code == 0
    frames = sorted((stage / "frames").glob("*.png"))
    whole = [file.read_bytes() for file in frames]
    for file in frames[5:]:
        file.unlink()
    result = run(*command, "--resume")
    assert [file.read_bytes() for file in frames] == whole
    assert result.exit_code == 0 and "the first 4 pictures are kept" in result.stderr, result.stderr


def test_numbered_guides_stay_in_step_with_clips_of_any_rate(stage: Path, run: Run) -> None:
    make_clip(stage / "fast.mp4", frames=7, rate="50", picture=disc)
    command = ("video", "fast.mp4", "--trimap", bars(stage / "bars", range(7)), "--model", "closed-form")
    assert run(*command, "--start", "0.05", "--every", "2", "--as", "alpha", "-o", "frames/").exit_code == 0
    assert [bars_seen(read_photo(file).pixels[..., 0]) for file in sorted((stage / "frames").glob("*.png"))] == [4, 6]
    assert run(*command, "--preview", "sheet.png", "-o", "out.mov").exit_code == 0
    tiles = read_photo(stage / "sheet.png").pixels[..., 0].reshape(4, 354, 3, 480)[:, :320, 1]
    assert [bars_seen(tile) for tile in tiles] == [1, 3, 5, 7]


def test_a_guide_longer_than_the_clip_and_trimaps_without_foreground_are_reported(stage: Path, run: Run) -> None:
    bars(stage / "bars", range(9))
    command = ("video", "clip.mp4", "--trimap", "bars", "--model", "closed-form", "-o", "out.mov")
    assert "bars has 9 frames, the clip 6" in run(*command).stderr
    for index in (1, 2):
        write_image(np.zeros(SIZE, np.uint8), stage / f"bars/{index:05d}.png")
    part = run(*command, "--end", "0.2").stderr
    assert "in 2 frames the trimap has no foreground" in part and "the clip" not in part


def test_doubts_about_a_plate_made_of_a_clip_are_reported(stage: Path, run: Run) -> None:
    make_clip(stage / "empty.mp4", frames=1, picture=lambda index, size: disc(index, size, present=False), pixels="yuv444p")
    result = run("video", "clip.mp4", "--bg", "empty.mp4", "--model", "closed-form", "--end", "0.04", "-o", "out.mov")
    assert result.exit_code == 0 and "plate: there is only one frame" in result.stderr, result.stderr


@pytest.mark.parametrize(("transfer", "system"), [(16, "PQ"), (18, "HLG")])
def test_an_hdr_clip_is_reported(transfer: int, system: str, stage: Path, run: Run) -> None:
    tag = ("-bsf:v", f"h264_metadata=transfer_characteristics={transfer}")
    make_clip(stage / "hdr.mp4", frames=1, picture=disc, pixels="yuv420p10le", options=tag)
    cutout = run("video", "hdr.mp4", "--trimap", "band.png", "--model", "closed-form", "-o", "out.mov")
    assert f"the clip is HDR ({system}): its result is, too" in cutout.stderr
    pictures = run("video", "hdr.mp4", "--trimap", "band.png", "--model", "closed-form", "-o", "frames/%d.png")
    assert f"cannot say that it is HDR ({system})" in pictures.stderr


def test_a_part_of_a_clip_starts_at_zero_and_every_second_frame_keeps_its_time(stage: Path, run: Run) -> None:
    make_clip(stage / "long.mp4", frames=25, picture=disc, sounds=("stereo",))
    assert run("video", "long.mp4", "--trimap", "band.png", "--start", "0.4", "--end", "0:00.8", "-o", "part.mov").exit_code == 0
    base, ticks = stamps(stage / "part.mov")
    assert [float(tick * base) for tick in ticks] == pytest.approx([0.04 * n for n in range(10)], abs=float(base))
    result = run("video", "long.mp4", "--trimap", "band.png", "--every", "5", "-o", "fifth.mov")
    base, ticks = stamps(stage / "fifth.mov")
    assert [float(tick * base) for tick in ticks] == pytest.approx([0.2 * n for n in range(5)], abs=float(base))
    assert "sound is left out" in result.stderr


def test_a_truncated_clip_is_matted_up_to_its_end(stage: Path, run: Run) -> None:
    whole = make_clip(stage / "whole.mkv", frames=24, picture=disc)
    cut_off(whole, stage / "cut.mkv", keep=0.6)
    result = run("video", "cut.mkv", "--trimap", "band.png", "-o", "out.mov")
    written = len(alphas_of(stage / "out.mov"))
    assert result.exit_code == 1 and 0 < written < 24
    assert f"{written} frames" in result.stderr


def test_a_preview_shows_frames_alpha_and_composite(stage: Path, run: Run) -> None:
    result = run("video", "clip.mp4", "--bg", "plate.png", "--preview", "sheet.png", "-o", "out.mov")
    assert result.exit_code == 0 and "preview: sheet.png" in result.stderr
    sheet = read_photo(stage / "sheet.png").pixels
    assert sheet.shape[1] == 3 * 480
    assert ((sheet == (255, 0, 255)).all(axis=2)).mean() > 0.1  # the composite's loud backdrop


@pytest.mark.parametrize(
    ("part", "rows"),
    [((), 4), (("--end", "9"), 4), (("--start", "0.16", "--end", "0.2"), 1), (("--start", "0.2"), 1), (("--start", "0.12"), 3)],
)
def test_a_preview_of_a_short_part_shows_fewer_frames(part: tuple[str, ...], rows: int, stage: Path, run: Run) -> None:
    result = run("video", "clip.mp4", "--trimap", "band.png", "--model", "closed-form", *part, "--preview", "sheet.png", "-o", "out.mov")
    assert result.exit_code == 0, result.stderr
    assert read_photo(stage / "sheet.png").pixels.shape[0] == rows * (480 * SIZE[0] // SIZE[1] + 34)


def test_the_record_holds_the_seconds_of_each_step(stage: Path, run: Run) -> None:
    result = run("video", "clip.mp4", "--trimap", "band.png", "--as", "alpha", "-o", "alpha.mov", "--json", "--quiet")
    record = json.loads(result.stdout)
    assert record["frames"] == 6 and record["device"] == "cpu" and record["peak_memory"]["host"] > 2**20
    assert set(record["split"]) >= {"decode", "guide", "matte", "compose", "encode"} and record["real_time_factor"] > 0


MISTAKES: dict[str, tuple[tuple[str, ...], int, str]] = {
    "not a video": (("notes.txt",), 1, "notes.txt"),
    "a picture": (("plate.png",), 1, "matte image"),
    "missing": (("nowhere.mp4",), 1, "no file nowhere.mp4"),
    "alpha in mp4": (("clip.mp4", "-o", "out.mp4"), 2, ".mov"),
    "unknown ending": (("clip.mp4", "-o", "out.xyz"), 2, ".mov"),
    "over itself": (("clip.mp4", "-o", "clip.mp4", "--as", "alpha"), 2, "--overwrite"),
    "times the wrong way": (("clip.mp4", "--start", "2", "--end", "1"), 2, "is empty"),
    "no such time": (("clip.mp4", "--start", "soon"), 2, "--start soon"),
    "after the end": (("clip.mp4", "--trimap", "band.png", "--start", "60", "-o", "out.mov"), 1, "no frames"),
    "nothing to preview": (
        ("clip.mp4", "--trimap", "band.png", "--start", "60", "--preview", "sheet.png", "-o", "out.mov"),
        1,
        "no frames",
    ),
    "one-sided trimap": (("clip.mp4", "--trimap", "white.png", "-o", "out.mov"), 1, "white.png: the trimap has no background"),
    "trimap of another size": (("clip.mp4", "--trimap", "square.png", "-o", "out.mov"), 1, "50x50"),
    "mask of another size": (("clip.mp4", "--mask", "square.png", "-o", "out.mov"), 1, "50x50"),
    "mask clip of another size": (("clip.mp4", "--mask", "small.mp4", "-o", "out.mov"), 1, "small.mp4: the mask is 48x32"),
    "other scene": (("clip.mp4", "--bg", "other.png", "-o", "out.mov"), 1, "scene"),
    "other shape": (("clip.mp4", "--bg", "square.png", "-o", "out.mov"), 1, "50x50"),
    "unwritable": (("clip.mp4", "--trimap", "band.png", "-o", "notes.txt/out.mov"), 1, "out.mov"),
    "crf for prores": (("clip.mp4", "--trimap", "band.png", "-o", "out.mov", "--crf", "20"), 2, "crf"),
    "no motion": (("clip.mp4", "--align", "sideways", "--bg", "plate.png"), 2, "homography"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence_and_leaves_nothing_behind(mistake: str, stage: Path, run: Run) -> None:
    (stage / "notes.txt").write_text("no clip")
    noise = np.random.default_rng(5).integers(0, 255, (8, 12, 3)).repeat(8, axis=0).repeat(8, axis=1)
    write_image(noise.astype(np.uint8), stage / "other.png")
    write_image(np.zeros((50, 50, 3), np.uint8), stage / "square.png")
    write_image(np.full(SIZE, 255, np.uint8), stage / "white.png")
    make_clip(stage / "small.mp4", size=(32, 48), frames=2)
    before = sorted(stage.rglob("*"))
    arguments, code, words = MISTAKES[mistake]
    result = run("video", *arguments, "--quiet")
    assert (result.exit_code, words in result.stderr) == (code, True), result.stderr
    assert len(result.stderr.splitlines()) == 1 and sorted(stage.rglob("*")) == before


@pytest.mark.parametrize(("arguments", "words"), [(("plate.png",), "is a picture"), (("clip.mp4", "--fps", "25"), "leave out --fps")])
def test_files_that_are_no_clips_are_refused_before_a_model_is_opened(
    arguments: tuple[str, ...], words: str, stage: Path, run: Run
) -> None:
    result = run("video", *arguments, "--model", "modnet", "--offline")
    assert result.exit_code != 0 and words in result.stderr and "modnet" not in result.stderr


@pytest.mark.parametrize(("name", "code", "words"), [("SIGINT", 130, "interrupted"), ("SIGHUP", 129, "stopped")])
def test_signals_leave_no_file_behind(name: str, code: int, words: str, stage: Path) -> None:
    process = _begun(stage, name, signal.SIG_DFL, frames=60)
    _, said = process.communicate(timeout=600)
    assert process.returncode == code and words in said and "Traceback" not in said
    assert list((stage / "out").iterdir()) == []


def test_an_ignored_sighup_stays_ignored(stage: Path) -> None:
    process = _begun(stage, "SIGHUP", signal.SIG_IGN, frames=12)
    process.communicate(timeout=600)
    assert process.returncode == 0 and [file.name for file in (stage / "out").iterdir()] == ["long.mov"]


def _begun(stage: Path, name: str, handling: signal.Handlers, *, frames: int) -> "subprocess.Popen[str]":
    """A run that treats a signal so from the start, and was sent it when it was about to write."""
    make_clip(stage / "long.mp4", frames=frames, picture=disc)
    look = ("--trimap", "band.png", "--model", "closed-form")
    command = [sys.executable, "-m", "mattecli", "video", "long.mp4", *look, "-o", "out/long.mov"]
    # A shell's background jobs ignore Ctrl-C, and so would what they start.
    listening = partial(signal.signal, getattr(signal, name), handling)
    process = subprocess.Popen(command, cwd=stage, stderr=subprocess.PIPE, text=True, preexec_fn=listening)
    while process.poll() is None and not list((stage / "out").glob(".*")):
        time.sleep(0.05)
    process.send_signal(getattr(signal, name))
    return process


def test_closed_form_with_a_plate_follows_a_swinging_subject(shared: Path, tmp_path: Path, run: Run) -> None:
    folder = shared / "data/video/synth_swing"
    out = tmp_path / "frames/%05d.png"
    command = (
        "video",
        folder / "clip.mp4",
        "--bg",
        folder / "plate.jpg",
        "--model",
        "closed-form",
        "--as",
        "alpha",
        "--end",
        "0.2",
        "-o",
        out,
    )
    assert run(*command).exit_code == 0
    made = [read_photo(file).pixels[..., 0] for file in sorted(out.parent.glob("*.png"))]
    true = [read_photo(folder / f"alpha_{index:04d}.png").pixels[..., 0] for index in range(len(made))]
    assert len(made) > 2
    assert np.mean([np.abs(a.astype(int) - b).mean() for a, b in zip(made, true, strict=True)]) < 255 * 0.02


def test_a_still_guide_of_a_clip_takes_every_form_of_a_photo_s_guide(stage: Path, run: Run) -> None:
    inside = read_photo(_mask(stage, SIZE)).pixels[..., 0]
    write_image(np.dstack([np.full((*SIZE, 3), 90, np.uint8), inside]), stage / "cutout.png")
    labels = np.where(inside > 0, 2, read_photo("band.png").pixels[..., 0] > 0).astype(np.uint8)
    write_image(labels, stage / "labels.png")
    write_image(np.array([0, 128, 255], np.uint8)[labels], stage / "levels.png")
    for one, other in (("--mask=mask.png", "--mask=cutout.png"), ("--trimap=levels.png", "--trimap=labels.png")):
        for guide, output in ((one, "one.mkv"), (other, "other.mkv")):
            result = run("video", "clip.mp4", guide, "--model", "closed-form", "--end", "0.08", "-o", output)
            assert result.exit_code == 0, result.stderr
        assert np.array_equal(alphas_of(stage / "one.mkv"), alphas_of(stage / "other.mkv")), other
