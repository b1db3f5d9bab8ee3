"""What a folder's files hold decides whether they are inputs; what is left out is counted."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mattecli.errors import InputError
from mattecli.requests.inputs import expand

PICTURE = Image.fromarray(np.zeros((4, 4, 3), np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, kind in (("a.jpg", "JPEG"), ("b.jfif", "JPEG"), ("c", "PNG"), ("d.mov", "WEBP")):
        PICTURE.save(tmp_path / name, kind)
    for name in ("notes.txt", "more.TXT", "e.cr2", "Makefile", ".hidden"):
        (tmp_path / name).write_bytes(b"II*\0" if name == "e.cr2" else b"nothing to see")
    return tmp_path


def test_pictures_are_recognised_by_content(folder: Path) -> None:
    told: list[str] = []
    found = expand(str(folder), None, told.append)
    assert [file.path.name for file in found] == ["a.jpg", "b.jfif", "c", "d.mov"]
    assert told == [f"4 files in {folder} left out, being no pictures: 1 without an ending, 1 .cr2, 2 .txt"]


def test_a_folder_without_pictures_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")
    with pytest.raises(InputError, match=r"holds no pictures .* there are 1 \.txt"):
        expand(str(tmp_path), None, print)


def test_links_to_folders_dangling_links_and_pipes_are_reported(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    (folder / "sub").mkdir()
    PICTURE.save(folder / "sub" / "f.png")
    (folder / "linked").symlink_to("sub")
    (folder / "g.png").symlink_to("sub/f.png")
    for number in range(5):
        (folder / f"lost{number}.jpg").symlink_to("nowhere")
    told: list[str] = []
    found = expand(str(folder), None, told.append)
    assert [file.path.name for file in found] == ["a.jpg", "b.jfif", "c", "d.mov", "g.png", "f.png"]
    assert f"1 linked folders in {folder} are left out: {folder}/linked" in told[1]
    assert told[2] == f"1 pipes or devices in {folder} are left out: {folder}/pipe.png"
    lost = ", ".join(f"{folder}/lost{number}.jpg" for number in range(3))
    assert told[3] == f"5 links in {folder} lead nowhere and are left out: {lost} and 2 more"


@pytest.mark.skipif(os.name != "posix", reason="makes a path longer than the system takes")
def test_a_folder_that_cannot_be_listed_is_a_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for _ in range(17):  # 17 x 250 letters: too long for any call, even root's
        os.mkdir("d" * 250)
        os.chdir("d" * 250)
    found = expand(str(folder), None, lambda text: None)
    assert [file.path.name for file in found if not file.lacks] == ["a.jpg", "b.jfif", "c", "d.mov"]
    assert [file.lacks.count("cannot be listed (File name too long)") for file in found if file.lacks] == [1]
