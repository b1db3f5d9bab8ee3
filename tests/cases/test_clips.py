"""Kinds of clips that public reports on other programs brought out, drawn small: what is right, from the command line.

The clips are those of the shared folder's cases/clips.sh: in `base.mp4` a red disc moves over a wall; its x is 30 + 11 * frame.
"""

import json
import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from mattecli.cli.app import app
from mattecli.io.icc import converted
from mattecli.io.images import read_photo, write_image
from mattecli.io.video_read import open_clip
from tests.clips import ffmpeg, stamps
from tests.profiles import display_p3

LIME, RED = (0, 255, 0), (230, 40, 30)
FAST = ("--model", "closed-form")


@pytest.fixture(scope="module")
def drawn(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the cases, with cut.mov (ProRes), cut.webm (VP9) and cut/ (PNG): the disc of base.mp4 cut out."""
    folder, programs = tmp_path_factory.mktemp("cases"), tmp_path_factory.mktemp("bin")
    (programs / "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    (programs / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (programs / "python3").chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["bash", shared / "cases/clips.sh"], cwd=folder, env={**os.environ, "PATH": path}, check=True, timeout=600)
    (folder / "cut").mkdir()
    for index in range(24):
        picture = read_photo(folder / f"f/{index + 1:05d}.png").pixels
        write_image(np.dstack([picture, _alpha(index)]), folder / f"cut/{index + 1:05d}.png")
    for name, coding in (("cut.mov", ("prores_ks", "-pix_fmt", "yuva444p10le")), ("cut.webm", ("libvpx-vp9", "-pix_fmt", "yuva420p"))):
        ffmpeg("-framerate", "24", "-i", folder / "cut/%05d.png", "-c:v", *coding, "-b:v", "2M", folder / name)
    return folder


@pytest.fixture
def cases(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the cases of its own."""
    shutil.copytree(drawn, tmp_path / "cases")
    monkeypatch.chdir(tmp_path / "cases")
    return tmp_path / "cases"


def matte(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.stderr
    return result


def _alpha(index: int, size: tuple[int, int] = (180, 320)) -> np.ndarray:
    """The disc's matte."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    inside = 26.5 - np.hypot(rows - 95, columns - (30 + 11 * index))
    return np.rint(255 * inside.clip(0, 1)).astype(np.uint8)


def _is_disc_over_lime(path: str) -> bool:
    """Whether every frame shows the disc in red at its place, and lime elsewhere."""
    with open_clip(path) as reader:
        for frame in reader:
            disc, wall = _alpha(frame.index) == 255, _alpha(frame.index) == 0
            apart = [np.abs(frame.pixels[part].astype(int) - colour).mean() for part, colour in ((disc, RED), (wall, LIME))]
            if max(apart) > 25:
                return False
        return frame.index == 23


@pytest.mark.parametrize("alpha", ["cut/", "cut.mov", "cut.webm"])
def test_a_cutout_given_as_a_matte_is_its_alpha(alpha: str, cases: Path) -> None:
    matte("composite", "base.mp4", "--alpha", alpha, "--over", "lime", "-o", "over.mp4")
    assert _is_disc_over_lime("over.mp4")


@pytest.mark.parametrize("source", ["cut.mov", "cut.webm", "cut/%05d.png"])
def test_a_cutout_is_composited_with_its_own_alpha(source: str, cases: Path) -> None:
    matte("composite", source, "--over", "lime", "-o", "over.mp4")
    assert _is_disc_over_lime("over.mp4")


def test_a_clip_without_alpha_and_a_matte_in_colours_are_refused(cases: Path) -> None:
    assert "no transparency of its own" in matte("composite", "base.mp4", "--over", "lime", "-o", "o.mp4", code=1).stderr
    assert "no matte" in matte("composite", "base.mp4", "--alpha", "c23.mkv", "--over", "lime", "-o", "o.mp4", code=1).stderr
    assert not Path("o.mp4").exists()


@pytest.mark.parametrize("kind", ["cutout", "red", "opaque"])
def test_a_moving_mask_is_read_like_a_still_one(kind: str, cases: Path) -> None:
    for index in range(24):
        inside = _alpha(index)
        colours = {"cutout": (90, 90, 90), "red": (255, 0, 0), "opaque": (255, 255, 255)}[kind]
        picture = (inside[..., None] / 255 * colours).astype(np.uint8)
        layers = {"cutout": inside, "red": None, "opaque": np.full_like(inside, 255)}[kind]
        write_image(picture if layers is None else np.dstack([picture, layers]), cases / f"m/{index:05d}.png")
    ffmpeg("-framerate", "24", "-i", "m/%05d.png", "-c:v", "ffv1" if kind != "red" else "libx264", "m.mkv")
    matte("video", "base.mp4", "--mask", "m.mkv", *FAST, "--end", "0.1", "--as", "alpha", "-o", "alpha/")
    for index in range(3):
        found = read_photo(f"alpha/{index + 1:05d}.png").pixels[..., 0]
        assert np.abs(found.astype(int) - _alpha(index)).mean() < 3


def test_a_path_of_an_existing_file_is_not_a_pattern(cases: Path) -> None:
    for name in ("A [id]", "B [id]"):
        assert matte("video", f"clips/{name}.mp4", "--bg", "plate.png", *FAST, "--end", "0.05").stdout.strip() == f"clips/{name}_cutout.mov"
        assert matte("plate", f"clips/{name}.mp4").stdout.strip() == f"clips/{name}_plate.png"
        matte("composite", "cut/00001.png", "--over", f"clips/{name}.mp4", "-o", "over.png")
    assert sorted(file.name for file in Path("clips").glob("*cutout*")) == ["A [id]_cutout.mov", "B [id]_cutout.mov"]


@pytest.mark.parametrize("name", ["back.ts", "jump.ts"])
def test_jumping_timestamps_are_joined_with_their_sound_and_a_note(name: str, cases: Path) -> None:
    result = matte("video", name, "--bg", "plate.png", *FAST, "--as", "alpha", "-o", "o.mov")
    base, ticks = stamps(Path("o.mov"))
    assert [float(tick * base) for tick in ticks] == pytest.approx([index / 24 for index in range(24)], abs=0.001)
    sound_base, sound = stamps(Path("o.mov"), stream="a:0")
    assert float(sound[-1] * sound_base) == pytest.approx(1, abs=0.05) and "jump once" in result.stderr


def test_a_constant_frame_rate_stays_constant(cases: Path) -> None:
    matte("video", "c23.mkv", "--bg", "plate.png", *FAST, "--end", "0.5", "-o", "o.mov")
    base, ticks = stamps(Path("o.mov"))
    assert [tick * base for tick in ticks] == [index * Fraction(1001, 24000) for index in range(12)]


def test_a_sequence_keeps_its_numbers_and_gaps_with_a_note(cases: Path) -> None:
    result = matte("video", "gap/", "--bg", "plate.png", *FAST, "-o", "o/cut.%04d.png")
    numbers = [1001, 1002, 1003, 1006, 1007, 1008]
    assert sorted(file.name for file in Path("o").glob("*.png")) == [f"cut.{number}.png" for number in numbers]
    assert "2 of 8 numbers are missing" in result.stderr
    Path("o/cut.1007.png").unlink()
    matte("video", "gap/", "--bg", "plate.png", *FAST, "-o", "o/cut.%04d.png", "--resume")
    assert Path("o/cut.1007.png").exists()
    matte("video", "gap/", "--bg", "plate.png", *FAST, "-o", "o.mov")
    base, ticks = stamps(Path("o.mov"))
    assert [25 * tick * base for tick in ticks] == [0, 1, 2, 5, 6, 7]
    matte("video", "gap/", "--bg", "plate.png", *FAST, "--start-number", "7", "-o", "p/%d.png")
    assert {file.name for file in Path("p").glob("*.png")} == {f"{number}.png" for number in range(7, 13)}


def test_the_profile_of_a_sequence_is_kept_in_pictures_and_converted_in_a_video(cases: Path) -> None:
    for index in range(2):
        write_image(np.full((40, 60, 3), (200, 60, 40), np.uint8), cases / f"wide/{index}.png", icc=display_p3())
    write_image(np.full((40, 60), 255, np.uint8), cases / "white.png")
    command = ("composite", "wide/%d.png", "--alpha", "white.png", "--over", "red")
    matte(*command, "-o", "out/%d.png")
    assert read_photo("out/0.png").icc == display_p3() and tuple(read_photo("out/0.png").pixels[9, 9]) == (200, 60, 40)
    matte(*command, "-o", "out.mkv")
    expected = converted(np.full((1, 1, 3), (200, 60, 40), np.uint8), display_p3(), None)[0, 0]
    with open_clip("out.mkv") as reader:
        assert np.abs(next(iter(reader)).pixels[9, 9].astype(int) - expected).max() <= 1


def test_backdrops_and_plates_are_read_with_their_orientation_and_pixel_aspect(cases: Path) -> None:
    rows, columns = np.mgrid[:180, :320]
    circle = np.hypot(rows - 90, columns - 160)[..., None] < 60
    write_image(np.where(circle, (255, 255, 255), (0, 0, 200)).astype(np.uint8), cases / "circle.png")
    ffmpeg("-loop", "1", "-i", "circle.png", "-t", "1", "-vf", "scale=160:180,setsar=2", "-c:v", "ffv1", "circle.mkv")
    for index in range(24):
        write_image(np.zeros((180, 240), np.uint8), cases / f"none/{index:05d}.png")
    for backdrop in ("circle.png", "circle.mkv"):
        matte("composite", "sar.mp4", "--alpha", "none/", "--over", backdrop, "-o", "over.mp4")
        with open_clip("over.mp4") as reader:
            white = next(iter(reader)).pixels[..., 0] > 128
        assert reader.clip.aspect == Fraction(4, 3)
        assert abs(white.any(axis=1).sum() - 120) < 3 and abs(white.any(axis=0).sum() - 120 * 3 / 4) < 3
    matte("video", "sar.mp4", "--bg", "plate.png", *FAST, "--end", "0.1", "--over", "circle.png", "-o", "plated.mp4")
    with open_clip("plated.mp4") as reader:
        white = (next(iter(reader)).pixels > 128).all(axis=2)[:, 60:]
        assert abs(white.any(axis=0).sum() - 120 * 3 / 4) < 4


def test_interlaced_frames_are_reported_or_deinterlaced(cases: Path) -> None:
    command = ("video", "interlaced.mp4", "--bg", "plate.png", *FAST, "--as", "alpha", "--start", "0.1", "--end", "0.3")
    assert "interlaced" in matte(*command, "-o", "combed/").stderr
    assert "they show the first" in matte(*command, "-o", "whole/", "--deinterlace").stderr
    combs = []
    for folder in ("combed", "whole"):
        alpha = [read_photo(file).pixels[..., 0].astype(int) for file in sorted(Path(folder).glob("*.png"))]
        combs.append(np.mean([np.abs(one[1:-1] * 2 - one[:-2] - one[2:]).mean() for one in alpha]))
    assert combs[1] < 0.8 * combs[0]  # the chroma of both moments is mixed already in a clip of 4:2:0


def test_a_timecode_is_kept(cases: Path) -> None:
    matte("video", "tc.mov", "--bg", "plate.png", *FAST, "--start", "0.5", "-o", "o.mov")
    with open_clip("o.mov") as reader:
        assert reader.clip.tags.timecode == "01:02:03:16"


def test_a_still_mask_of_a_moving_subject_is_doubted(cases: Path) -> None:
    write_image(_alpha(0), cases / "first.png")
    result = matte(
        "video", "base.mp4", "--mask", "first.png", "--follow", "off", *FAST, "--end", "0.5", "--as", "alpha", "-o", "o.mov", "--json"
    )
    record = json.loads(result.stdout)
    assert any("the still mask has it" in doubt for doubt in record["doubt"]) and "the still mask has it" in result.stderr
    assert 0.001 < record["coverage"] < 0.2


def test_several_clips_are_made_in_one_run_and_a_broken_one_fails_alone(cases: Path) -> None:
    Path("clips/broken.mp4").write_bytes(b"no clip")
    result = matte("video", "clips", "c23.mkv", "--bg", "plate.png", *FAST, "--end", "0.05", "-o", "made", "--json", code=1)
    assert sorted(file.name for file in Path("made").iterdir()) == ["A [id].mov", "B [id].mov", "c23.mov"]
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["output"] is None for record in records] == [False, False, True, False]
    assert "clips/broken.mp4" in result.stderr and "3 done, 1 failed, 0 skipped" in result.stderr


def test_a_clip_of_one_pixel_is_matted(cases: Path) -> None:
    matte("video", "one_pixel.mkv", "--end", "0.1", "-o", "o.mov")
    assert len(stamps(Path("o.mov"))[1]) == 3


@pytest.mark.parametrize("time", ["1e9999999999", "nan", "-1", "1/3", "1_0", "9" * 5000])
def test_numbers_that_are_not_plain_decimals_are_refused(time: str, cases: Path) -> None:
    for option in ("--start", "--end", "--fps"):
        said = matte("video", "base.mp4", f"{option}={time}", code=2).stderr
        assert len(said.splitlines()) == 1 and len(said) < 250
