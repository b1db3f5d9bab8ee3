"""What a file holds decides whether it is a picture, not its name."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mattecli.io.pictures.formats import ENDINGS, HEAD, format_of, is_photo, is_picture

PICTURE = Image.fromarray(np.zeros((4, 4, 3), np.uint8))
OF_PILLOW = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM", "GIF")
BEGINNINGS = {
    "HEIF": b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic",
    "EXR": b"\x76\x2f\x31\x01\2\0\0\0",
    "DPX": b"XPDS\0\0\x08\0V2.0",
    "JXL": b"\0\0\0\x0cJXL \r\n\x87\n",
}


@pytest.mark.parametrize("kind", ENDINGS)
def test_the_format_is_recognised_by_the_first_bytes(tmp_path: Path, kind: str) -> None:
    if kind in OF_PILLOW:
        PICTURE.save(tmp_path / "a.mov", kind)
    else:
        (tmp_path / "a.mov").write_bytes(BEGINNINGS[kind])
    assert format_of((tmp_path / "a.mov").read_bytes()[:HEAD]) == kind
    assert is_photo(tmp_path / "a.mov")
    assert is_picture(tmp_path / "a.mov") == (kind != "GIF")  # which clips may be


@pytest.mark.parametrize(
    ("name", "content", "is_one"),
    [
        ("a.jpg", b"<html>", True),  # whoever opens it says what it is not
        ("a.txt", b"BM is how this text begins, and it is no bitmap", False),
        ("a.cr2", b"II*\0\x10\0\0\0CR\x02\0", False),
        ("a.mp4", b"\0\0\0\x20ftypisom", False),
        ("a", b"", False),
    ],
)
def test_unrecognised_files_are_pictures_by_their_suffix_only(tmp_path: Path, name: str, content: bytes, is_one: bool) -> None:
    (tmp_path / name).write_bytes(content)
    assert is_picture(tmp_path / name) is is_one


def test_a_folder_is_not_a_picture(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").mkdir()
    assert not is_picture(tmp_path / "a.jpg") and not is_picture(tmp_path / "missing.jpg")
