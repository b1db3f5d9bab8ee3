"""Pictures survive the way in and out: depth, orientation, profile, transparency; broken ones are refused in one sentence."""

import importlib.util
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
from mattecli.io.files import written_whole
from mattecli.io.images import read_levels, read_photo, write_image

COLOURS = np.random.default_rng(0).integers(0, 256, (13, 17, 3), dtype=np.uint8)
DEEP = np.random.default_rng(1).integers(0, 65536, (13, 17, 4), dtype=np.uint16)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _saved(path: Path, picture: Image.Image, **options: object) -> Path:
    picture.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp", ".bmp"])
def test_eight_bit_colours_survive_a_round_trip(tmp_path: Path, suffix: str) -> None:
    write_image(COLOURS, tmp_path / f"a{suffix}")
    photo = read_photo(tmp_path / f"a{suffix}")
    assert photo.pixels.dtype == np.uint8 and photo.alpha is None
    np.testing.assert_array_equal(photo.pixels, COLOURS)
    assert not photo.lossy and read_photo(_saved(tmp_path / "b.jpg", Image.fromarray(COLOURS))).lossy


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_straight_alpha_and_profile_survive_a_round_trip(tmp_path: Path, suffix: str) -> None:
    write_image(DEEP, tmp_path / f"a{suffix}", icc=SRGB)
    photo = read_photo(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(photo.pixels, DEEP[..., :3])
    np.testing.assert_array_equal(photo.alpha, DEEP[..., 3])
    assert photo.icc == SRGB


def test_a_tiff_is_tagged_with_straight_alpha_for_other_programs(tmp_path: Path) -> None:
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


def test_orientation_is_applied_to_sixteen_bit_pictures(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", DEEP[..., :3], photometric="rgb", extratags=[(274, 3, 1, 6, True)])
    np.testing.assert_array_equal(read_photo(tmp_path / "a.tif").pixels, np.rot90(DEEP[..., :3], -1))


def test_planar_sixteen_bit_tiffs_are_read(tmp_path: Path) -> None:
    planes = np.moveaxis(DEEP[..., :3], 2, 0)
    tags = [(274, 3, 1, 6, True)]
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate", compression="adobe_deflate", extratags=tags)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.tif").pixels, np.rot90(DEEP[..., :3], -1))


def test_a_strip_that_decompresses_to_more_than_its_pixels_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", DEEP[..., :3], photometric="rgb", compression="adobe_deflate", rowsperstrip=DEEP.shape[0])
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        begin, count = file.pages[0].dataoffsets[0], file.pages[0].tags["StripByteCounts"].valueoffset
    strip, data = zlib.compress(bytes(10_000_000)), bytearray((tmp_path / "a.tif").read_bytes())
    data[begin:] = strip
    data[count : count + 4] = len(strip).to_bytes(4, "little")
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(InputError, match="hold more than its pixels"):
        read_photo(tmp_path / "a.tif")


