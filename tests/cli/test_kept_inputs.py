"""No verb overwrites an input unless asked, and empty paths are refused."""

from pathlib import Path

import numpy as np
import pytest

from mattecli.io.images import write_image
from tests.support import Run, read


@pytest.fixture
def stage(scene: Path) -> Path:
    """The scene with cut.png, street.png to lay it over, three frames in f/, and a plate.png for them."""
    photo = read(scene / "photo.png")
    write_image(np.dstack([photo, read(scene / "true.png")]), scene / "cut.png")
    write_image(photo[::-1], scene / "street.png")
    for number in (1, 2, 3):
        write_image(photo, scene / "f" / f"{number:05d}.png")
    (scene / "elsewhere").symlink_to("f")
    (scene / "mine.pt").write_bytes(b"weights of days")
    return scene


def _contents(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


BY_TRIMAP = ("photo.png", "--trimap", "trimap.png")
OVERWRITING = {
    "compare, its photo": ("compare", *BY_TRIMAP, "-o", "photo.png"),
    "compare, its trimap": ("compare", *BY_TRIMAP, "-o", "f/../trimap.png"),
    "image, its backdrop": ("image", *BY_TRIMAP, "--over", "street.png", "-o", "street.png"),
    "image, a frame of its backdrop": ("image", *BY_TRIMAP, "--over", "f", "-o", "f/00002.png"),
    "image from stdin, its trimap": ("image", "-", "--trimap", "trimap.png", "-o", "trimap.png"),
    "composite, its backdrop": ("composite", "cut.png", "--over", "street.png", "-o", "street.png"),
    "composite, frames of a clip": ("composite", "f/*.png", "--alpha", "true.png", "--over", "white", "-o", "f/%05d.png"),
    "video, its backdrop": ("video", "f/", "--bg", "plate.png", "--over", "street.mp4", "-o", "street.mp4"),
    "video, its preview over the backdrop": ("video", "f/", "--over", "street.png", "-o", "cut.mp4", "--preview", "street.png"),
    "video, its preview over the plate": ("video", "f/", "--bg", "plate.png", "--preview", "plate.png", "-o", "cut.mov", "--overwrite"),
    "video, the frames of a folder": ("video", "f/", "--bg", "plate.png", "-o", "f/%05d.png"),
    "video, the frames of a pattern": ("video", "f/*.png", "--bg", "plate.png", "-o", "f/"),
    "video, the frames by another name": ("video", "f/%05d.png", "--bg", "plate.png", "-o", "elsewhere/"),
    "video, the frames of a guide": ("video", "street.mp4", "--mask", "f/", "-o", "f/%05d.png"),
    "export, its checkpoint": ("models", "export", "shm-fast", "--checkpoint", "mine.pt", "-o", "mine.pt"),
}


@pytest.mark.parametrize("what", OVERWRITING)
def test_an_output_that_is_also_an_input_is_refused(what: str, run: Run, stage: Path) -> None:
    (stage / "street.mp4").touch()
    before = _contents(stage)
    done = run(*OVERWRITING[what], input=(stage / "photo.png").read_bytes())
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
    assert "would overwrite the input" in done.stderr
    assert _contents(stage) == before


def test_frames_are_written_beside_those_of_another_clip_and_a_colour_name_is_not_a_folder(run: Run, stage: Path) -> None:
    for number in (1, 2, 3):
        (stage / "f" / f"{number:05d}.png").rename(stage / "f" / f"in{number}.png")
    (stage / "white").symlink_to("f")
    for _ in range(2):
        done = run("video", "f/in%d.png", "--bg", "plate.png", "--over", "white", "-o", "white/%05d.png")
        assert done.exit_code == 0, done.output
    assert len(list((stage / "f").glob("0000?.png"))) == 3


EMPTY = (
    ("image", ""),
    ("image", "photo.png", ""),
    ("image", "photo.png", "--trimap", ""),
    ("image", "photo.png", "--over", ""),
    ("image", "photo.png", "-o", ""),
    ("video", ""),
    ("video", "f", "-o", ""),
    ("video", "f", "--bg", ""),
    ("video", "f", "--preview", ""),
    ("composite", "", "--over", "white"),
    ("composite", "cut.png", "--over", ""),
    ("compare", "", "-o", "sheet.png"),
    ("compare", "photo.png", "--mask", "", "-o", "sheet.png"),
    ("trimap-from-mask", ""),
    ("trimap-from-strokes", "photo.png", ""),
    ("eval", "true.png", ""),
)


@pytest.mark.parametrize("arguments", EMPTY, ids=" ".join)
def test_an_empty_path_is_refused(arguments: tuple[str, ...], run: Run, stage: Path) -> None:
    before = _contents(stage)
    done = run(*arguments)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
    assert "is empty" in done.stderr and _contents(stage) == before


def test_a_name_too_long_for_the_file_system_is_one_sentence(run: Run, stage: Path) -> None:
    long = "x" * 300 + ".png"
    for arguments in (
        ("image", long),
        ("image", "photo.png", "--trimap", long),
        ("video", long),
        ("eval", long, "true.png"),
    ):
        done = run(*arguments, "--quiet")
        assert (done.exit_code, done.stderr.count("\n")) == (1, 1) and "there is no file" in done.stderr, done.output
    done = run("composite", long, "--over", "red", "--quiet")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1) and "cannot be read" in done.stderr, done.output


def test_without_o_the_result_of_the_current_folder_is_a_clip_beside_it(run: Run, stage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(stage / "f")
    done = run("video", ".", "--bg", "../plate.png", "--quiet")
    assert done.exit_code == 0, done.output
    assert (stage / "f_cutout.mov").is_file()
