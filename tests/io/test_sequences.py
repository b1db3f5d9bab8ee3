"""Folders and patterns of pictures are clips: in natural order, at a rate, all of one size."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mattecli.errors import InputError, UsageError
from mattecli.io.clip_types import Frame
from mattecli.io.images import write_image
from mattecli.io.pictures.light import Light
from mattecli.io.pictures.transfer import from_light
from mattecli.io.sequences import COLOUR_FLOATS, GREY_FLOATS
from mattecli.io.video_read import open_clip, probe
from tests.clips import SIZE, index_of, numbered


def _folder(folder: Path, names: list[str], *, depth: type = np.uint8) -> Path:
    """Pictures that spell 0, 1, 2 and so on in the order of `names`, and things that are no frames."""
    folder.mkdir(exist_ok=True)
    for index, name in enumerate(names):
        write_image(numbered(index).astype(depth) * (257 if depth is np.uint16 else 1), folder / name)
    (folder / "notes.txt").write_text("not a picture")
    (folder / ".hidden.png").write_text("not a picture either")
    return folder


def _frames(source: Path | str, **options: Any) -> list[Frame]:
    with open_clip(str(source), **options) as reader:
        frames = list(reader)
        assert reader.damage is None and reader.clip.frames == len(frames)
    return frames


def _indices(frames: list[Frame]) -> list[int]:
    return [index_of(frame.pixels) for frame in frames]


def test_a_folder_is_read_in_natural_order(tmp_path: Path) -> None:
    frames = _frames(_folder(tmp_path / "shot", ["f2.png", "f9.png", "f10.png", "f11.webp", "f100.bmp"]))
    assert _indices(frames) == list(range(5))
    assert [(frame.pts, frame.duration, frame.index) for frame in frames] == [(i, 1, i) for i in range(5)]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("%05d.png", [0, 1, 4]),
        ("%d.png", [2, 3]),
        ("0000*.png", [0, 1]),
        ("*.png", [0, 1, 2, 3, 4]),
        ("0000?.png", [0, 1]),
        ("[1-9].png", [2]),
        ("*.tif", [5]),
    ],
)
def test_a_pattern_selects_pictures_by_name(tmp_path: Path, pattern: str, found: list[int]) -> None:
    folder = _folder(tmp_path / "a [shot] 100%d", ["00001.png", "00002.png", "7.png", "12.png", "00013.png", "1.tif"])
    chosen = sorted(_indices(_frames(folder / pattern)))
    assert chosen == found


def test_a_pattern_orders_by_number_and_closes_gaps(tmp_path: Path) -> None:
    folder = _folder(tmp_path, ["f8.png", "f9.png", "f12.png", "f101.png"])
    frames = _frames(folder / "f%d.png")
    assert _indices(frames) == [0, 1, 2, 3] and [frame.pts for frame in frames] == [0, 1, 2, 3]


def test_the_frame_rate_is_the_argument_or_25(tmp_path: Path) -> None:
    folder = _folder(tmp_path, [f"{index}.png" for index in range(6)])
    clip = probe(str(folder))
    assert (clip.rate, clip.time_base, clip.size, clip.bits, clip.audio, clip.lossy) == (25, Fraction(1, 25), SIZE, 8, 0, False)
    with open_clip(str(folder), fps=Fraction(30000, 1001)) as reader:
        assert (reader.clip.rate, reader.clip.time_base) == (Fraction(30000, 1001), Fraction(1001, 30000))
    with pytest.raises(UsageError, match="is no rate"):
        open_clip(str(folder), fps=Fraction(0))


def test_a_part_is_selected_by_time(tmp_path: Path) -> None:
    folder = _folder(tmp_path, [f"{index}.png" for index in range(12)])
    span = {"start": Fraction(3, 10), "end": Fraction(1), "every": 3}
    frames = _frames(folder, fps=Fraction(10), **span)
    assert _indices(frames) == [3, 6, 9] and [frame.pts for frame in frames] == [3, 6, 9] and frames[0].duration == 3
    assert _frames(folder, start=Fraction(99)) == []


def test_sixteen_bit_pictures_stay_sixteen_bit(tmp_path: Path) -> None:
    folder = _folder(tmp_path, ["1.png", "2.tif"], depth=np.uint16)
    frames = _frames(folder)
    assert probe(str(folder)).bits == 16 and _indices(frames) == [0, 1]
    np.testing.assert_array_equal(frames[1].pixels, numbered(1).astype(np.uint16) * 257)


def test_frames_have_no_alpha_channel(tmp_path: Path) -> None:
    write_image(np.dstack([numbered(5), numbered(5)[..., :1]]), tmp_path / "1.png")
    np.testing.assert_array_equal(_frames(tmp_path)[0].pixels, numbered(5))


@pytest.mark.parametrize("other", [numbered(0, (32, 96)), numbered(0).astype(np.uint16)])
def test_a_picture_that_differs_from_the_first_is_named(tmp_path: Path, other: Any) -> None:
    folder = _folder(tmp_path, ["1.png", "2.png", "3.png"])
    write_image(other, folder / "2.png")
    with open_clip(str(folder)) as reader, pytest.raises(InputError, match=r"2\.png is 96x.* but 1\.png is 96x64 of 8 bits"):
        list(reader)


def test_a_broken_picture_is_an_error_after_the_frames_before_it(tmp_path: Path) -> None:
    folder = _folder(tmp_path, ["1.png", "2.png"])
    (folder / "2.png").write_bytes((folder / "2.png").read_bytes()[:60])
    with open_clip(str(folder)) as reader:
        frames = iter(reader)
        assert index_of(next(frames).pixels) == 0
        with pytest.raises(InputError, match=r"2\.png is damaged"):
            next(frames)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "holds no pictures"),
        ("*.png", "holds no pictures"),
        ("%05d.png", "stands for no picture"),
        ("absent/%05d.png", "cannot be listed"),
        ("absent", "there is no file"),
        ("50%discount.mp4", "there is no file"),
    ],
)
def test_an_empty_sequence_is_an_error(tmp_path: Path, source: str, said: str) -> None:
    (tmp_path / ".hidden.png").touch()
    with pytest.raises(InputError, match=said):
        open_clip(str(tmp_path / source))


def test_float_frames_are_read_as_srgb_and_float_mattes_as_their_values(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 96, dtype=np.float32) * np.ones((64, 1), np.float32)
    for number in (1, 2):
        write_image(ramp, tmp_path / f"matte.{number}.exr")
        write_image(Light(np.dstack([ramp * 4, ramp, ramp])), tmp_path / f"plate.{number}.exr")
    with open_clip(str(tmp_path / "matte.%d.exr")) as mattes, open_clip(str(tmp_path / "plate.%d.exr")) as plates:
        matte, plate = next(iter(mattes)), next(iter(plates))
        np.testing.assert_allclose(matte.pixels[..., 0] / 65535, ramp, atol=3e-4)  # a half has 11 bits
        np.testing.assert_allclose(plate.pixels[..., 1] / 65535, from_light(ramp), atol=3e-4)
        assert plate.pixels[..., 0].max() == 65535
        assert mattes.notes[-1] == f"the pictures of {mattes.clip.source} {GREY_FLOATS}"
        assert plates.notes[-1] == f"the pictures of {plates.clip.source} {COLOUR_FLOATS}"
