"""`matte image` through the real command line, on small real pictures."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from mattecli.io.images import write_image
from tests.support import Run, read


def _mean_error(alpha: np.ndarray, scene: Path) -> float:
    return float(np.abs(alpha / 255.0 - read(scene / "true.png") / 255.0).mean())


def test_a_trimap_gives_a_straight_cutout_that_rebuilds_the_photo(run: Run, scene: Path) -> None:
    done = run("image", "photo.png", "--trimap", "trimap.png", "-o", "cut.png")
    assert done.exit_code == 0, done.output
    assert done.stdout == "cut.png\n"
    cut, photo, plate = read(scene / "cut.png"), read(scene / "photo.png").astype(float), read(scene / "plate.png")
    alpha = cut[..., 3:] / 255.0
    assert _mean_error(cut[..., 3], scene) < 0.01
    soft = (alpha[..., 0] > 0) & (alpha[..., 0] < 1)
    rebuilt = alpha * cut[..., :3] + (1 - alpha) * plate
    assert np.abs(rebuilt - photo)[soft].mean() < 4
    wanted = np.array([230, 140, 40])
    assert np.abs(cut[..., :3] - wanted)[soft & (alpha[..., 0] > 0.2)].mean() < 12, (
        "edge colours are the subject's own, not mixed with blue"
    )


@pytest.mark.parametrize(
    ("guide", "model"),
    [(("--strokes", "strokes.png"), "fusion"), (("--bg", "plate.png"), "fusion-plate"), (("--mask", "true.png"), "fusion")],
)
def test_every_kind_of_guide_gives_a_matte(run: Run, scene: Path, guide: tuple[str, str], model: str) -> None:
    done = run("image", "photo.png", *guide, "--as", "alpha", "-o", "alpha.png", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["model"] == model
    assert _mean_error(read(scene / "alpha.png"), scene) < 0.04


@pytest.mark.parametrize("drawn", ["--trimap", "--strokes", "--mask"])
def test_a_drawn_guide_takes_precedence_over_the_plate(run: Run, scene: Path, drawn: str) -> None:
    file = {"--trimap": "trimap.png", "--strokes": "strokes.png", "--mask": "true.png"}[drawn]
    done = run("image", "photo.png", "--bg", "plate.png", drawn, file, "--as", "alpha", "-o", "alpha.png", "--json")
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)
    assert (made["model"], made["guide"]) == ("fusion-plate", drawn.removeprefix("--"))
    assert _mean_error(read(scene / "alpha.png"), scene) < 0.02


def test_known_pixels_of_a_trimap_stay_although_the_plate_contradicts_them(run: Run, scene: Path) -> None:
    trimap = read(scene / "trimap.png")
    trimap[30:42, 40:56] = 0
    write_image(trimap, scene / "drawn.png")
    assert run("image", "photo.png", "--bg", "plate.png", "--trimap", "drawn.png", "--as", "alpha", "-o", "alpha.png").exit_code == 0
    known = trimap != 128
    np.testing.assert_array_equal(read(scene / "alpha.png")[known], trimap[known])


def test_without_guide_or_model_the_subject_is_found_offline_and_described(run: Run, scene: Path) -> None:
    done = run("image", "photo.png", "--offline", "--as", "alpha", "-o", "alpha.png", "--json")
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert (record["model"], record["refine"], record["quality"]) == ("subject", "fusion", "best")
    assert 0 < record["coverage"] < 1 and 0 <= record["person"] <= 1 and record["doubt"] is (record["confidence"] < 0.5)
    assert f"photo.png: {record['found']}" in done.stderr and "found " in record["found"] and "of the picture" in record["found"]
    assert _mean_error(read(scene / "alpha.png"), scene) < 0.06


def test_quality_fast_makes_a_matte_and_is_recorded(run: Run, scene: Path) -> None:
    done = run("image", "photo.png", "--quality", "fast", "--as", "alpha", "-o", "fast.png", "--json")
    assert json.loads(done.stdout)["quality"] == "fast", done.output
    assert _mean_error(read(scene / "fast.png"), scene) < 0.06


def test_a_photo_without_a_subject_is_matted_with_a_doubt(run: Run, scene: Path) -> None:
    write_image(np.full((72, 96, 3), (90, 130, 170), np.uint8), scene / "sky.png")
    done = run("image", "sky.png", "-o", "cut.png", "--json")
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert record["doubt"] is True and record["notes"] and record["notes"][0] in done.stderr


def test_matte_is_an_alias_of_image(run: Run, scene: Path) -> None:
    assert run("matte", "photo.png", "--trimap", "trimap.png", "--as", "composite", "--over", "white").exit_code == 0
    corner = read(scene / "photo_composite.png")[0, 0]
    assert corner.tolist() == [255, 255, 255]


def test_json_records_each_result_and_each_failure(run: Run, scene: Path) -> None:
    done = run("image", "photo.png", "missing.png", "--trimap", "trimap.png", "-o", "out/", "--json")
    assert done.exit_code == 1
    lost, made = (json.loads(line) for line in done.stdout.splitlines())
    assert lost["input"] == "missing.png" and lost["output"] is None and "there is no file" in lost["error"]
    assert made["output"] == "out/photo.png" and made["model"] == "fusion" and made["device"] in ("cpu", "cuda:0", "mps")
    assert made["size"] == [96, 72] and made["seconds"] > 0


def test_sixteen_bit_photos_stay_sixteen_bit(run: Run, scene: Path) -> None:
    deep = read(scene / "photo.png").astype(np.uint16) * 257
    write_image(deep, scene / "deep.tif")
    assert run("image", "deep.tif", "--trimap", "trimap.png", "-o", "cut.tif").exit_code == 0
    cut = tifffile.imread(scene / "cut.tif")
    solid = read(scene / "trimap.png") == 255
    assert cut.dtype == np.uint16
    np.testing.assert_array_equal(cut[solid][:, :3], deep[solid])
    assert len(np.unique(cut[..., 3])) > 256


def test_a_photo_is_read_from_stdin_and_written_to_stdout(scene: Path) -> None:
    command = [sys.executable, "-m", "mattecli", "image", "-", "--trimap", "trimap.png", "-o", "-"]
    done = subprocess.run(command, input=(scene / "photo.png").read_bytes(), capture_output=True, check=True)
    with Image.open(io.BytesIO(done.stdout)) as picture:
        assert picture.mode == "RGBA" and picture.size == (96, 72)


def test_a_photo_of_one_pixel_is_matted(run: Run, scene: Path) -> None:
    write_image(np.zeros((1, 1, 3), np.uint8), scene / "pixel.png")
    done = run("image", "pixel.png", "-o", "cut.png")
    assert done.exit_code == 0, done.output
    assert read(scene / "cut.png").shape == (1, 1, 4)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["missing.jpg"], 1, "there is no file missing.jpg"),
        (["text.jpg"], 1, "not a picture"),
        (["clip.mp4"], 1, "use `matte video`"),
        (["photo.png", "--trimap", "small.png"], 1, "48x36"),
        (["photo.png", "--trimap", "white.png"], 1, "no background"),
        (["photo.png", "--trimap", "black.png"], 1, "no foreground"),
        (["photo.png", "--trimap", "photo.png"], 1, "no trimap"),
        (["photo.png", "--model", "closed-from"], 2, "did you mean closed-form?"),
        (["photo.png", "--model", "closed-form"], 2, "needs a trimap; give --trimap, or strokes"),
        (["photo.png", "--model", "fusion-plate"], 2, "needs a clean plate"),
        (["photo.png", "--model", "bgm"], 2, "needs a clean plate; give --bg, or choose"),
        (["photo.png", "--model", "bgmv2", "--bg", "photo.png"], 1, "photo.png: nothing differs from the plate; give the plate without"),
        (["photo.png", "--model", "fusion-plate", "--trimap", "trimap.png"], 2, "needs a clean plate"),
        (
            ["photo.png", "--model", "fusion-plate", "--bg", "plate.png", "--mask", "true.png", "--strokes", "strokes.png"],
            2,
            "drop the mask",
        ),
        (["photo.png", "--model", "shm-fast", "--trimap", "trimap.png"], 2, "does not take the trimap"),
        (["photo.png", "--model", "fdm-erd", "--offline"], 1, "matte models pull fdm-erd"),
        (["photo.png", "--trimap", "trimap.png", "--refine"], 2, "drop it"),
        (["photo.png", "--mask", "true.png", "--refine", "fusoin"], 2, "no model called 'fusoin'; did you mean fusion?"),
        (["photo.png", "--quality", "good"], 2, "choose fast or best"),
        (["photo.png", "--skip-existing", "--overwrite"], 2, "drop one of them"),
        (["photo.png", "--trimap", "trimap.png", "--device", "gpu"], 2, "there is no device"),
        (["photo.png", "--trimap", "trimap.png", "--as", "sticker"], 2, "choose cutout"),
        (["photo.png", "--trimap", "trimap.png", "--over", "beigeish"], 2, "colour"),
        (["photo.png", "--trimap", "trimap.png", "--option", "speed=11"], 2, "no option"),
        (["photo.png", "--model", "text.pt"], 1, "not a TorchScript file"),
    ],
)
def test_mistakes_are_refused_in_one_line(run: Run, scene: Path, arguments: list[str], code: int, said: str) -> None:
    for name, picture in (("white", np.full((72, 96), 255)), ("black", np.zeros((72, 96))), ("small", np.full((36, 48), 128))):
        write_image(picture.astype(np.uint8), scene / f"{name}.png")
    for name in ("text.jpg", "text.pt", "clip.mp4"):
        (scene / name).write_text("this is no picture and no model")
    done = run("image", *arguments, "-o", "out.png", "--quiet")
    assert (done.exit_code, done.stderr.count("\n")) == (code, 1), done.output
    assert said in done.stderr
    assert not (scene / "out.png").exists()


@pytest.mark.parametrize(
    ("arguments", "said"), [(("missing.jpg",), "there is no file"), (("photo.png", "--bg", "photo.png"), "nothing differs")]
)
@pytest.mark.usefixtures("scene")
def test_a_photo_that_fails_has_a_record_as_one_of_a_batch_has(run: Run, arguments: tuple[str, ...], said: str) -> None:
    done = run("image", *arguments, "-o", "out.png", "--json")
    record = json.loads(done.stdout)
    assert (done.exit_code, record["status"], record["output"]) == (1, "failed", None) and said in record["error"], done.output
    assert done.stderr.count("error:") == 1 and said in done.stderr


@pytest.mark.usefixtures("scene")
def test_the_record_of_a_failure_leaves_stdout_to_the_picture(run: Run) -> None:
    done = run("image", "missing.jpg", "-o", "-", "--json")
    assert done.exit_code == 1 and not done.stdout and '"status": "failed"' in done.stderr, done.output


def test_a_file_after_refine_without_a_value_is_a_photo(run: Run, scene: Path) -> None:
    (scene / "photo.png").rename(scene / "photo")
    done = run("image", "--mask", "true.png", "--refine", "photo", "-o", "cut.png")
    assert "there is no model" not in done.stderr and "no file photo" not in done.stderr, done.output


def test_skip_existing_makes_missing_and_incomplete_results(run: Run, scene: Path) -> None:
    (scene / "photos").mkdir()
    for name in ("a", "b", "c"):
        (scene / "photos" / f"{name}.png").write_bytes((scene / "photo.png").read_bytes())
    command = ("image", "photos", "--trimap", "trimap.png", "--as", "alpha", "-o", "out/", "--json")
    assert len(run(*command).stdout.splitlines()) == 3
    (scene / "out/a.png").unlink()
    (scene / "out/b.png").write_text("half of it")
    done = run(*command, "--skip-existing")
    assert done.exit_code == 0, done.output
    assert [json.loads(line)["output"] for line in done.stdout.splitlines()] == ["out/a.png", "out/b.png"]
    assert "1 of 3 results are there already" in done.stderr and "out/b.png is there, but not as made" in done.stderr
    again = run(*command, "--skip-existing")
    assert (again.exit_code, again.stdout) == (0, "") and "3 of 3 results" in again.stderr
    assert again.stderr.splitlines()[-1].startswith("matte: 0 done, 0 failed, 3 skipped in ")
    assert len(run(*command, "--skip-existing", "--gamma", "--over", "red", "--as", "composite").stdout.splitlines()) == 3


def test_results_that_cannot_be_written_are_reported(run: Run, scene: Path) -> None:
    for output, said in (("photo.png", "would overwrite"), ("trimap.png/cut.png", "cannot be written"), ("cut.jpg", "transparency")):
        done = run("image", "photo.png", "--trimap", "trimap.png", "-o", output)
        assert done.exit_code in (1, 2) and said in done.stderr, done.output


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_progress_goes_to_the_terminal_and_results_to_stdout(scene: Path) -> None:
    master, terminal = os.openpty()
    command = [sys.executable, "-m", "mattecli", "image", "photo.png", "--trimap", "trimap.png", "-o", "cut.png"]
    with ThreadPoolExecutor(1) as reader:
        shown = reader.submit(_all_of, master)  # meanwhile: a terminal that nobody reads stops who writes to it
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=terminal, env={**os.environ, "TERM": "xterm"}, check=True)
        finally:
            os.close(terminal)
        assert done.stdout == b"cut.png\n"
        assert b"loading" in shown.result()
    os.close(master)


def _all_of(terminal: int) -> bytes:
    """What is written to a terminal until its other end is closed."""
    read = b""
    with contextlib.suppress(OSError):  # so Linux tells of the end
        while part := os.read(terminal, 1 << 16):
            read += part
    return read


@pytest.mark.skipif(os.name != "posix", reason="kills a process the POSIX way")
def test_a_killed_writer_leaves_no_file_under_the_final_name(scene: Path) -> None:
    """The system kills a writer when its file grows beyond a megabyte: the final name must not exist."""
    program = (
        "import resource, signal; import numpy as np; from mattecli.io.images import write_image;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL); resource.setrlimit(resource.RLIMIT_CORE, (0, 0));"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20));"
        "write_image(np.random.default_rng(0).integers(0, 255, (1000, 1000, 4), dtype=np.uint8), 'big.tif')"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=scene).returncode == -signal.SIGXFSZ
    assert any(part.stat().st_size for part in scene.glob(".*.part")) and not (scene / "big.tif").exists()


def test_damage_in_a_guide_or_a_backdrop_is_reported(run: Run, scene: Path) -> None:
    Image.open("photo.png").save("backdrop.jpg", quality=95)
    Image.open("true.png").save("mask.jpg", quality=95)
    for name in ("mask.jpg", "backdrop.jpg"):
        data = Path(name).read_bytes()
        middle = len(data) * 2 // 3
        Path(name).write_bytes(data[:middle] + b"\xff\xd9" + data[middle:])
    done = run("image", "photo.png", "--mask", "mask.jpg", "--over", "backdrop.jpg", "-o", "over.jpg")
    assert done.exit_code == 0 and done.stderr.count("its pixels are damaged") == 2, done.output
    done = run("composite", "photo.png", "--alpha", "mask.jpg", "--over", "red", "-o", "laid.png")
    assert "mask.jpg: its pixels are damaged" in done.stderr, done.output
    assert "mask.jpg: warning: its pixels are damaged" in run("trimap-from-mask", "mask.jpg", "-o", "made.png").stderr
