"""Results of a matte: files, bytes and Pillow images, with the image's depth and profile."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageCms

import mattecli
from mattecli import Matte, OutputOptions
from mattecli.errors import UsageError
from mattecli.io.images import read_photo, write_image
from tests.support import read


@pytest.fixture(scope="module")
def model() -> mattecli.Model:
    return mattecli.load("closed-form")


@pytest.fixture
def matte(scene: Path, model: mattecli.Model) -> Matte:
    """Of a 16-bit photo with a profile."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    write_image(read_photo("photo.png").pixels.astype(np.uint16) * 257, "deep.png", icc=profile)
    return model("deep.png", trimap="trimap.png")


def test_saved_files_keep_depth_and_profile(matte: Matte) -> None:
    matte.save("cutout.png")
    cutout = read(Path("cutout.png"))
    assert cutout.dtype == np.uint16 and cutout.shape == (72, 96, 4) and matte.bits == 16
    assert read_photo("cutout.png").icc == matte.icc
    np.testing.assert_allclose(cutout[..., 3] / 65535, matte.alpha, atol=1e-5)
    assert matte.encode(".png") == Path("cutout.png").read_bytes()


def test_cutout_and_over_are_pillow_images(matte: Matte) -> None:
    cutout, over = matte.cutout(), matte.over("white")
    assert (cutout.mode, over.mode, cutout.size) == ("RGBA", "RGB", (96, 72)) and cutout.info["icc_profile"] == matte.icc
    assert np.asarray(over)[0, 0].tolist() == [255, 255, 255]
    over.save(buffer := io.BytesIO(), "JPEG")
    assert buffer.getvalue()


@pytest.mark.parametrize("kind", ["cutout", "alpha", "foreground", "composite"])
def test_each_kind_equals_the_file_of_the_command_line(matte: Matte, run: object, kind: str) -> None:
    matte.save("ours.png", OutputOptions(kind))
    done = run("image", "deep.png", "--model", "closed-form", "--trimap", "trimap.png", "--as", kind, "-o", "theirs.png")
    assert done.exit_code == 0 and Path("ours.png").read_bytes() == Path("theirs.png").read_bytes()


def test_unwritable_outputs_are_errors(matte: Matte) -> None:
    with pytest.raises(UsageError, match=r"\.jpg cannot hold transparency"):
        matte.save("cutout.jpg")
    with pytest.raises(UsageError, match="'sticker' is no kind of result"):
        OutputOptions("sticker")
