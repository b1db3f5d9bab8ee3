"""What is put together anew on the device is as true as what the engine draws, and as repeatable."""

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mattecli.errors import InputError
from tests.training.runs import a_run, drawn_run
from training import checkpoint, loop, settings
from training.engine import EngineSettings
from training.optics import compressed
from training.pool import ExamplePool, sources_of
from training.random_numbers import Random
from training.recompose import Stock, composites, read_stock, recomposed
from training.settings import Mix, Run

CPU = torch.device("cpu")
RUN = """
network = "bgmv2"
build = {{ refine = false }}
folder = "{folder}"
steps = 4
batch = 2
losses = {{ alpha = 1.0 }}
data = {{ size = 64, pool = 3, validation = 1 }}
mix = {{ size = 48 }}
augment = {{ flip = false, colour = 0 }}
keep = {{ checkpoint_minutes = 0, checkpoint_steps = 2 }}
engine = {{ shares = {{ solid = 1.0, fur = 1.0 }}, similar = 0.5, two = 0.5 }}
"""
CLEAN = EngineSettings(noise=(0, 0), jpeg=0, resample=0, similar=0.5, two=0.5, shadow=0.5)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with its pool of three."""
    return drawn_run(RUN, tmp_path_factory.mktemp("recompose"))


@pytest.fixture(scope="module")
def stock(run: Run) -> Stock:
    return read_stock(ExamplePool(run), 3, CPU)


def test_the_image_is_the_mixture_of_its_parts(stock: Stock) -> None:
    batch = composites(stock, CLEAN, Mix(size=48), Random(16, 1, CPU))
    composed = batch["background"] + batch["alpha"] * (batch["foreground"] - batch["background"])
    assert (composed - batch["image"]).abs().max() <= 0.5 / 255 + 1e-6  # as an 8-bit file has it
    assert 0.05 < batch["alpha"].mean() < 0.95
    assert torch.equal(batch["trimap"] == 0.5, (batch["alpha"] > 0) & (batch["alpha"] < 1))


def test_a_still_plate_equals_the_image_around_the_subject(stock: Stock) -> None:
    batch = composites(stock, replace(CLEAN, shadow=0.0), Mix(size=48, still=1.0), Random(8, 2, CPU))
    free = (batch["alpha"] == 0).expand(-1, 3, -1, -1)
    assert free.any() and torch.equal(batch["image"][free], batch["plate"][free])
    moved = composites(stock, replace(CLEAN, shadow=0.0), Mix(size=48, still=0.0), Random(8, 2, CPU))
    assert (moved["image"] - moved["plate"])[free].abs().mean() > 0.01


def test_shadows_are_in_the_image_alone(stock: Stock) -> None:
    batch = composites(stock, replace(CLEAN, shadow=1.0, two=0.0, similar=0.0), Mix(size=48, still=1.0), Random(8, 2, CPU))
    darker = batch["plate"] - batch["background"]
    assert darker.min() >= -0.5 / 255 - 1e-6 and darker.amax((1, 2, 3)).mean() > 0.05


def test_a_batch_depends_on_seed_and_number_alone(stock: Stock, run: Run) -> None:
    first, second = recomposed(stock, run, range(5, 7))
    torch.rand(3)
    (again,) = recomposed(stock, run, range(6, 7))
    assert all(torch.equal(second[name], again[name]) for name in second)
    assert not torch.equal(first["image"], second["image"])


def test_a_stock_grows_with_its_pool(run: Run, stock: Stock) -> None:
    grown = read_stock(ExamplePool(run), 3, CPU, read_stock(ExamplePool(run), 1, CPU))
    assert len(grown) == 3 and torch.equal(grown.foregrounds, stock.foregrounds) and torch.equal(grown.backgrounds, stock.backgrounds)


def test_a_training_on_them_taken_up_again_ends_with_the_same_weights(run: Run, tmp_path: Path) -> None:
    straight, again = (a_run(RUN, folder) for folder in (tmp_path / "straight", tmp_path / "again") if not folder.mkdir())
    for one in (straight, again):
        shutil.copytree(ExamplePool(run).folder, ExamplePool(one).folder)
    ended = loop.train(straight, CPU)
    (tmp_path / "again" / "out" / "checkpoints").mkdir()
    shutil.copy(checkpoint.found(ended.checkpoints)[0], tmp_path / "again" / "out" / "checkpoints")
    other = loop.train(again, CPU)
    assert all(torch.equal(one, two) for one, two in zip(ended.average.parameters(), other.average.parameters(), strict=True))


@pytest.mark.parametrize("quality", [30, 60, 95])
def test_jpeg_is_what_opencv_writes(quality: int) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (6, 7, 3), np.uint8)
    picture = cv2.resize(noise, (70, 50), interpolation=cv2.INTER_CUBIC)
    file = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    theirs = cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1].astype(int)
    levels = torch.from_numpy(picture[..., ::-1].copy()).permute(2, 0, 1)[None].float() / 255
    ours = compressed(levels, torch.full((1, 1, 1, 1), float(quality)))[0].permute(1, 2, 0).mul(255).round().numpy()
    # libjpeg works in whole numbers and fills chroma in its own way, so now and then a coefficient falls on the other side.
    assert np.abs(ours - theirs).mean() < 0.3 * np.abs(theirs - picture[..., ::-1]).mean() + 0.3


def test_pictures_can_be_left_out_by_name(tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "sources.json").write_text('{"backgrounds": [{"file": "one.png"}, {"file": "two.png"}], "foregrounds": []}')
    assert [file.name for file in sources_of(str(tmp_path), 10, False, ("one.png",)).backgrounds] == ["two.png"]
    with pytest.raises(InputError, match=r"leave_out names three\.png"):
        sources_of(str(tmp_path), 10, False, ("three.png",))


def test_a_mix_without_a_pool_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(RUN.format(folder=tmp_path).replace("pool = 3, ", ""))
    with pytest.raises(InputError, match=r"set data\.pool"):
        settings.read(path)
