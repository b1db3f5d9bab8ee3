"""Pictures survive the way in and out: depth, orientation, profile, transparency; broken ones are refused in one sentence."""

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from mattecli.errors import InputError, OutputError, UsageError
from mattecli.io.images import read_levels, read_photo, write_image

COLOURS = np.random.default_rng(0).integers(0, 256, (13, 17, 3), dtype=np.uint8)
DEEP = np.random.default_rng(1).integers(0, 65536, (13, 17, 4), dtype=np.uint16)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _saved(path: Path, picture: Image.Image, **options: object) -> Path:
    picture.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp", ".bmp"])
def test_eight_bit_colours_come_back_exactly(tmp_path: Path, suffix: str) -> None:
    write_image(COLOURS, tmp_path / f"a{suffix}")
    photo = read_photo(tmp_path / f"a{suffix}")
    assert photo.pixels.dtype == np.uint8 and photo.alpha is None
    np.testing.assert_array_equal(photo.pixels, COLOURS)
    assert not photo.lossy and read_photo(_saved(tmp_path / "b.jpg", Image.fromarray(COLOURS))).lossy


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_straight_alpha_and_profile_come_back_exactly(tmp_path: Path, suffix: str) -> None:
    write_image(DEEP, tmp_path / f"a{suffix}", icc=SRGB)
    photo = read_photo(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(photo.pixels, DEEP[..., :3])
    np.testing.assert_array_equal(photo.alpha, DEEP[..., 3])
    assert photo.icc == SRGB


def test_other_programs_see_a_straight_alpha_tiff(tmp_path: Path) -> None:
    write_image(DEEP, tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.pages[0].tags["ExtraSamples"].value == (2,)  # TIFF 6.0: 2 is unassociated alpha


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tiff"])
def test_orientation_is_applied(tmp_path: Path, orientation: int, suffix: str) -> None:
    from PIL import ImageOps

    picture = Image.fromarray(np.kron(COLOURS, np.ones((8, 8, 1), np.uint8)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = _saved(tmp_path / f"a{suffix}", picture, exif=exif)
    with Image.open(path) as opened:
        wanted = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    np.testing.assert_array_equal(read_photo(path).pixels, wanted)


def test_orientation_is_applied_to_sixteen_bits(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", DEEP[..., :3], photometric="rgb", extratags=[(274, 3, 1, 6, True)])
    np.testing.assert_array_equal(read_photo(tmp_path / "a.tif").pixels, np.rot90(DEEP[..., :3], -1))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_every_kind_of_png_becomes_rgb(tmp_path: Path, mode: str) -> None:
    colours = Image.fromarray(COLOURS if mode == "P" else np.dstack([COLOURS, COLOURS[..., :1]]))
    source = colours.convert(mode)
    photo = read_photo(_saved(tmp_path / "a.png", source))
    np.testing.assert_array_equal(photo.pixels, np.asarray(source.convert("RGBA"))[..., :3])
    assert (photo.alpha is not None) == (mode in ("LA", "RGBA"))


def test_a_cmyk_jpeg_becomes_rgb(tmp_path: Path) -> None:
    cmyk = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    pixel = read_photo(_saved(tmp_path / "a.jpg", cmyk, quality=100)).pixels[4, 4]
    assert pixel[0] > 200 and pixel[1] < 60 and pixel[2] < 60


def test_a_profile_of_grey_is_not_put_on_colours(tmp_path: Path) -> None:
    grey_profile = SRGB[:16] + b"GRAY" + SRGB[20:]
    path = _saved(tmp_path / "a.png", Image.fromarray(COLOURS[..., 0]), icc_profile=grey_profile)
    assert read_photo(path).icc is None


def test_guides_keep_their_grey_levels(tmp_path: Path) -> None:
    write_image(COLOURS[..., 0], tmp_path / "a.png")
    np.testing.assert_array_equal(read_levels(tmp_path / "a.png"), COLOURS[..., 0])


def _bomb() -> bytes:
    header = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(bytes(1000)))


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _truncated(format: str, depth: type = np.uint8) -> bytes:
    big = np.random.default_rng(2).integers(0, np.iinfo(depth).max, (200, 200, 3), dtype=depth)
    if depth is np.uint16:
        data = cv2.imencode(".png", big)[1].tobytes()
    else:
        stream = io.BytesIO()
        Image.fromarray(big).save(stream, format)
        data = stream.getvalue()
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"just some text, not a picture", "is not a picture"),
        (_truncated("JPEG"), "cut off"),
        (_truncated("PNG"), "cut off"),
        (_truncated("PNG", np.uint16), "cut off"),
        (_bomb(), "400 megapixels"),
    ],
    ids=["empty", "text", "jpeg", "png", "png16", "bomb"],
)
def test_a_broken_file_is_refused_in_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_photo(tmp_path / "a.jpg")


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    with pytest.raises(OutputError, match="cannot be written"):
        write_image(COLOURS, tmp_path / "taken" / "a.png")
    with pytest.raises(UsageError, match="cannot hold transparency"):
        write_image(np.dstack([COLOURS, COLOURS[..., :1]]), tmp_path / "a.jpg")
    assert [file.name for file in tmp_path.iterdir()] == ["taken"]
