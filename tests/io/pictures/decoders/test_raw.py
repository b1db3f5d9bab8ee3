"""A camera's raw file is told in one sentence, by its content, and by its ending where that says no more."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from mattecli.errors import InputError
from mattecli.io.images import read_photo
from mattecli.io.pictures.formats import is_photo

PIXELS = np.zeros((8, 8, 3), np.uint8)


@pytest.mark.parametrize("content", [b"II*\0\x10\0\0\0CR\x02\0", b"FUJIFILMCCD-RAW 0201", b"\0\0\0\x18ftypcrx \0\0\0\1", b"IIRO\x08\0\0\0"])
def test_raw_files_are_recognised_by_their_first_bytes(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.jpg is a camera's raw file; develop it first, as with darktable or RawTherapee, and give"):
        read_photo(tmp_path / "a.jpg")
    assert not is_photo(tmp_path / "a.jpg")


def test_the_thumbnail_of_a_raw_file_is_not_read_as_the_photo(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(PIXELS, photometric="rgb", subifds=1)
        file.write(
            PIXELS[..., 0].astype(np.uint16), photometric="cfa", extratags=[(33421, 3, 2, (2, 2), True), (33422, 1, 4, b"\0\1\1\2", True)]
        )
    tifffile.imwrite(tmp_path / "b.tif", PIXELS, photometric="rgb", extratags=[(50706, 1, 4, b"\1\4\0\0", True)])
    tifffile.imwrite(tmp_path / "c.nef", PIXELS, photometric="rgb")
    for name in ("a.tif", "b.tif", "c.nef"):
        with pytest.raises(InputError, match="raw file"):
            read_photo(tmp_path / name)


def test_a_jpeg_named_raw_is_read_as_a_jpeg(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.raw", "JPEG")
    assert read_photo(tmp_path / "a.raw").size == (8, 8)
