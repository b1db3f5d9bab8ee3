"""Damaged pictures, strokes and masks: each is read or refused in one sentence, never with a traceback.

A short run belongs to the tests; `MATTE_FUZZ_EXAMPLES=20000 pytest tests/fuzz` is a long one.
"""

import io
import os
import warnings

import numpy as np
import pillow_heif
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mattecli.errors import MatteError
from mattecli.io.images import encode_image, read_photo_bytes
from mattecli.io.pictures.file_options import FileOptions
from mattecli.matting.given_trimap import check_trimap, read_trimap_levels
from mattecli.matting.mask import check_mask, mask_levels
from mattecli.matting.strokes import trimap_from_polylines, trimap_from_strokes

EXAMPLES = int(os.environ.get("MATTE_FUZZ_EXAMPLES", "40"))
fuzzed = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
PIXELS = np.random.default_rng(0).integers(0, 256, (12, 16, 4), dtype=np.uint8)
SIZE = PIXELS.shape[:2]


def _pillow(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PIXELS[..., :3]).save(stream, kind, **options)
    return stream.getvalue()


def _heic() -> bytes:
    stream = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(PIXELS)).save(stream)
    return stream.getvalue()


EXIF = Image.Exif()
EXIF[0x0112] = 6
FILES = {
    "jpeg": _pillow("JPEG", exif=EXIF, dpi=(300, 300)),
    "progressive": _pillow("JPEG", progressive=True),
    "png": _pillow("PNG", exif=EXIF, dpi=(300, 300)),
    "deep png": encode_image(PIXELS.astype(np.uint16) * 257, ".png"),
    "webp": _pillow("WEBP", exif=EXIF),
    "lossless": _pillow("WEBP", lossless=True),
    "tiff": encode_image(PIXELS, ".tif"),
    "deep tiff": encode_image(PIXELS.astype(np.uint16) * 257, ".tif"),
    "bmp": _pillow("BMP"),
    "gif": _pillow("GIF"),
    "heic": _heic(),
    "avif": encode_image(PIXELS, ".avif"),
    "deep avif": encode_image(PIXELS.astype(np.uint16) * 257, ".avif"),
    "jpeg 2000": _pillow("JPEG2000"),
    "pnm": _pillow("PPM"),
    "pam": b"P7\nWIDTH 2\nHEIGHT 2\nDEPTH 4\nMAXVAL 1000\nTUPLTYPE RGB_ALPHA\nENDHDR\n" + bytes(range(32)),
    "float tiff": encode_image(PIXELS, ".tif", options=FileOptions(depth="float")),
    "exr": encode_image(PIXELS, ".exr"),
}


@st.composite
def damage(draw: st.DrawFn, data: bytes) -> bytes:
    """A file with bytes changed, taken out or put in, most often near its beginning, where the headers are."""
    found = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, min(len(found), 120)) | st.integers(0, len(found)))
        length = draw(st.integers(0, 8))
        found[place : place + length] = draw(st.binary(max_size=8))
    return bytes(found)


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_picture_is_read_or_refused(name: str) -> None:
    @fuzzed
    @given(damage(FILES[name]))
    def check(data: bytes) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                photo = read_photo_bytes(data)
            except MatteError as error:
                assert str(error).strip() and "\n" not in str(error)
            else:
                assert photo.pixels.dtype in (np.uint8, np.uint16) and photo.pixels.shape[2] == 3

    check()


NUMBERS = st.integers(-5, 40) | st.floats() | st.none() | st.text(max_size=3)
POINTS = st.lists(st.lists(NUMBERS, max_size=3) | NUMBERS, max_size=5)
TABLES = st.dictionaries(st.sampled_from(["foreground", "background", "width", "x"]), POINTS | st.lists(POINTS, max_size=3) | NUMBERS)


@fuzzed
@given(TABLES | POINTS | NUMBERS)
def test_any_json_is_strokes_or_refused(table: object) -> None:
    try:
        trimap = trimap_from_polylines(table, size=SIZE)
    except MatteError:
        return
    assert trimap.shape == SIZE and set(np.unique(trimap)) <= {0, 128, 255}


@fuzzed
@given(st.binary(min_size=8, max_size=8), st.sampled_from([(), (3,), (4,)]), st.sampled_from([np.uint8, np.uint16]))
def test_any_levels_are_a_guide_or_refused(seed: bytes, channels: tuple[int, ...], dtype: type) -> None:
    random = np.random.default_rng(int.from_bytes(seed, "big"))
    most = random.choice([1, 2, 20, 255, np.iinfo(dtype).max])
    levels = random.integers(0, most, (*SIZE, *channels), dtype=dtype, endpoint=True)
    if random.random() < 0.7:
        levels = (levels // max(1, most // 2)) * (most // 2)
    for judge in (
        lambda: check_mask(mask_levels(levels)),
        lambda: check_trimap(read_trimap_levels(levels), size=SIZE),
        lambda: trimap_from_strokes(levels.astype(np.uint8), size=SIZE, photo=PIXELS[..., :3]),
    ):
        try:
            judge()
        except MatteError as error:
            assert str(error).strip()
