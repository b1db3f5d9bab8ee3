"""A mask of the first frame is followed through `matte video`."""

import json
from pathlib import Path

import numpy as np
import pytest

from mattecli.io.images import read_photo, write_image
from tests.clips import Picture, Size, make_clip
from tests.support import Run

SIZE = (96, 144)


def _alpha(index: int) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    return np.clip((24 - np.hypot(rows - 48, columns - 36 - 9 * index)) / 3 + 0.5, 0, 1)


def _walk(index: int, size: Size) -> Picture:
    """A disc that walks half the picture in eight frames, before a wall with structure; then another scene."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    if index >= 8:
        return np.stack([(200 + 50 * np.sin(rows * columns / 90)) * (rows % 16 < 8)] * 3, axis=2).astype(np.uint8)
    wall = np.stack([40 + columns / 3, 60 + rows / 2, 150 + 20 * np.sin(columns / 4)], axis=2)
    skin = np.array([220, 130, 40]) + 15 * np.sin((columns - 9 * index) / 3)[..., None]
    alpha = _alpha(index)[..., None]
    return np.rint(alpha * skin + (1 - alpha) * wall).astype(np.uint8)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with walk.mkv and first.png, the disc in its first frame."""
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "walk.mkv", size=SIZE, frames=10, picture=_walk, codec="ffv1", pixels="gbrp")
    write_image(np.where(_alpha(0) > 0.5, 255, 0).astype(np.uint8), tmp_path / "first.png")
    return tmp_path


def _errors(folder: Path) -> list[float]:
    return [float(np.abs(read_photo(folder / f"{index + 1}.png").pixels[..., 0] / 255 - _alpha(index)).mean()) for index in range(8)]


def test_a_mask_of_the_first_frame_is_followed_and_a_scene_cut_reported(stage: Path, run: Run) -> None:
    result = run("video", "walk.mkv", "--mask", "first.png", "--as", "alpha", "-o", "on/%d.png", "--json")
    assert result.exit_code == 0, result.stderr
    assert max(_errors(stage / "on")) < 0.012
    assert any("in 2 frames the scene changes" in doubt for doubt in json.loads(result.stdout)["doubt"]), result.stdout
    assert not read_photo(stage / "on/9.png").pixels.any()
    assert run("video", "walk.mkv", "--mask", "first.png", "--follow", "off", "--as", "alpha", "-o", "off/%d.png").exit_code == 0
    assert max(_errors(stage / "off")) > 0.1


def test_a_trimap_is_followed_with_follow(stage: Path, run: Run) -> None:
    alpha = _alpha(0)
    write_image(np.where(alpha == 1, 255, np.where(alpha == 0, 0, 128)).astype(np.uint8), stage / "trimap.png")
    result = run("video", "walk.mkv", "--trimap", "trimap.png", "--follow", "on", "--end", "0.32", "--as", "alpha", "-o", "on/%d.png")
    assert result.exit_code == 0, result.stderr
    assert max(_errors(stage / "on")) < 0.012
    assert run("video", "walk.mkv", "--trimap", "trimap.png", "--follow", "maybe").exit_code == 2
