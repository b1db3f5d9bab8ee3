"""Broken metadata does not prevent reading a picture; valid metadata is applied."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from mattecli.io.images import encode_image, read_photo, read_photo_bytes, write_image

PICTURE = Image.fromarray(np.kron(np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8)))
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
BROKEN_EXIF = b"b'Exif"


def _encoded(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    PICTURE.save(stream, kind, **options)
    return stream.getvalue()


def _chunk(kind: bytes, content: bytes, *, crc: int | None = None) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content) if crc is None else crc)


def _png_with(*chunks: bytes) -> bytes:
    png = _encoded("PNG")
    return png[:33] + b"".join(chunks) + png[33:]


def _jpeg_with(segment: bytes) -> bytes:
    jpeg = _encoded("JPEG", quality=100, subsampling=0)
    return jpeg[:2] + segment + jpeg[2:]


BROKEN = {
    "exif.png": _png_with(_chunk(b"eXIf", BROKEN_EXIF)),
    "exif checksum.png": _png_with(_chunk(b"eXIf", b"MM\0*\0\0\0\x08", crc=0)),
    "exif.webp": _encoded("WEBP", lossless=True, exif=BROKEN_EXIF),
    "exif.jpg": _jpeg_with(b"\xff\xe1" + struct.pack(">H", 16) + b"Exif\0\0" + b"nonsense"),
    "exif.tif": _encoded("TIFF", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\x63\0\0\0\0\0\0"),
    "text.png": _png_with(_chunk(b"zTXt", b"w\0\0" + zlib.compress(b"x" * 1_100_000))),
    "text checksum.png": _png_with(_chunk(b"tEXt", b"Comment\0x", crc=1)),
    "international text.png": _png_with(_chunk(b"iTXt", b"w\0\1\0\0\0nonsense")),
    "resolution.png": _png_with(_chunk(b"pHYs", b"\0\0")),
    "animation.png": _png_with(_chunk(b"acTL", b"\0")),
    "profile.png": _png_with(_chunk(b"iCCP", b"w\0\0nonsense")),
    "profile.jpg": _jpeg_with(b"\xff\xe2" + struct.pack(">H", 20) + b"ICC_PROFILE\0\x07\x01abcd"),
    "pictures.jpg": _jpeg_with(b"\xff\xe2" + struct.pack(">H", 14) + b"MPF\0MM\0*\0\0\0\x63"),
}


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data", "ignore:Image appears to be a malformed MPO file")
@pytest.mark.parametrize("name", BROKEN)
def test_broken_metadata_does_not_prevent_reading_the_pixels(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BROKEN[name])
    photo = read_photo(tmp_path / name)
    assert np.abs(photo.pixels.astype(int) - np.asarray(PICTURE)).max() <= (12 if name.endswith("jpg") else 0)


def test_broken_exif_is_reported_and_the_orientation_applied(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(BROKEN["exif.png"])
    assert read_photo(tmp_path / "a.png").notes == ("its EXIF data are damaged and left out",)


def test_valid_metadata_beside_an_oversized_text_chunk_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    png = _encoded("PNG", exif=exif, icc_profile=SRGB, dpi=(300, 150))
    text = _chunk(b"zTXt", b"w\0\0" + zlib.compress(b"x" * 1_100_000))
    (tmp_path / "a.png").write_bytes(png[:33] + text + png[33:])
    photo = read_photo(tmp_path / "a.png")
    np.testing.assert_array_equal(photo.pixels, np.rot90(np.asarray(PICTURE), -1))
    assert photo.icc == SRGB and photo.dpi == pytest.approx((150, 300), abs=0.1)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".jpg"])
def test_a_large_profile_survives_a_round_trip(tmp_path: Path, suffix: str) -> None:
    size = 1_200_000
    profile = struct.pack(">I", size) + SRGB[4:] + np.random.default_rng(0).bytes(size - len(SRGB))
    write_image(np.asarray(PICTURE), tmp_path / f"a{suffix}", icc=profile)
    assert read_photo(tmp_path / f"a{suffix}").icc == profile


def test_bytes_after_the_compressed_pixels_are_skipped_silently(capfd: pytest.CaptureFixture[str]) -> None:
    png = encode_image(np.arange(900, dtype=np.uint16).reshape(15, 20, 3), ".png")
    place = png.index(b"IDAT")
    content = png[place + 4 : -16]
    for parts in ([content + b"more"], [content, b"more"], [content[:40], content[40:] + b"more", b"and more"]):
        longer = png[: place - 4] + b"".join(_chunk(b"IDAT", part) for part in parts) + png[-12:]
        np.testing.assert_array_equal(read_photo_bytes(longer).pixels, read_photo_bytes(png).pixels)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("levels", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", [b"IDAT", b"ABCD", b"abCD"])
def test_a_chunk_that_claims_gigabytes_allocates_none(levels: type, kind: bytes) -> None:
    png = encode_image(np.arange(900, dtype=levels).reshape(15, 20, 3), ".png")
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    photo = read_photo_bytes(png[:-12] + b"\x7f\xff\xff\xf0" + kind + b"x")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 200_000, "kilobytes"
    np.testing.assert_array_equal(photo.pixels, read_photo_bytes(png).pixels)
    assert photo.notes == ("it lacks its end marker; all its pixels are there",)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_an_unusable_profile_is_left_out_and_reported(tmp_path: Path, suffix: str) -> None:
    for profile in (SRGB[:200], b"no profile" * 20):
        PICTURE.save(tmp_path / f"a{suffix}", icc_profile=profile)
        photo = read_photo(tmp_path / f"a{suffix}")
        assert photo.icc is None and any("colour profile is damaged" in note for note in photo.notes), photo.notes


def test_a_profile_that_decompresses_beyond_the_limit_is_left_out_and_reported(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(_png_with(_chunk(b"iCCP", b"w\0\0" + zlib.compress(bytes(40 << 20)))))
    photo = read_photo(tmp_path / "a.png")
    assert photo.icc is None and "profile is too large" in photo.notes[0]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".jpg", ".bmp"])
@pytest.mark.parametrize("source", ["PNG", "JPEG", "TIFF", "BMP"])
def test_the_resolution_is_kept_from_format_to_format(tmp_path: Path, source: str, suffix: str) -> None:
    (tmp_path / "a").write_bytes(_encoded(source, dpi=(300, 150)))
    photo = read_photo(tmp_path / "a")
    write_image(photo.pixels, tmp_path / f"b{suffix}", dpi=photo.dpi)
    with Image.open(tmp_path / f"b{suffix}") as picture:
        exif = picture.getexif()
        assert picture.info.get("dpi", (exif.get(0x011A), exif.get(0x011B))) == pytest.approx((300, 150), abs=0.1)
    assert read_photo(tmp_path / f"b{suffix}").dpi == pytest.approx((300, 150), abs=0.1)


def test_a_picture_without_a_resolution_gets_none(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(_encoded("JPEG"))
    assert read_photo(tmp_path / "a.jpg").dpi is None


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("WEBP", {"save_all": True}, "3 frames"),
        ("PNG", {"save_all": True}, "3 frames"),
        ("TIFF", {"save_all": True}, "3 pages"),
    ],
)
def test_ignored_frames_and_pages_are_counted(tmp_path: Path, kind: str, options: dict[str, object], said: str) -> None:
    others = [PICTURE.transpose(Image.Transpose.FLIP_LEFT_RIGHT), PICTURE.transpose(Image.Transpose.ROTATE_180)]
    (tmp_path / "a").write_bytes(_encoded(kind, append_images=others, **options))
    (note,) = read_photo(tmp_path / "a").notes
    assert said in note and "the first is taken" in note


@pytest.mark.parametrize("missing", [1, 4, 12])
def test_a_png_without_an_end_chunk_keeps_its_sixteen_bits(tmp_path: Path, missing: int) -> None:
    deep = np.random.default_rng(1).integers(0, 65536, (9, 7, 3), dtype=np.uint16)
    write_image(deep, tmp_path / "a.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:-missing])
    photo = read_photo(tmp_path / "cut.png")
    np.testing.assert_array_equal(photo.pixels, deep)
    assert photo.notes == ("it lacks its end marker; all its pixels are there",)
