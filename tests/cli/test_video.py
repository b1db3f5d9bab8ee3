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
    """A folder with clip.mp4 (the disc, with sound), plate.png (the scene alone) and band.png (a trimap that fits all frames)."""
    monkeypatch.chdir(tmp_path)
    # Whole chroma: at this size, halved chroma smears the disc's colour over its whole soft edge.
    make_clip(tmp_path / "clip.mp4", picture=disc, frames=6, pixels="yuv444p", sounds=("stereo",))
    write_image(disc(0, present=False), tmp_path / "plate.png")
    mattes = np.stack([true_alpha(index) for index in range(32)])
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
def test_every_frame_comes_out_at_its_time_with_its_sound(name: str, stage: Path, run: Run) -> None:
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
def test_alpha_in_a_container_is_the_alpha_of_the_pictures(ending: str, stage: Path, run: Run) -> None:
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


def test_a_frame_without_the_subject_is_empty_one_full_of_it_is_full_and_the_rest_goes_on(stage: Path, run: Run) -> None:
    def picture(index: int, size: Size) -> Picture:
        return np.full((*size, 3), (230, 140, 40), np.uint8) if index == 4 else disc(index, size, present=index >= 2)

    make_clip(stage / "enters.mp4", frames=5, picture=picture)
    result = run("video", "enters.mp4", "--bg", "plate.png", "--model", "closed-form", "-o", "out.mov")
    assert result.exit_code == 0 and "in 2 frames" in result.stderr, result.stderr
    coverage = alphas_of(stage / "out.mov").mean(axis=(1, 2))
    assert (coverage[:2] == 0).all() and (coverage[2:4] > 20).all() and (coverage[2:4] < 90).all() and coverage[4] == 255


def test_resume_makes_only_what_is_missing_and_the_last_again(stage: Path, run: Run) -> None:
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


def test_a_part_of_a_clip_starts_at_zero_and_every_second_frame_keeps_its_pace(stage: Path, run: Run) -> None:
    make_clip(stage / "long.mp4", frames=25, picture=disc, sounds=("stereo",))
    assert run("video", "long.mp4", "--trimap", "band.png", "--start", "0.4", "--end", "0:00.8", "-o", "part.mov").exit_code == 0
    base, ticks = stamps(stage / "part.mov")
    assert [float(tick * base) for tick in ticks] == pytest.approx([0.04 * n for n in range(10)], abs=float(base))
    result = run("video", "long.mp4", "--trimap", "band.png", "--every", "5", "-o", "fifth.mov")
    base, ticks = stamps(stage / "fifth.mov")
    assert [float(tick * base) for tick in ticks] == pytest.approx([0.2 * n for n in range(5)], abs=float(base))
    assert "sound is left out" in result.stderr


def test_a_cut_off_clip_is_delivered_as_far_as_it_goes(stage: Path, run: Run) -> None:
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


def test_the_record_tells_where_the_time_went(stage: Path, run: Run) -> None:
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
    before = sorted(stage.rglob("*"))
    arguments, code, words = MISTAKES[mistake]
    result = run("video", *arguments, "--quiet")
    assert (result.exit_code, words in result.stderr) == (code, True), result.stderr
    assert len(result.stderr.splitlines()) == 1 and sorted(stage.rglob("*")) == before


@pytest.mark.parametrize(("arguments", "words"), [(("plate.png",), "is a picture"), (("clip.mp4", "--fps", "25"), "leave out --fps")])
def test_what_is_no_clip_is_told_before_a_model_is_opened(arguments: tuple[str, ...], words: str, stage: Path, run: Run) -> None:
    result = run("video", *arguments, "--model", "modnet", "--offline")
    assert result.exit_code != 0 and words in result.stderr and "modnet" not in result.stderr


def test_ctrl_c_leaves_no_file_under_the_final_name(stage: Path) -> None:
    make_clip(stage / "long.mp4", frames=60, picture=disc)
    command = [sys.executable, "-m", "mattecli", "video", "long.mp4", "--trimap", "band.png", "-o", "out/long.mov"]
    # A shell's background jobs ignore Ctrl-C, and so would what they start.
    listening = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, cwd=stage, stderr=subprocess.PIPE, text=True, preexec_fn=listening) as process:
        for _ in range(300):
            if list((stage / "out").glob(".*")):
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted" in words and "Traceback" not in words
    assert list((stage / "out").iterdir()) == []


def test_the_weight_free_plate_way_follows_a_swinging_subject(shared: Path, tmp_path: Path, run: Run) -> None:
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


def test_a_still_guide_may_be_what_a_photo_may_have(stage: Path, run: Run) -> None:
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
