"""Frames and pages: the first, or the one that is asked for."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from mattecli.errors import InputError
from mattecli.io.images import read_photo
from mattecli.io.pictures.decoders.decoded import Pick


def _plain(level: int) -> Image.Image:
    return Image.fromarray(np.full((8, 10, 3), level, np.uint8))


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.tif", "a.avif"])
def test_a_frame_is_selected_by_number(tmp_path: Path, name: str) -> None:
    options = {"lossless": True} if name == "a.webp" else {}
    _plain(20).save(tmp_path / name, save_all=True, append_images=[_plain(90), _plain(200)], **options)
    words, others = ("pages", "") if name == "a.tif" else ("frames", ", or all with `matte video`")
    first = read_photo(tmp_path / name)
    assert first.notes == (f"it has 3 {words}, of which the first is taken; choose another with `page`{others}",)
    second = read_photo(tmp_path / name, pick=Pick(page=2))
    assert second.notes == (f"it has 3 {words}, of which number 2 is taken; choose another with `page`{others}",)
    assert abs(int(first.pixels[4, 4, 1]) - 20) <= 2 and abs(int(second.pixels[4, 4, 1]) - 90) <= 2
    with pytest.raises(InputError, match="holds 3 pictures, and there is no page 4; choose another with `page`"):
        read_photo(tmp_path / name, pick=Pick(page=4))


def test_pages_of_sixteen_bits_and_of_floats_are_selected_by_number(tmp_path: Path) -> None:
    deep = np.random.default_rng(6).integers(0, 65536, (8, 10, 3), dtype=np.uint16)
    light = np.full((8, 10, 3), 2.5, np.float32)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in (deep, deep[::-1], light):
            file.write(page, photometric="rgb", metadata=None)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.tif", pick=Pick(page=2)).pixels, deep[::-1])
    found = read_photo(tmp_path / "a.tif", pick=Pick(page=3)).light
    assert found is not None and (found.colours == 2.5).all()


def test_the_transparency_of_a_gif_becomes_alpha(tmp_path: Path) -> None:
    picture = Image.new("P", (2, 2))
    picture.putpalette([0, 0, 0, 200, 100, 50])
    picture.putdata([0, 1, 1, 0])
    picture.save(tmp_path / "a.gif", transparency=0)
    photo = read_photo(tmp_path / "a.gif")
    assert photo.alpha is not None and photo.alpha.tolist() == [[0, 255], [255, 0]]


def test_a_layer_of_a_file_without_layers_is_refused(tmp_path: Path) -> None:
    _plain(20).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="has no layers, so there is none called beauty; drop `layer`"):
        read_photo(tmp_path / "a.png", pick=Pick(layer="beauty"))
    with pytest.raises(InputError, match="holds one picture, and there is no page 2"):
        read_photo(tmp_path / "a.png", pick=Pick(page=2))
