"""A small scene with known alpha, and the command line in this process."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from mattecli.cli.app import app
from mattecli.io.images import write_image
from tests.support import Run


@pytest.fixture
def run() -> Run:
    """Run `matte ARGS...` as a shell would."""

    def invoke(*args: object, **options: object) -> Result:
        return CliRunner().invoke(app, [str(arg) for arg in args], **options)

    return invoke


@pytest.fixture
def scene(drawn_scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with photo.png (an orange disc with a soft edge before blue), trimap.png, strokes.png, plate.png and true.png."""
    shutil.copytree(drawn_scene, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def drawn_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures of `scene`, drawn once."""
    folder = tmp_path_factory.mktemp("scene")
    rows, columns = np.mgrid[0:72, 0:96].astype(np.float32)
    distance = np.hypot(rows - 36, columns - 48)
    alpha = np.clip((24 - distance) / 6 + 0.5, 0, 1)
    noise = np.random.default_rng(3).normal(0, 2, (72, 96, 3))
    plate = np.stack([40 + columns * 0.3, 80 + rows * 0.5, np.full_like(rows, 170)], axis=2)
    photo = alpha[..., None] * np.array([230, 140, 40]) + (1 - alpha[..., None]) * plate + noise
    trimap = np.where(distance < 18, 255, np.where(distance > 30, 0, 128))
    strokes = np.full(alpha.shape, 128)
    strokes[30:40, 44:52], strokes[2:6], strokes[-6:-2] = 255, 0, 0
    for name, picture in (("photo", photo), ("plate", plate), ("trimap", trimap), ("strokes", strokes), ("true", alpha * 255)):
        write_image(np.clip(picture, 0, 255).astype(np.uint8), folder / f"{name}.png")
    return folder