def test_sixteen_bit_grey_with_white_as_zero_is_read(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", DEEP[..., 0], photometric="miniswhite")
    np.testing.assert_array_equal(read_levels(tmp_path / "a.tif"), 65535 - DEEP[..., 0])


def test_premultiplied_colours_are_read_as_straight(tmp_path: Path) -> None:
    alpha = np.maximum(DEEP[..., 3], 2000)
    alpha[0] = 0
    premultiplied = np.round(DEEP[..., :3] * (alpha[..., None] / 65535)).astype(np.uint16)
    write_image(np.dstack([premultiplied, alpha]), tmp_path / "a.tif", premultiplied=True)
    photo = read_photo(tmp_path / "a.tif")
    np.testing.assert_array_equal(photo.alpha, alpha)
    off = np.abs(photo.pixels[1:].astype(int) - DEEP[1:, :, :3])
    assert (off <= 1 + 65535 / 2 / alpha[1:, :, None]).all()  # half a level before the division
    assert (photo.pixels[0] == 0).all()


def test_an_unspecified_extra_channel_of_sixteen_bits_is_not_alpha(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", DEEP, photometric="rgb", extrasamples=["unspecified"])
    photo = read_photo(tmp_path / "a.tif")
    assert photo.alpha is None
    np.testing.assert_array_equal(photo.pixels, DEEP[..., :3])


def test_the_tiffs_of_opencv_are_read(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.tif"), DEEP[..., [2, 1, 0, 3]])  # LZW, and nothing is said of the fourth channel
    photo = read_photo(tmp_path / "a.tif")
    np.testing.assert_array_equal(np.dstack([photo.pixels, photo.alpha]), DEEP)


def _lzw(data: bytes) -> bytes:
    """Each byte as its own 9-bit code, with a clear code before the table grows (TIFF 6.0, section 13)."""
    runs = [data[start : start + 200] for start in range(0, len(data), 200)]
    bits = "".join(f"{code:09b}" for run in runs for code in (256, *run)) + f"{257:09b}"
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


@pytest.mark.skipif(importlib.util.find_spec("imagecodecs") is not None, reason="with imagecodecs, tifffile reads these")
def test_planar_lzw_tiffs_are_refused(tmp_path: Path) -> None:
    planes = np.moveaxis(DEEP[..., :3], 2, 0)
    options = {"photometric": "rgb", "planarconfig": "separate", "compression": "adobe_deflate", "byteorder": "<"}
    strips = iter([_lzw(plane.astype("<u2").tobytes()) for plane in planes])
    tifffile.imwrite(tmp_path / "a.tif", strips, shape=planes.shape, dtype="uint16", metadata=None, **options)
    deflate, lzw = (struct.pack("<HHIHH", 259, 3, 1, code, 0) for code in (8, 5))
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes().replace(deflate, lzw))
    with pytest.raises(InputError, match=r"a\.tif: its 16-bit pixels are stored in a way that is not read; save it interleaved"):
        read_photo(tmp_path / "a.tif")


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


def test_a_grey_profile_is_not_written_to_a_colour_picture(tmp_path: Path) -> None:
    grey_profile = SRGB[:16] + b"GRAY" + SRGB[20:]
    path = _saved(tmp_path / "a.png", Image.fromarray(COLOURS[..., 0]), icc_profile=grey_profile)
    assert read_photo(path).icc is None


def test_a_truncated_profile_does_not_prevent_writing_a_png(tmp_path: Path) -> None:
    write_image(COLOURS, tmp_path / "a.png", icc=SRGB[:200])
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png").pixels, COLOURS)


def test_colours_of_a_bmp_are_converted_to_srgb(tmp_path: Path) -> None:
    red_is_green = SRGB.replace(b"rXYZ", b"----").replace(b"gXYZ", b"rXYZ").replace(b"----", b"gXYZ")
    write_image(np.full((4, 4, 3), (255, 0, 0), np.uint8), tmp_path / "a.bmp", icc=red_is_green)
    assert np.abs(read_photo(tmp_path / "a.bmp").pixels.astype(int) - (0, 255, 0)).max() <= 2


def test_guides_are_read_as_their_grey_levels(tmp_path: Path) -> None:
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


def _odd_tiff() -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, DEEP[..., :3], photometric="rgb", byteorder="<")
    return stream.getvalue().replace(struct.pack("<HH", 273, 4), struct.pack("<HH", 273, 5))  # offsets as fractions


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"just some text, not a picture", "is not a picture"),
        (_truncated("JPEG"), "cut off"),
        (_truncated("PNG"), "cut off"),
        (_truncated("PNG", np.uint16), "cut off"),
        (_odd_tiff(), "is damaged"),
        (_bomb(), "400 megapixels"),
    ],
    ids=["empty", "text", "jpeg", "png", "png16", "tiff16", "bomb"],
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


@pytest.mark.parametrize(("name", "size"), [("a.webp", (1, 16384)), ("a.jpg", (65501, 1))])
def test_sides_beyond_the_limit_of_a_format_are_refused_with_the_limit(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    with pytest.raises(OutputError, match=rf"holds {max(size) - 1} a side; use \.png or \.tif"):
        write_image(np.zeros((*size, 3), np.uint8), tmp_path / name)
    write_image(np.zeros((min(size[0], 65500), min(size[1], 16383), 3), np.uint8), tmp_path / name)


def test_messages_of_an_encoder_are_reported(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.jpg cannot be written \(Cannot handle this data type.*\); choose another format"):
        write_image(DEEP[..., :3], tmp_path / "a.jpg")
    with (
        pytest.raises(OutputError, match=r"cannot be written \(encoder error -2\)"),
        written_whole(tmp_path / "a.jpg", advice="") as stream,
    ):
        stream.write(b"begun")
        raise OSError("encoder error -2")
    assert list(tmp_path.iterdir()) == []


def test_names_of_the_maximum_length_are_written(tmp_path: Path) -> None:
    longest = tmp_path / ("a" * 251 + ".png")
    write_image(COLOURS, longest)
    assert list(tmp_path.iterdir()) == [longest]


def test_reading_leaves_the_pixel_limit_of_pillow_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int | None] = []
    opened = Image.open

    def watched(*args: object, **options: object) -> Image.Image:
        seen.append(Image.MAX_IMAGE_PIXELS)
        return opened(*args, **options)

    write_image(COLOURS, tmp_path / "a.png")
    monkeypatch.setattr(Image, "open", watched)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10**6)  # several threads read, and the limit is the whole process's
    read_photo(tmp_path / "a.png")
    assert seen == [10**6]
