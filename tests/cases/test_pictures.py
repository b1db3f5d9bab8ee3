"""Kinds of pictures that once gave wrong results without an error; expected are the results in the column "right" of the shared cases."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support import Run, read


@pytest.fixture(scope="module")
def drawn(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures that ../shared/cases/images.py draws."""
    script, folder = shared / "cases/images.py", tmp_path_factory.mktemp("cases")
    if not script.is_file():
        pytest.skip(f"{script} is not there")
    subprocess.run([sys.executable, script], cwd=folder, check=True)
    return folder


@pytest.fixture
def cases(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the pictures of its own."""
    shutil.copytree(drawn, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _alpha(run: Run, *arguments: str) -> np.ndarray:
    done = run("image", *arguments, "--as", "alpha", "-o", "alpha.png")
    assert done.exit_code == 0, done.output
    return read(Path("alpha.png"))


@pytest.mark.parametrize("name", ["exif.png", "exif.webp", "ztxt.png", "bigicc.tif", "noeoi.jpg"])
def test_broken_metadata_beside_valid_pixels_is_ignored(run: Run, cases: Path, name: str) -> None:
    done = run("image", name, "--trimap", "t.png", "-o", "own.png")
    assert done.exit_code == 0, done.output
    assert (name in done.stderr) == (name in ("exif.png", "exif.webp", "noeoi.jpg")), "a note where anything was lost"
    again = run("composite", "own.png", "--over", "lime", "-o", "again.png")
    assert again.exit_code == 0, again.output


def test_pictures_of_a_folder_are_matted_and_other_files_counted(run: Run, cases: Path) -> None:
    (cases / "in/notes.txt").write_text("no picture")
    done = run("image", "in", "-o", "out", "--mask", "mask.png")
    assert done.exit_code == 0, done.output
    assert {"out/a.png", "out/b.png"} <= set(done.stdout.split())
    assert "1 .txt" in done.stderr
    assert run("composite", "in/b.jfif", "--alpha", "mask.png", "--over", "in/b.jfif", "-o", "over.png").exit_code == 0
    assert np.abs(read(cases / "over.png").astype(int) - np.asarray(Image.open("in/b.jfif"))).max() <= 1


def test_one_missing_guide_fails_one_picture(run: Run, cases: Path) -> None:
    done = run("image", "three", "-o", "o", "--trimap", "tri", "--json")
    assert done.exit_code == 1
    outputs = {Path(record["input"]).name: record["output"] for record in map(json.loads, done.stdout.splitlines())}
    assert outputs == {"a.jpg": "o/a.png", "b.jpg": None, "c.jpg": "o/c.png"}
    assert done.stderr.count("error") == 1 and "no guide for three/b.jpg" in done.stderr


def test_braces_in_file_names_are_kept(run: Run, cases: Path) -> None:
    done = run("image", "{GUID}.jpg", "--trimap", "t.png", "-o", "{GUID}_x.png")
    assert (done.exit_code, done.stdout) == (0, "{GUID}_x.png\n"), done.output


def test_ignored_frames_are_counted(run: Run, cases: Path) -> None:
    done = run("image", "anim.webp", "--trimap", "t.png", "-o", "cut.png")
    assert done.exit_code == 0 and "2 frames" in done.stderr, done.output


def test_the_resolution_is_kept(run: Run, cases: Path) -> None:
    assert run("image", "dpi.jpg", "--trimap", "t.png", "-o", "cut.png").exit_code == 0
    with Image.open("cut.png") as picture:
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_small_parts_of_a_drawn_mask_are_kept(run: Run, cases: Path) -> None:
    alpha = _alpha(run, "p.png", "--mask", "mask.png")
    assert alpha[52, 332] > 250 and np.abs(alpha.astype(int) - read(cases / "mask.png")).mean() < 2


@pytest.mark.parametrize("strokes", ["st_photo.png", "st_white.png"])
def test_strokes_are_read_on_the_photo_or_on_white(run: Run, cases: Path, strokes: str) -> None:
    assert _alpha(run, "p.png", "--strokes", strokes).mean() == pytest.approx(68, abs=2)


def test_a_label_mask_is_read_and_a_uniform_mask_refused(run: Run, cases: Path) -> None:
    np.testing.assert_array_equal(_alpha(run, "p.png", "--mask", "class_ids.png"), _alpha(run, "p.png", "--mask", "mask.png"))
    for mask, said in (("empty.png", "mask is empty"), ("p.png", "no mask")):
        done = run("image", "p.png", "--mask", mask, "-o", "none.png")
        assert done.exit_code == 1 and f"{mask}: " in done.stderr and said in done.stderr, done.output
        assert not (cases / "none.png").exists()


def test_trimaps_at_studio_levels_are_read(run: Run, cases: Path) -> None:
    np.testing.assert_array_equal(_alpha(run, "p.png", "--trimap", "t_studio.png"), _alpha(run, "p.png", "--trimap", "t.png"))


def test_contradicting_strokes_are_reported_by_matte_image(run: Run, cases: Path) -> None:
    strokes = np.full((300, 400), 128, np.uint8)
    strokes[175:185, 110:210], strokes[10:20], strokes[185:190, 150:160] = 255, 0, 0
    Image.fromarray(strokes).save("crossed.png")
    done = run("image", "p.png", "--strokes", "crossed.png", "-o", "cut.png")
    assert done.exit_code == 0 and "contradict" in done.stderr, done.output


@pytest.mark.parametrize(
    "command",
    [
        ("image", "p.png", "--trimap", "t.png", "--decontaminate", "off"),
        ("image", "p.png", "--trimap", "t.png"),
        ("composite", "p.png", "--alpha", "mask.png", "--over", "transparent"),
    ],
)
def test_removed_colours_are_not_in_the_file_unless_keep_hidden_is_given(run: Run, cases: Path, command: tuple[str, ...]) -> None:
    assert run(*command, "-o", "cut.png").exit_code == 0
    assert run(*command, "--keep-hidden", "-o", "kept.png").exit_code == 0
    cut, kept, photo = read(cases / "cut.png"), read(cases / "kept.png"), read(cases / "p.png")
    hidden = cut[..., 3] == 0
    assert hidden.mean() > 0.5
    assert (cut[hidden][:, 2] < photo[hidden][:, 2]).mean() > 0.99, "the background is bluer than anything that may be there"
    np.testing.assert_array_equal(kept[hidden][:, :3], photo[hidden])
    np.testing.assert_array_equal(kept[..., 3], cut[..., 3])


def test_a_missing_verb_and_a_missing_output_option_are_explained(run: Run, cases: Path) -> None:
    before = sorted(cases.rglob("*"))
    for command in (("p.png",), ("image", "p.png", "out.png"), ("image", "p.png", "--over", "beigeish"), ("image", "p.png", "-m", "nomod")):
        assert run(*command).exit_code == 2
    assert sorted(cases.rglob("*")) == before


def test_earlier_results_do_not_stop_a_batch(run: Run, cases: Path) -> None:
    for _ in range(2):
        done = run("image", *sorted(map(str, Path("three").iterdir())), "--trimap", "t.png")
        assert done.exit_code == 0 and len(done.stdout.split()) == 3, done.output


def test_an_animated_picture_is_a_clip(run: Run, cases: Path) -> None:
    done = run("video", "anim.webp", "--trimap", "t.png", "--model", "closed-form", "-o", "frames/%05d.png", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["frames"] == 2 and len(list(Path("frames").glob("*.png"))) == 2
