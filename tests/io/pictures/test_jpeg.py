"""Missing pixels of a JPEG are distinguished from missing markers."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mattecli.errors import InputError
from mattecli.io.images import read_photo

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8))
KINDS: dict[str, dict[str, object]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 1},
    "progressive with restarts": {"progressive": True, "restart_marker_rows": 1},
}
MODES = ("RGB", "L", "CMYK")


def _encoded(kind: str, mode: str) -> bytes:
    stream = io.BytesIO()
    PICTURE.convert(mode).save(stream, "JPEG", **KINDS[kind])
    return stream.getvalue()


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("kind", KINDS)
def test_pixels_equal_those_of_pillow(tmp_path: Path, kind: str, mode: str, subsampling: str) -> None:
    PICTURE.crop((0, 0, 77, 51)).convert(mode).save(tmp_path / "a.jpg", subsampling=subsampling, **KINDS[kind])
    with Image.open(tmp_path / "a.jpg") as picture:
        np.testing.assert_array_equal(read_photo(tmp_path / "a.jpg").pixels, np.array(picture.convert("RGB")))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_end_marker_loses_no_pixel(tmp_path: Path, kind: str, mode: str) -> None:
    data = _encoded(kind, mode)
    (tmp_path / "whole.jpg").write_bytes(data)
    (tmp_path / "cut.jpg").write_bytes(data[:-2])
    whole, cut = read_photo(tmp_path / "whole.jpg"), read_photo(tmp_path / "cut.jpg")
    np.testing.assert_array_equal(cut.pixels, whole.pixels)
    assert not whole.notes and cut.notes == ("it lacks its end marker; all its pixels are there",)


@pytest.mark.parametrize("missing", [3, 40, 400])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_file_is_refused(tmp_path: Path, kind: str, mode: str, missing: int) -> None:
    (tmp_path / "cut.jpg").write_bytes(_encoded(kind, mode)[:-missing])
    with pytest.raises(InputError, match="damaged or cut off"):
        read_photo(tmp_path / "cut.jpg")


def test_pixels_invented_by_libjpeg_are_reported(tmp_path: Path) -> None:
    data = bytearray(_encoded("baseline", "RGB"))
    middle = len(data) // 2
    data[middle : middle + 8] = b"\xff\x00" * 4
    (tmp_path / "hurt.jpg").write_bytes(data)
    (note,) = read_photo(tmp_path / "hurt.jpg").notes
    assert "pixels are damaged" in note


def test_data_after_the_pixels_is_not_reported_as_damage(tmp_path: Path) -> None:
    data = _encoded("baseline", "RGB")
    (tmp_path / "padded.jpg").write_bytes(data[:-2] + bytes(9) + data[-2:] + b"a trailer")
    assert not read_photo(tmp_path / "padded.jpg").notes
