"""Examples that stay on the device are those of the pool, with the closed-form mattes they would have had."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mattecli.errors import InputError
from tests.training.runs import drawn_run
from training import checkpoint, loop, settings
from training.coarse import EPSILONS, coarse_mattes
from training.device_dataset import BLOCK, DeviceDataset
from training.pool import ExamplePool, fill, opened, stacked, unpacked
from training.settings import Run

CPU = torch.device("cpu")
RUN = """
network = "fusion-plate"
folder = "{folder}"
steps = 4
batch = 2
losses = {{ alpha = 1.0 }}
data = {{ size = 48, pool = 5, validation = 1, on_device = true }}
augment = {{ crop = 32, flip = false, colour = 0.3 }}
keep = {{ checkpoint_minutes = 0, checkpoint_steps = 2 }}
engine = {{ shares = {{ solid = 1.0, fur = 1.0 }}, similar = 0.5 }}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with its pool of five."""
    return drawn_run(RUN, tmp_path_factory.mktemp("device_dataset"))


def test_many_pictures_solved_at_once_have_the_mattes_they_have_alone(run: Run) -> None:
    examples = unpacked(stacked([opened(ExamplePool(run), index) for index in range(5)]), CPU)
    together = coarse_mattes(examples["image"], examples["trimap"])
    assert len(EPSILONS) == 2
    for index in range(5):
        pair = [plane[index : index + 1].expand(2, -1, -1, -1) for plane in (examples["image"], examples["trimap"])]
        alone = coarse_mattes(*pair)[index % 2]
        off = (together[index] - alone).abs()
        assert off[:, 4:-4, 4:-4].mean() < 4e-3  # the solver's tolerance
        assert off.mean() < 8e-3


def test_a_device_dataset_holds_the_pool_and_what_was_left_to_the_device(run: Run) -> None:
    pool = ExamplePool(run)
    assert "coarse" not in opened(pool, 0)
    assert "coarse" in ExamplePool(run, held_out=True)(0)
    at_once, by_and_by = DeviceDataset(pool, CPU), DeviceDataset(pool, CPU)
    for known in (2, 5):
        by_and_by.take(known)
    at_once.take(5)
    assert BLOCK > 5
    batch = at_once.batch(3)
    assert {name: plane.shape[1] for name, plane in batch.items()} == {
        "image": 3, "alpha": 1, "foreground": 3, "background": 3, "plate": 3, "trimap": 1, "coarse": 1,
    }  # fmt: skip
    assert all(torch.equal(plane, batch[name]) for name, plane in by_and_by.batch(3).items())
    kept = unpacked(stacked([opened(pool, index) for index in range(5)]), CPU)
    for name, plane in kept.items():
        shelved = unpacked({name: at_once.planes[name]}, CPU)[name]
        torch.testing.assert_close(shelved, plane, atol=1e-3 if name == "alpha" else 0, rtol=0)


def test_a_device_dataset_grows_with_a_pool_that_becomes_larger_than_was_planned(run: Run) -> None:
    planned, at_once = DeviceDataset(ExamplePool(replace(run, data=replace(run.data, pool=2))), CPU), DeviceDataset(ExamplePool(run), CPU)
    for known in (2, 5):
        planned.take(known)
    at_once.take(5)
    assert all(torch.equal(planes, at_once.planes[name]) for name, planes in planned.planes.items())


def test_a_training_from_a_device_dataset_taken_up_again_ends_with_the_same_weights(run: Run, tmp_path: Path) -> None:
    fill(ExamplePool(run, held_out=True), 1, workers=0, report=lambda done, count: None)
    runs = [replace(run, folder=str(tmp_path / name)) for name in ("straight", "again")]
    for copy in runs:
        for part in ("pool", "validation"):
            shutil.copytree(Path(run.folder) / part, Path(copy.folder) / part)
    straight = loop.train(runs[0], CPU)
    (Path(runs[1].folder) / "checkpoints").mkdir()
    shutil.copy(straight.checkpoints / "step-00000002.pt", Path(runs[1].folder) / "checkpoints")
    again = loop.train(runs[1], CPU)
    assert checkpoint.newest(again.checkpoints)["step"] == 4
    weights = again.network.state_dict()
    assert all(torch.equal(weights[name], weight) for name, weight in straight.network.state_dict().items())


def test_a_device_dataset_without_a_pool_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(RUN.format(folder=tmp_path).replace("pool = 5, ", ""))
    with pytest.raises(InputError, match=r"data\.on_device needs a pool"):
        settings.read(path)
