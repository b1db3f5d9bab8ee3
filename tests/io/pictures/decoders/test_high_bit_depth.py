"""AVIF and JPEG 2000 of more than 8 bits keep them; FFmpeg's encoders make the files."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mattecli.io.images import read_photo
from mattecli.io.pictures.decoders.high_bit_depth import avif_bits, jpeg2000_bits
from tests.clips import ffmpeg

RAMP = np.linspace(0, 65535, 24 * 32 * 3).reshape(24, 32, 3).astype(np.uint16)


@pytest.fixture
def ramp(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "ramp.png"), RAMP[..., ::-1])
    return tmp_path / "ramp.png"


@pytest.mark.parametrize(("bits", "most_off"), [(10, 2), (12, 2)])
def test_an_avif_keeps_its_bit_depth(tmp_path: Path, ramp: Path, bits: int, most_off: int) -> None:
    options = ["-pix_fmt", f"gbrp{bits}le", "-c:v", "libaom-av1", "-still-picture", "1", "-crf", "0", "-cpu-used", "8"]
    ffmpeg("-i", str(ramp), *options, str(tmp_path / "a.avif"))
    assert avif_bits((tmp_path / "a.avif").read_bytes()) == bits
    photo = read_photo(tmp_path / "a.avif")
    assert photo.pixels.dtype == np.uint16 and photo.lossy
    assert np.abs(photo.pixels.astype(int) - RAMP).max() <= most_off * 65535 / (2**bits - 1)


def test_an_eight_bit_avif_stays_eight_bit_with_its_alpha(tmp_path: Path) -> None:
    levels = np.dstack([RAMP >> 8, RAMP[..., :1] >> 8]).astype(np.uint8)
    Image.fromarray(levels).save(tmp_path / "a.avif", quality=100, subsampling="4:4:4")
    photo = read_photo(tmp_path / "a.avif")
    assert photo.pixels.dtype == np.uint8 and photo.alpha is not None
    assert np.abs(np.dstack([photo.pixels, photo.alpha]).astype(int) - levels).max() <= 3


def test_a_jpeg_2000_keeps_its_bit_depth(tmp_path: Path, ramp: Path) -> None:
    ffmpeg("-i", str(ramp), "-pix_fmt", "rgb48", "-c:v", "libopenjpeg", "-numresolution", "3", str(tmp_path / "a.jp2"))
    assert jpeg2000_bits((tmp_path / "a.jp2").read_bytes()) == 16
    np.testing.assert_array_equal(read_photo(tmp_path / "a.jp2").pixels, RAMP)


def test_lossy_and_lossless_jpeg_2000_are_distinguished(tmp_path: Path) -> None:
    picture = Image.fromarray((RAMP >> 8).astype(np.uint8))
    picture.save(tmp_path / "a.jp2", irreversible=True)
    picture.save(tmp_path / "b.jp2")
    assert read_photo(tmp_path / "a.jp2").lossy and not read_photo(tmp_path / "b.jp2").lossy
    np.testing.assert_array_equal(read_photo(tmp_path / "b.jp2").pixels, RAMP >> 8)
