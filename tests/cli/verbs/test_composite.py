"""`matte composite` through the real command line."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from mattecli.cli.verbs.composite import composite
from mattecli.io.images import write_image
from tests.clips import ffmpeg, make_clip
from tests.profiles import damaged, display_p3
from tests.support import Run, read

WANTED = np.array([230, 140, 40])


@pytest.fixture
def stage(scene: Path) -> Path:
    """The scene with its true matte as alpha.png, a beach, and a cut-out of an opaque-edged square."""
    Path("true.png").rename("alpha.png")
    rows = np.linspace(0, 255, 40)[:, None, None] * np.ones((1, 60, 3))
    write_image(rows.astype(np.uint8), "beach.jpg")
    cut = np.zeros((72, 96, 4), np.uint8)
    cut[20:50, 30:60] = (10, 200, 30, 255)
    Path("cutouts").mkdir()
    write_image(cut, "cutouts/square.png")
    return scene


def _edge(scene: Path) -> np.ndarray:
    alpha = read(scene / "alpha.png") / 255.0
    return (alpha > 0.3) & (alpha < 0.9)


def _moving(name: str, picture: object, **options: object) -> None:
    make_clip(Path(name), picture=picture, size=(72, 96), frames=6, pixels="yuv444p", **options)  # type: ignore[arg-type]


def _frames(path: str) -> np.ndarray:
    data = ffmpeg("-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-", binary=True)
    return np.frombuffer(data, np.uint8).reshape(-1, 72, 96, 3)


def _photo(index: int, size: tuple[int, int]) -> np.ndarray:
    return read(Path("photo.png"))


def _alpha(index: int, size: tuple[int, int]) -> np.ndarray:
    return np.repeat(read(Path("alpha.png"))[..., None], 3, axis=2)


def test_the_edge_keeps_no_colour_of_the_old_background(run: Run, stage: Path) -> None:
    done = run("composite", "photo.png", "--alpha", "alpha.png", "--over", "transparent", "-o", "cut.png")
    assert (done.exit_code, done.stdout) == (0, "cut.png\n"), done.output
    cut = read(stage / "cut.png")
    np.testing.assert_array_equal(cut[..., 3], read(stage / "alpha.png"))
    assert np.abs(cut[..., :3] - WANTED)[_edge(stage)].mean() < 8
    assert (
        run("composite", "photo.png", "--alpha", "alpha.png", "--over", "transparent", "-o", "old.png", "--decontaminate", "off").exit_code
        == 0
    )
    shown = cut[..., 3] > 0
    np.testing.assert_array_equal(read(stage / "old.png")[shown, :3], read(stage / "photo.png")[shown])
    assert (read(stage / "old.png")[~shown] == 0).all()


def test_blending_is_in_linear_light_unless_gamma_is_given(run: Run, stage: Path) -> None:
    for name, flags in (("light", []), ("old", ["--gamma"])):
        assert run("composite", "photo.png", "--alpha", "alpha.png", "--over", "black", "-o", f"{name}.png", *flags).exit_code == 0
    alpha = read(stage / "alpha.png")[..., None] / 255.0
    np.testing.assert_allclose(read(stage / "old.png")[_edge(stage)], (alpha * WANTED)[_edge(stage)], atol=25)
    brighter = read(stage / "light.png")[_edge(stage)].astype(int) - read(stage / "old.png")[_edge(stage)]
    assert brighter[:, 0].mean() > 15, "half the light of orange is more than half its level"


def test_a_cutout_over_transparent_is_unchanged_and_loads_no_torch(stage: Path) -> None:
    command = "import sys; from mattecli.cli.app import app; app(sys.argv[1:], standalone_mode=False); print('torch' in sys.modules)"
    arguments = ["composite", "cutouts/square.png", "--over", "transparent", "-o", "again.png"]
    done = subprocess.run([sys.executable, "-c", command, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout == "again.png\nFalse\n"
    np.testing.assert_array_equal(read(stage / "again.png"), read(stage / "cutouts/square.png"))


def test_colours_of_a_cutout_are_unchanged_even_with_another_matte(run: Run, stage: Path) -> None:
    write_image(np.full((72, 96), 128, np.uint8), stage / "half.png")
    assert run("composite", "cutouts/square.png", "--alpha", "half.png", "--over", "transparent", "-o", "half_cut.png").exit_code == 0
    half = read(stage / "half_cut.png")
    assert (half[..., 3] == 128).all()
    np.testing.assert_array_equal(half[..., :3], read(stage / "cutouts/square.png")[..., :3])


def test_premultiplied_colours_are_multiplied_and_tagged_in_a_tiff(run: Run, stage: Path) -> None:
    for name, flags in (("straight", []), ("pre", ["--premultiplied"])):
        done = run("composite", "photo.png", "--alpha", "alpha.png", "--over", "transparent", "-o", f"{name}.tif", *flags)
        assert done.exit_code == 0, done.output
    straight, multiplied = (tifffile.imread(stage / f"{name}.tif").astype(float) for name in ("straight", "pre"))
    np.testing.assert_allclose(multiplied[..., :3], straight[..., :3] * straight[..., 3:] / 255, atol=1.1)
    with tifffile.TiffFile(stage / "pre.tif") as file:
        assert file.pages[0].extrasamples == (tifffile.EXTRASAMPLE.ASSOCALPHA,)


def test_depth_and_profile_are_kept(run: Run, stage: Path) -> None:
    deep = read(stage / "photo.png").astype(np.uint16) * 257
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    write_image(deep, stage / "deep.png", icc=profile)
    assert run("composite", "deep.png", "--alpha", "alpha.png", "--over", "beach.jpg", "--blur", "2", "-o", "deep_out.png").exit_code == 0
    out = cv2.imread(str(stage / "deep_out.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    solid = read(stage / "alpha.png") == 255
    assert out.dtype == np.uint16
    np.testing.assert_array_equal(out[solid], deep[solid])
    with Image.open(stage / "deep_out.png") as picture:
        assert picture.info["icc_profile"] == profile


def test_profiles_are_converted_for_backdrops_and_to_srgb_for_clips(run: Run, stage: Path) -> None:
    write_image(read(stage / "cutouts/square.png"), stage / "wide.png", icc=display_p3())
    write_image(np.full((72, 96, 3), (220, 30, 30), np.uint8), "red.png", icc=damaged())
    done = run("composite", "wide.png", "--over", "220,30,30", "-o", "over.png")
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    over = read(stage / "over.png")
    assert over[0, 0].tolist() == [202, 54, 44] and over[30, 40].tolist() == [10, 200, 30]
    done = run("composite", "wide.png", "--over", "red.png", "-o", "over.png", "--overwrite")
    assert "red.png: its colour profile is damaged" in done.stderr and read(stage / "over.png")[0, 0].tolist() == [202, 54, 44]
    _moving("alpha.mkv", lambda index, size: np.full((*size, 3), 255, np.uint8), codec="ffv1")
    assert run("composite", "wide.png", "--alpha", "alpha.mkv", "--over", "white", "-o", "still.mkv").exit_code == 0
    assert _frames("still.mkv")[0, 30, 40, 0] < 5, "a green that sRGB has not, cut off"


def test_fit_decides_how_the_backdrop_fills_the_frame(run: Run, stage: Path) -> None:
    corners = {}
    for fit in ("cover", "contain", "stretch"):
        assert run("composite", "cutouts/square.png", "--over", "beach.jpg", "--fit", fit, "-o", f"{fit}.png").exit_code == 0
        corners[fit] = read(stage / f"{fit}.png")[:, 0, 0].astype(int)
    assert corners["stretch"][0] < 10 and corners["stretch"][-1] > 245
    assert corners["contain"][-1] == 0, "a bar"
    assert corners["cover"][-1] > 245


def test_folders_and_default_names_are_those_of_the_other_verbs(run: Run, stage: Path) -> None:
    Path("photos").mkdir()
    Path("mattes").mkdir()
    for name in ("a", "b"):
        (stage / "photos" / f"{name}.png").write_bytes((stage / "photo.png").read_bytes())
        (stage / "mattes" / f"{name}.png").write_bytes((stage / "alpha.png").read_bytes())
    done = run("composite", "photos", "--alpha", "mattes", "--over", "white", "--json")
    assert done.exit_code == 0, done.output
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [str(Path(record["output"]).relative_to(stage)) for record in records] == ["photos_composite/a.png", "photos_composite/b.png"]
    assert records[0]["size"] == [96, 72] and read(stage / "photos_composite/b.png")[0, 0].tolist() == [255, 255, 255]


def test_a_clip_over_a_moving_backdrop_stays_in_step_and_keeps_its_sound(run: Run, stage: Path) -> None:
    _moving("clip.mp4", _photo, sounds=("stereo",))
    _moving("alpha.mkv", _alpha, codec="ffv1")
    _moving("street.mkv", lambda index, size: np.full((*size, 3), 40 * (index % 3), np.uint8), codec="ffv1")
    done = run("composite", "clip.mp4", "--alpha", "alpha.mkv", "--over", "street.mkv", "-o", "out.mkv", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["frames"] == 6
    corner = _frames("out.mkv")[:, 0, 0, 0].astype(int)
    np.testing.assert_allclose(corner, [0, 40, 80, 0, 40, 80], atol=3)
    assert np.abs(_frames("out.mkv")[:, 36, 48] - WANTED).max() < 12
    assert len(ffmpeg("-i", "out.mkv", "-map", "0:a", "-f", "s16le", "-", binary=True)) > 10_000


def test_what_is_odd_in_a_still_matte_or_a_still_picture_is_told_beside_a_clip(run: Run, stage: Path) -> None:
    _moving("clip.mp4", _photo)
    _moving("alpha.mkv", _alpha, codec="ffv1")
    for name, source in (("alpha.jpg", "alpha.png"), ("photo.jpg", "photo.png")):
        Image.open(source).convert("RGB").save(name, quality=95)
        data = Path(name).read_bytes()
        middle = len(data) * 2 // 3
        Path(name).write_bytes(data[:middle] + b"\xff\xd9" + data[middle:])
    for picture, matte, odd in (("clip.mp4", "alpha.jpg", "alpha.jpg"), ("photo.jpg", "alpha.mkv", "photo.jpg")):
        done = run("composite", picture, "--alpha", matte, "--over", "white", "-o", "out.mkv", "--overwrite", "--json")
        assert done.exit_code == 0, done.output
        (told,) = json.loads(done.stdout)["notes"]
        assert told.startswith(f"{odd}: its pixels are damaged")


def test_a_still_picture_takes_a_moving_matte_and_a_clip_a_still_matte(run: Run, stage: Path) -> None:
    def growing(index: int, size: tuple[int, int]) -> np.ndarray:
        return (
            np.repeat(np.where(np.arange(size[1]) < 16 * index, 255, 0)[None, :, None], size[0], axis=0).repeat(3, axis=2).astype(np.uint8)
        )

    _moving("growing.mkv", growing, codec="ffv1")
    _moving("clip.mkv", _photo, codec="ffv1")
    assert run("composite", "photo.png", "--alpha", "growing.mkv", "--over", "black", "-o", "grown.mkv").exit_code == 0
    shown = (_frames("grown.mkv")[:, 5].max(axis=2) > 20).sum(axis=1)
    np.testing.assert_allclose(shown, 16 * np.arange(6), atol=2)
    assert run("composite", "clip.mkv", "--alpha", "alpha.png", "--over", "transparent", "-o", "cut/%03d.png").exit_code == 0
    assert len(list(Path("cut").glob("*.png"))) == 6
    np.testing.assert_array_equal(read(stage / "cut/003.png")[..., 3], read(stage / "alpha.png"))


def test_a_truncated_clip_is_composited_up_to_its_end_and_fails(run: Run, stage: Path) -> None:
    _moving("clip.mkv", _photo, codec="ffv1")
    whole = Path("clip.mkv").read_bytes()
    Path("clip.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    done = run("composite", "clip.mkv", "--alpha", "alpha.png", "--over", "white", "-o", "out.mkv", "-q")
    written = len(_frames("out.mkv"))
    assert done.exit_code == 1 and 0 < written < 6 and f"the {written} frames before that were written to out.mkv" in done.stderr


def test_clips_of_different_lengths_are_refused_with_both_frame_counts(run: Run, stage: Path) -> None:
    _moving("clip.mkv", _photo, codec="ffv1")
    make_clip(Path("short.mkv"), picture=_alpha, size=(72, 96), frames=4, codec="ffv1", pixels="gray")
    done = run("composite", "clip.mkv", "--alpha", "short.mkv", "--over", "white", "-o", "out.mkv")
    assert done.exit_code == 1 and "clip.mkv has 6 frames and short.mkv 4" in done.stderr
    assert not Path("out.mkv").exists()


def test_mattes_of_another_frame_rate_are_reported(run: Run, stage: Path) -> None:
    _moving("clip.mkv", _photo, codec="ffv1")
    _moving("alpha.mkv", _alpha, codec="ffv1", rate=12)
    done = run("composite", "clip.mkv", "--alpha", "alpha.mkv", "--over", "white", "-o", "out.mkv")
    assert done.exit_code == 0 and "in 5 frames the matte of the same number is of another time" in done.stderr, done.output


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["photo.png", "--over", "white"], 1, "no transparency of its own; give its matte"),
        (["photo.png", "--alpha", "small.png", "--over", "white"], 1, "the alpha is 48x36, the picture 96x72"),
        (["photo.png", "--alpha", "photo.png", "--over", "white"], 1, "is no matte"),
        (["photo.png", "--alpha", "none.png", "--over", "white"], 1, "there is no file none.png"),
        (["none.jpg", "--alpha", "alpha.png", "--over", "white"], 1, "there is no file none.jpg"),
        (["photo.png", "--alpha", "alpha.png", "--over", "shore.jpg"], 1, "there is no file shore.jpg"),
        (["photo.png", "--alpha", "alpha.png", "--over", "beigeish"], 2, "not a colour"),
        (["photo.png", "--alpha", "alpha.png", "--over", "beach.jpg", "--fit", "tile"], 2, "cover, contain, stretch"),
        (["photo.png", "--alpha", "alpha.png", "--over", "beach.jpg", "--blur", "lots"], 2, "--blur lots"),
        (["photo.png", "--alpha", "alpha.png", "--over", "white", "--premultiplied"], 2, "--over transparent"),
        (["photo.png", "--alpha", "alpha.png", "--over", "transparent", "--premultiplied", "--keep-hidden"], 2, "--keep-hidden keeps"),
        (["photo.png", "--alpha", "alpha.png", "--over", "white", "--decontaminate", "maybe"], 2, "choose on or off"),
        (["photo.png", "--alpha", "alpha.png", "--over", "white", "--device", "gpu"], 2, "there is no device"),
        (["clip.mp4", "--over", "white"], 1, "there is no file clip.mp4"),
    ],
)
def test_mistakes_are_refused_in_one_line(run: Run, stage: Path, arguments: list[str], code: int, said: str) -> None:
    write_image(np.zeros((36, 48), np.uint8), stage / "small.png")
    done = run("composite", *arguments, "-o", "out.png")
    assert (done.exit_code, done.stderr.count("\n")) == (code, 1), done.output
    assert said in done.stderr
    assert not (stage / "out.png").exists()


def test_a_transparent_jpeg_and_an_output_over_an_input_are_refused(run: Run, stage: Path) -> None:
    for output, said in (("cut.jpg", "cannot hold transparency"), ("photo.png", "would overwrite")):
        done = run("composite", "photo.png", "--alpha", "alpha.png", "--over", "transparent", "-o", output)
        assert done.exit_code == 2 and said in done.stderr


def test_skip_existing_makes_missing_pictures_and_is_refused_for_clips(run: Run, stage: Path) -> None:
    write_image(read(stage / "cutouts/square.png"), "cutouts/other.png")
    command = ("composite", "cutouts/", "-o", "white/", "--skip-existing", "--over")
    assert run("composite", "cutouts/square.png", "-o", "white/", "--over", "white").exit_code == 0
    done = run(*command, "white")
    assert (done.exit_code, done.stdout) == (0, "white/other.png\n") and "1 of 2 results are there already" in done.stderr, done.output
    Path("white/other.png").write_text("something else")
    done = run(*command, "white")
    assert (done.exit_code, done.stdout) == (0, "white/other.png\n") and "1 are there, but not as made" in done.stderr, done.output
    assert run(*command, "red").stdout == "white/other.png\nwhite/square.png\n", "other settings make all anew"
    done = run("composite", "clip.mp4", "--alpha", "alpha.png", "--over", "white", "--skip-existing")
    assert done.exit_code == 2 and "--skip-existing is for pictures" in done.stderr


def test_the_examples_of_the_help_run(run: Run, stage: Path) -> None:
    write_image(read(stage / "photo.png"), "photo.jpg")
    _moving("clip.mp4", _photo)
    _moving("alpha.mov", _alpha)
    _moving("alpha.mkv", _alpha)
    _moving("street.mp4", _photo)
    examples = re.findall(r"^ +matte (composite .*)$", str(composite.__doc__), re.MULTILINE)
    write_image(read(stage / "photo.png"), "plate.exr")
    write_image(np.dstack([read(stage / "photo.png"), read(stage / "alpha.png")]), "cutout.exr")
    assert len(examples) == 6
    assert run("composite", "clip.mp4", "--alpha", "alpha.mov", "--over", "transparent", "-o", "cutout.mov").exit_code == 0
    for example in examples:
        done = run(*shlex.split(example))
        assert done.exit_code == 0, done.output
        assert all(Path(path).is_file() for path in done.stdout.split())
