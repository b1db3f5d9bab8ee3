"""What a folder's files hold decides whether they are inputs; what is left out is counted."""

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


def test_pictures_are_known_by_what_they_hold(folder: Path) -> None:
    told: list[str] = []
    found = expand(str(folder), None, told.append)
    assert [file.path.name for file in found] == ["a.jpg", "b.jfif", "c", "d.mov"]
    assert told == [f"4 files in {folder} are no pictures and left out: 1 without an ending, 1 .cr2, 2 .txt"]


def test_a_folder_without_pictures_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")
    with pytest.raises(InputError, match=r"holds no pictures .* there are 1 \.txt"):
        expand(str(tmp_path), None, print)
