"""`matte trimap-from-strokes` and `matte trimap-from-mask` through the real command line."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mattecli.cli.verbs.trimaps import trimap_from_mask, trimap_from_strokes
from mattecli.io.images import write_image
from tests.support import Run, read

LINES = {"foreground": [[44, 32], [52, 40]], "background": [[[4, 4], [90, 4]], [[4, 68], [90, 68]]]}


def _percents(stderr: str) -> list[float]:
    return [float(number) for number in re.findall(r"([\d.]+) % (?:foreground|background|unknown)", stderr)]


def _wrong(trimap: np.ndarray) -> float:
    alpha = read(Path("true.png")) / 255
    return float((((alpha > 0.95) & (trimap == 0)) | ((alpha < 0.05) & (trimap == 255))).mean())


def test_strokes_become_a_trimap_and_its_shares_are_reported(run: Run, scene: Path) -> None:
    done = run("trimap-from-strokes", "photo.png", "strokes.png", "-o", "made.png")
    assert done.exit_code == 0, done.output
    assert done.stdout == "made.png\n"
    trimap = read(scene / "made.png")
    assert trimap.shape == (72, 96) and trimap.dtype == np.uint8 and set(np.unique(trimap)) == {0, 128, 255}
    assert _wrong(trimap) == 0 and (trimap == 128).mean() < 0.25
    shares = [100 * float((trimap == level).mean()) for level in (255, 0, 128)]
    assert _percents(done.stderr) == pytest.approx(shares, abs=0.06)
    assert "warning" not in done.stderr


@pytest.mark.parametrize("growth", ["geodesic", "random-walk"])
def test_polylines_in_json_make_a_right_trimap(run: Run, scene: Path, growth: str) -> None:
    Path("strokes.json").write_text(json.dumps(LINES))
    done = run("trimap-from-strokes", "photo.png", "strokes.json", "--grow", growth, "--json")
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert record["output"] == "photo_trimap.png" and record["size"] == [96, 72] and record["warnings"] == []
    assert record["foreground_percent"] + record["background_percent"] + record["unknown_percent"] == pytest.approx(100, abs=0.02)
    assert _wrong(read(scene / "photo_trimap.png")) == 0


def test_without_growth_only_the_strokes_are_known_and_a_note_says_so(run: Run, scene: Path) -> None:
    done = run("trimap-from-strokes", "photo.png", "strokes.png", "--grow", "none", "-o", "made.tif")
    assert done.exit_code == 0, done.output
    np.testing.assert_array_equal(np.array(Image.open("made.tif")), read(scene / "strokes.png"))
    assert "% of the picture are unknown" in done.stderr


def test_missing_foreground_and_contradicting_strokes_are_warnings(run: Run, scene: Path) -> None:
    strokes = read(scene / "strokes.png")
    write_image(np.where(strokes == 255, 128, strokes).astype(np.uint8), "one.png")
    done = run("trimap-from-strokes", "photo.png", "one.png", "-o", "made.png", "--json")
    assert done.exit_code == 0, done.output
    assert "warning: the strokes mark no foreground" in done.stderr
    assert any("no foreground" in warning for warning in json.loads(done.stdout)["warnings"])
    strokes[34:36] = 0
    write_image(strokes, "crossed.png")
    done = run("trimap-from-strokes", "photo.png", "crossed.png", "-o", "made.png")
    assert done.exit_code == 0 and re.search(r"warning: the strokes contradict each other.* near \(\d+, \d+\)", done.stderr)


def test_the_band_has_the_width_in_pixels_or_percent(run: Run, scene: Path) -> None:
    def unknown(*options: str) -> int:
        assert run("trimap-from-mask", "true.png", *options, "-o", "made.png").exit_code == 0
        return int((read(scene / "made.png") == 128).sum())

    assert unknown("--band", "9") > 1.5 * unknown("--band", "4px")
    assert unknown("--band", "6.25%") == unknown("--band", "6")


def test_a_folder_of_masks_becomes_a_folder_of_trimaps(run: Run, scene: Path) -> None:
    (scene / "masks").mkdir()
    write_image(np.where(read(scene / "true.png") > 127, 255, 0).astype(np.uint8), "masks/hard.png")
    (scene / "true.png").rename("masks/soft.png")
    Path("masks/torn.png").write_bytes(b"no picture")
    done = run("trimap-from-mask", "masks", "-o", "out", "--json")
    assert done.exit_code == 1
    records = {record["input"]: record for record in map(json.loads, done.stdout.splitlines())}
    assert records["masks/torn.png"]["output"] is None and "masks/torn.png is not a picture" in records["masks/torn.png"]["error"]
    for name in ("hard", "soft"):
        assert records[f"masks/{name}.png"]["output"] == f"out/{name}.png"
        assert set(np.unique(read(scene / f"out/{name}.png"))) == {0, 128, 255}


def test_an_empty_mask_becomes_a_trimap_with_a_warning(run: Run, scene: Path) -> None:
    write_image(np.zeros((40, 60), np.uint8), "empty.png")
    done = run("trimap-from-mask", "empty.png")
    assert done.exit_code == 0 and "warning: the trimap has no foreground" in done.stderr
    assert not read(scene / "empty_trimap.png").any()


def test_a_mask_is_read_from_stdin_and_a_trimap_written_to_stdout(scene: Path) -> None:
    command = [sys.executable, "-m", "mattecli", "trimap-from-mask", "-", "-o", "-", "--json"]
    done = subprocess.run(command, input=Path("true.png").read_bytes(), capture_output=True, check=True)
    Path("piped.png").write_bytes(done.stdout)
    assert set(np.unique(read(scene / "piped.png"))) == {0, 128, 255}
    assert json.loads(done.stderr.splitlines()[-1])["output"] == "-"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["trimap-from-strokes", "photo.png", "strokes.png", "-o", "made.jpg"], 2, "made.jpg: a trimap has exactly three levels"),
        (["trimap-from-mask", "true.png", "-o", "made.webp"], 2, "choose .png, .tif, .tiff, .bmp"),
        (["trimap-from-mask", "true.png", "--band", "wide"], 2, "--band wide is no width"),
        (["trimap-from-mask", "true.png", "--band", "-3"], 2, "--band -3 is no width"),
        (["trimap-from-strokes", "photo.png", "strokes.png", "--grow", "fast"], 2, "choose random-walk, geodesic, none"),
        (["trimap-from-strokes", "photo.png", "strokes.png", "--grow", "none", "--band", "3"], 2, "drop one of the two"),
        (["trimap-from-strokes", "photo.png", "strokes.png", "-o", "strokes.png"], 2, "would overwrite the input strokes.png"),
        (["trimap-from-mask", "true.png", "-o", "true.png"], 2, "would overwrite the input true.png"),
        (["trimap-from-strokes", "photo.png", "small.png"], 1, "small.png: the strokes are 30x20 pixels but the picture is 96x72"),
        (["trimap-from-strokes", "photo.png", "outside.json"], 1, "the point [200, 4] of the background strokes lies outside the picture"),
        (["trimap-from-strokes", "photo.png", "broken.json"], 1, "broken.json is no JSON"),
        (["trimap-from-strokes", "photo.png", "deep.json"], 1, "deep.json is nested too deeply to be strokes"),
        (["trimap-from-strokes", "photo.png", "lost.json"], 1, "there is no file lost.json"),
        (["trimap-from-strokes", "lost.png", "strokes.png"], 1, "there is no file lost.png"),
    ],
)
def test_mistakes_are_refused_in_one_sentence(run: Run, scene: Path, arguments: list[str], code: int, sentence: str) -> None:
    write_image(np.full((20, 30), 255, np.uint8), "small.png")
    Path("outside.json").write_text(json.dumps({"foreground": [[5, 5]], "background": [[200, 4]]}))
    Path("broken.json").write_text('{"foreground": [[1, 2]')
    Path("deep.json").write_text("[" * 200_000 + "]" * 200_000)
    before = sorted(scene.iterdir())
    done = run(*arguments)
    assert done.exit_code == code, done.output
    assert sentence in done.stderr and len(done.stderr.splitlines()) == 1 and done.stdout == ""
    assert sorted(scene.iterdir()) == before


def test_overwrite_allows_a_result_to_replace_its_input(run: Run, scene: Path) -> None:
    assert run("trimap-from-mask", "true.png", "-o", "true.png", "--overwrite").exit_code == 0
    assert set(np.unique(read(scene / "true.png"))) == {0, 128, 255}


def test_matte_image_takes_the_same_strokes(run: Run, scene: Path) -> None:
    truth = read(scene / "true.png") / 255
    Path("strokes.json").write_text(json.dumps(LINES))
    assert run("trimap-from-strokes", "photo.png", "strokes.json", "-o", "made.png").exit_code == 0
    assert run("image", "photo.png", "--strokes", "strokes.json", "-m", "closed-form", "--as", "alpha", "-o", "one.png").exit_code == 0
    assert run("image", "photo.png", "--trimap", "made.png", "-m", "closed-form", "--as", "alpha", "-o", "two.png").exit_code == 0
    np.testing.assert_array_equal(read(scene / "one.png"), read(scene / "two.png"))
    assert np.abs(read(scene / "one.png") / 255 - truth).mean() < 0.01
    Path("half.json").write_text(json.dumps({"foreground": [[44, 32]]}))
    done = run("image", "photo.png", "--strokes", "half.json", "--as", "alpha")
    assert done.exit_code == 1 and "half.json: the strokes mark no background" in done.stderr


@pytest.mark.parametrize("command", [["trimap-from-strokes", "photo.png", "strokes.png"], ["trimap-from-mask", "true.png"]])
def test_making_trimaps_loads_no_torch(scene: Path, command: list[str]) -> None:
    probe = (
        "import sys\nfrom mattecli.cli.app import app\n"
        "try:\n    app(sys.argv[1:])\nexcept SystemExit as left:\n    assert not left.code\nassert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", probe, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("verb", [trimap_from_strokes, trimap_from_mask])
def test_the_examples_of_the_help_run(run: Run, scene: Path, verb: object) -> None:
    Image.open("photo.png").convert("RGB").save("photo.jpg")
    Path("strokes.json").write_text(json.dumps(LINES))
    Path("masks").mkdir()
    for name in ("mask.png", "alpha.png", "masks/one.png"):
        write_image(read(scene / "true.png"), name)
    examples = re.findall(r"^ +matte (.+)$", str(verb.__doc__), re.MULTILINE)
    assert len(examples) == 3
    for example in examples:
        done = run(*shlex.split(example))
        assert done.exit_code == 0, f"{example}: {done.output}"
