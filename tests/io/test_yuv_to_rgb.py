"""Whatever way a clip stores its pixels, they come back upright, in their colours and depth."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mattecli.errors import InputError
from mattecli.io.clip_types import Colour
from mattecli.io.pictures.photo import Pixels
from mattecli.io.video_read import open_clip, probe
from tests.clips import PATCHES, SCALING, SIZE, Picture, Size, index_of, make_clip, numbered, patch_colours, patches, pictures_of


def _pixels(path: Path) -> list[Pixels]:
    with open_clip(str(path)) as reader:
        return [frame.pixels for frame in reader]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", [None, "h", "v"])
def test_frames_are_rotated_upright(tmp_path: Path, rotation: int, flip: str | None) -> None:
    path = make_clip(tmp_path / "turned.mp4", rotation=rotation, flip=flip, frames=2, pixels="yuv444p")
    size = SIZE if rotation % 180 == 0 else SIZE[::-1]
    assert probe(str(path)).size == size
    seen = pictures_of(path, size)
    assert np.abs(np.stack(_pixels(path)).astype(int) - seen).max() <= 3


def test_a_quarter_turn_inverts_the_pixel_aspect_ratio(tmp_path: Path) -> None:
    wide = ("-vf", "scale=out_color_matrix=bt601,format=yuv420p,setsar=4/3")
    assert probe(str(make_clip(tmp_path / "wide.mp4", frames=1, options=wide))).aspect == Fraction(4, 3)
    assert probe(str(make_clip(tmp_path / "turned.mp4", frames=1, options=wide, rotation=90))).aspect == Fraction(3, 4)


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020", None])
@pytest.mark.parametrize("full_range", [False, True, None])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p10le"])
def test_colours_are_converted_by_their_matrix_and_range(tmp_path: Path, matrix: str | None, full_range: bool | None, pixels: str) -> None:
    path = make_clip(tmp_path / "patches.mkv", picture=patches, frames=1, matrix=matrix, full_range=full_range, pixels=pixels)
    found = _pixels(path)[0]
    assert found.dtype == (np.uint8 if pixels == "yuv420p" else np.uint16)
    assert np.abs(patch_colours(found) / np.iinfo(found.dtype).max * 255 - PATCHES).max() <= 2


def test_a_large_untagged_clip_is_read_as_bt709(tmp_path: Path) -> None:
    untagged = ("-bsf:v", "h264_metadata=matrix_coefficients=2", "-colorspace", "unknown")
    path = make_clip(tmp_path / "large.mp4", size=(720, 96), picture=patches, frames=1, matrix="bt709", options=untagged)
    assert probe(str(path)).colour.matrix == 2
    assert np.abs(patch_colours(_pixels(path)[0]) - PATCHES).max() <= 2


def test_hdr_tags_are_kept(tmp_path: Path) -> None:
    tags = "setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc:range=limited"
    path = make_clip(tmp_path / "hlg.mkv", codec="libx265", frames=1, options=("-vf", f"format=yuv420p10le,{tags}"))
    assert probe(str(path)).colour == Colour(matrix=9, primaries=9, transfer=18, full_range=False)


def test_ten_bit_white_and_black_are_exact(tmp_path: Path) -> None:
    def halves(index: int, size: Size) -> Picture:
        picture = np.zeros((*size, 3), np.uint8)
        picture[:, size[1] // 2 :] = 255
        return picture

    for full_range in (False, True):
        path = make_clip(tmp_path / "ends.mkv", codec="ffv1", pixels="yuv422p10le", picture=halves, frames=1, full_range=full_range)
        pixels = _pixels(path)[0]
        assert (pixels[:, :40] == 0).all() and (pixels[:, 60:] == 65535).all()


@pytest.mark.parametrize(("name", "codec", "place"), [("a.mkv", "ffv1", "left"), ("a.avi", "mjpeg", "center")])
def test_chroma_is_sited_on_columns_in_mpeg_and_between_them_in_jpeg(tmp_path: Path, name: str, codec: str, place: str) -> None:
    def waves(index: int, size: Size) -> Picture:
        across = np.cos(np.arange(size[1]) * 0.4) * 80
        return np.broadcast_to(np.stack([128 + across, 128 - across / 4, 128 - across], -1), (*size, 3)).round().astype(np.uint8)

    full = codec == "mjpeg"
    path = make_clip(tmp_path / name, codec=codec, pixels="yuvj420p" if full else "yuv420p", picture=waves, frames=1, full_range=full)
    seen = {
        where: pictures_of(path, SIZE, options=("-vf", f"scale=in_chroma_loc={where}:flags={SCALING}"))[0, :, 8:-8]
        for where in ("left", "center")
    }
    pixels = _pixels(path)[0][:, 8:-8].astype(int)
    there = seen.pop(place)
    (elsewhere,) = seen.values()
    assert np.abs(pixels - there).max() <= 3 < 10 < np.abs(pixels - elsewhere).max()


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "bits", "lossy"),
    [
        ("grey.mkv", "ffv1", "gray", 8, False),
        ("grey10.mkv", "ffv1", "gray10le", 10, False),
        ("rgb.mkv", "libx264rgb", "rgb24", 8, True),
        ("rgb10.mkv", "ffv1", "gbrp10le", 10, False),
        ("alpha.mov", "prores_ks", "yuva444p10le", 12, True),
        ("packed.avi", "rawvideo", "uyvy422", 8, False),
        ("photos.avi", "mjpeg", "yuvj422p", 8, True),
        ("semi.mkv", "rawvideo", "nv12", 8, False),
        ("laced.mkv", "mpeg2video", "yuv422p", 8, True),
    ],
)
def test_every_pixel_format_is_converted_to_rgb(tmp_path: Path, name: str, codec: str, pixels: str, bits: int, lossy: bool) -> None:
    extra = ("-flags", "+ildct+ilme") if name.startswith("laced") else ()
    full = True if pixels.startswith(("gray", "yuvj")) else None
    path = make_clip(tmp_path / name, codec=codec, pixels=pixels, frames=3, full_range=full, options=extra)
    clip, frames = probe(str(path)), _pixels(path)
    assert [index_of(pixels) for pixels in frames] == [0, 1, 2] and (clip.bits, clip.lossy, clip.size) == (bits, lossy, SIZE)
    want = numbered(2)[:, 8:].astype(float)
    if pixels.startswith("gray"):
        want = (want @ [0.299, 0.587, 0.114])[..., None]
    assert np.abs(frames[2][:, 8:] / np.iinfo(frames[2].dtype).max * 255 - want).mean() < 3


@pytest.mark.parametrize("size", [(63, 95), (50, 70), (2, 10), (33, 64)])
def test_sizes_that_are_no_multiple_of_a_block_are_kept(tmp_path: Path, size: Size) -> None:
    path = make_clip(tmp_path / "odd.mkv", codec="ffv1", size=size, frames=1)
    assert _pixels(path)[0].shape == (*size, 3) and probe(str(path)).size == size
    path = make_clip(tmp_path / "odd.mp4", size=size, frames=1, pixels="yuv444p")
    assert np.abs(_pixels(path)[0].astype(int) - pictures_of(path, size)[0]).max() <= 3


def test_matrices_without_luma_weights_are_refused(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "ycgco.mp4", frames=1, options=("-bsf:v", "h264_metadata=matrix_coefficients=8"))
    with pytest.raises(InputError, match="matrix 8"):
        open_clip(str(path))
