"""A training from its settings to the file that is shipped, with the project's own network on tiny examples."""

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mattecli.errors import InputError, MatteError, ModelError
from mattecli.nets import fusion
from training import checkpoint, loop, settings
from training.__main__ import main
from training.augment import augmented
from training.networks import TASKS, check_losses, task_of
from training.pool import Batches, ExamplePool, opened, unpacked
from training.settings import Augment, Run
from training.ship import _half
from training.state import begun, save

RUNS = sorted((Path(loop.__file__).parent / "runs").glob("*.toml"))

TINY = """
network = "fusion"
folder = "{folder}"
seed = 3
steps = {steps}
batch = 4
losses = {{ alpha = 1.0, laplacian = 0.5 }}
data = {{ size = 48, pool = 4, validation = 2 }}
augment = {{ flip = false, colour = 0 }}
optimiser = {{ rate = 2e-3, warmup = 2, average = 0.9 }}
keep = {{ checkpoint_minutes = 0, checkpoint_steps = 3, log = 5, validate = 30 }}
engine = {{ shares = {{ solid = 1.0 }} }}
"""
CPU = torch.device("cpu")


def tiny(folder: Path, *, steps: int = 30) -> Path:
    """A run's file: every step takes the same four examples as they are."""
    path = folder / "run.toml"
    path.write_text(TINY.format(folder=folder / "out", steps=steps))
    return path


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run's file and its pool."""
    folder = tmp_path_factory.mktemp("drawn")
    assert main(["draw", str(tiny(folder))]) == 0
    return folder


@pytest.fixture(scope="module")
def trained(drawn: Path) -> Path:
    """The same after thirty steps."""
    assert main(["train", str(drawn / "run.toml")]) == 0
    return drawn


def copy_of(drawn: Path, folder: Path, *, steps: int) -> Run:
    """A run in a folder of its own, with the pool and the held-out examples of another."""
    for name in ("pool", "validation"):
        shutil.copytree(drawn / "out" / name, folder / "out" / name, dirs_exist_ok=True)
    return settings.read(tiny(folder, steps=steps))


def records(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "out" / "log.jsonl").read_text().splitlines()]


def test_thirty_steps_lower_the_loss(trained: Path) -> None:
    losses = [record["loss"] for record in records(trained) if "loss" in record]
    assert len(losses) == 6
    assert losses[-1] < 0.7 * losses[0]


def test_a_validation_measures_the_network_against_what_it_begins_with_and_shows_both(trained: Path) -> None:
    (found,) = [record["validation"] for record in records(trained) if "validation" in record]
    kept = [opened(ExamplePool(settings.read(trained / "run.toml"), held_out=True), index) for index in range(2)]
    errors = [np.abs(one["coarse"] / 65535 - one["alpha"] / 65535)[one["trimap"] == 1] for one in kept]
    assert found["coarse"]["sad"] == pytest.approx(np.mean([error.sum() for error in errors]) / 1000, rel=1e-5)
    assert found["coarse"]["mse"] == pytest.approx(np.mean([np.square(error).mean() for error in errors]), rel=1e-5)
    assert 0 < found["ours"]["sad"] != found["coarse"]["sad"]
    picture = cv2.imread(str(trained / "out" / "validation-00000030.png"))
    assert picture.shape[1] == 5 * 48
    assert picture.shape[0] > 2 * 48


def test_a_training_taken_up_again_ends_with_the_same_weights_to_the_last_bit(trained: Path, tmp_path: Path) -> None:
    varied = {"batch": 2, "augment": Augment(crop=32, turn=True)}
    straight = loop.train(replace(copy_of(trained, tmp_path / "straight", steps=6), **varied), CPU)
    assert [path.name for path in checkpoint.found(straight.checkpoints)] == ["step-00000003.pt", "step-00000006.pt"]
    broken_off = replace(copy_of(trained, tmp_path / "again", steps=6), **varied)
    folder = tmp_path / "again" / "out" / "checkpoints"
    folder.mkdir()
    shutil.copy(straight.checkpoints / "step-00000003.pt", folder)
    torch.rand(7)  # whatever else drew random numbers
    again = loop.train(broken_off, CPU)
    for module in ("network", "average"):
        one, other = getattr(straight, module).state_dict(), getattr(again, module).state_dict()
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_settings_that_were_changed_in_between_are_in_force(drawn: Path, tmp_path: Path) -> None:
    run = copy_of(drawn, tmp_path, steps=1)
    loop.train(run, CPU)
    again = begun(replace(run, optimiser=replace(run.optimiser, decay=0.5)), CPU)
    assert again.step == 1 and [group["weight_decay"] for group in again.optimiser.param_groups] == [0.5]


def test_a_damaged_example_is_named(drawn: Path, tmp_path: Path) -> None:
    pool = ExamplePool(copy_of(drawn, tmp_path, steps=1))
    whole = pool.path(0).read_bytes()
    pool.path(0).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"000000\.npz is damaged"):
        opened(pool, 0)


def test_a_training_out_of_time_leaves_its_state(trained: Path, tmp_path: Path) -> None:
    run = replace(copy_of(trained, tmp_path, steps=100000), minutes=1e-4)
    state = loop.train(run, CPU)
    assert 0 < state.step < 100
    assert checkpoint.newest(state.checkpoints)["step"] == state.step


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_for_an_end_and_does_not_force_it(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with loop.stop_asked(0) as stops:
        assert not stops()
        os.kill(os.getpid(), number)
        assert stops()
    assert signal.getsignal(number) is before


def test_what_is_shipped_loads_into_the_network(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = trained / "weights.pt"
    assert main(["ship", str(trained / "run.toml"), str(out)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["bytes"] == out.stat().st_size < 2.2 * told["parameters"]
    weights = torch.load(out, weights_only=True)
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}
    network = fusion.build()
    network.load_state_dict(fusion.convert(weights))
    kept = checkpoint.newest(trained / "out" / "checkpoints")["average"]
    assert all(torch.equal(kept[key].half().float(), value) for key, value in network.state_dict().items())


def test_a_variance_beyond_half_precision_is_shipped_whole_and_a_weight_is_refused() -> None:
    large = torch.full((2,), 1e6)
    assert torch.equal(_half("norm.running_var", large), large)
    with pytest.raises(ModelError, match="leaves the range of float16"):
        _half("conv.weight", large)


def test_the_mean_with_earlier_weights_can_be_shipped(trained: Path, tmp_path: Path) -> None:
    average = checkpoint.newest(trained / "out" / "checkpoints")["average"]
    torch.save({name: torch.zeros_like(tensor) for name, tensor in average.items()}, tmp_path / "zeros.pt")
    arguments = ["ship", str(trained / "run.toml"), str(tmp_path / "mean.pt"), "--earlier"]
    assert main([*arguments, str(tmp_path / "zeros.pt")]) == 0
    mean = torch.load(tmp_path / "mean.pt", weights_only=True)
    assert all(torch.equal(mean[name], (tensor / 2).half()) for name, tensor in average.items())
    torch.save({"other": torch.zeros(1)}, tmp_path / "other.pt")
    assert main([*arguments, str(tmp_path / "other.pt")]) != 0


def test_a_wider_network_starts_with_the_outputs_of_a_narrower_one(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = torch.randn(1, fusion.CUES, 32, 48, generator=torch.Generator().manual_seed(0))
    with monkeypatch.context() as patched:
        patched.setattr(fusion, "WIDTHS", (8, 16, 16, 24))
        narrow = fusion.build()
    torch.nn.init.normal_(narrow.head.weight)
    torch.nn.init.normal_(narrow.down_half.second.weight)
    torch.save(narrow.state_dict(), tmp_path / "narrow.pt")
    run = replace(settings.read(drawn / "run.toml"), folder=str(tmp_path / "new"), start=str(tmp_path / "narrow.pt"))
    with torch.inference_mode():
        torch.testing.assert_close(begun(run, CPU).network(seen), narrow(seen), atol=1e-3, rtol=0)


def staged(folder: Path) -> Path:
    """A run of two stages of two steps, the second with another rate and the mean of both ends."""
    path = tiny(folder, steps=2)
    path.write_text(f"{path.read_text()}\n[[stages]]\n[[stages]]\nmean = '{folder}/out/1/shipped.pt'\noptimiser.rate = 1e-3\n")
    return path


def test_a_run_of_stages_goes_from_pictures_to_what_is_shipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = staged(tmp_path)
    assert main(["run", str(path), "--out", str(tmp_path / "all.pt")]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == str(tmp_path / "all.pt")
    first, last = (torch.load(tmp_path / name, weights_only=True) for name in ("out/1/shipped.pt", "all.pt"))
    end = checkpoint.newest(tmp_path / "out" / "2" / "checkpoints")["average"]
    assert all(torch.equal(last[name], ((end[name] + tensor.float()) / 2).half()) for name, tensor in first.items())
    assert (tmp_path / "out" / "2" / "shipped.pt").read_bytes() == (tmp_path / "all.pt").read_bytes()


def test_a_stage_overrides_only_the_settings_it_names(tmp_path: Path) -> None:
    first, second = settings.read_stages(staged(tmp_path))
    assert (first.optimiser.rate, second.optimiser.rate, second.optimiser.warmup) == (2e-3, 1e-3, 2)
    assert (first.start, second.start) == ("", f"{tmp_path}/out/1/shipped.pt")
    assert settings.read(tmp_path / "run.toml", 2) == second


@pytest.mark.parametrize(("stage", "told"), [(None, "has 2 stages; say which with --stage"), (3, "no stage 3; it has 1 to 2")])
def test_a_missing_stage_is_refused(tmp_path: Path, stage: int | None, told: str) -> None:
    with pytest.raises(InputError, match=told):
        settings.read(staged(tmp_path), stage)


def test_weights_that_are_no_numbers_are_not_kept(trained: Path, tmp_path: Path) -> None:
    state = begun(copy_of(trained, tmp_path, steps=6), CPU)
    with torch.no_grad():
        next(state.network.parameters()).fill_(float("nan"))
    with pytest.raises(MatteError, match="no longer numbers"):
        save(state)
    assert checkpoint.newest(state.checkpoints) is None


def test_examples_that_are_there_are_not_drawn_again_and_missing_ones_come_out_the_same(drawn: Path) -> None:
    first, second = (drawn / "out" / "pool" / f"00000{index}.npz" for index in range(2))
    before, kept = first.read_bytes(), second.stat().st_mtime_ns
    first.unlink()
    assert main(["draw", str(drawn / "run.toml")]) == 0
    assert first.read_bytes() == before
    assert second.stat().st_mtime_ns == kept


def test_a_pool_is_not_mixed_with_examples_of_other_settings(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = drawn / "other.toml"
    other.write_text((drawn / "run.toml").read_text().replace("seed = 3", "seed = 4"))
    assert main(["draw", str(other)]) == 1
    assert "other settings" in capsys.readouterr().err


def test_a_batch_holds_what_the_task_asks_for_and_augmentation_keeps_it_true(drawn: Path) -> None:
    run = settings.read(drawn / "run.toml")
    batch = unpacked(Batches(ExamplePool(run), 4)[0], CPU)
    assert {name: plane.shape[1] for name, plane in batch.items()} == {
        "image": 3, "alpha": 1, "foreground": 3, "background": 3, "trimap": 1, "coarse": 1,
    }  # fmt: skip
    alpha, background = batch["alpha"], batch["background"]
    batch["image"] = background + alpha * (batch["foreground"] - background)
    again = augmented(batch, Augment(crop=32, turn=True, colour=0.8), torch.Generator().manual_seed(5))
    assert again["image"].shape == (4, 3, 32, 32)
    assert set(again["trimap"].unique().tolist()) <= {0.0, 0.5, 1.0}
    composed = again["background"] + again["alpha"] * (again["foreground"] - again["background"])
    assert torch.allclose(composed, again["image"], atol=1e-6)
    assert (again["trimap"] == 0.5).flatten(1).any(1).all()


def test_held_out_examples_are_others(drawn: Path) -> None:
    run = settings.read(drawn / "run.toml")
    assert not np.array_equal(ExamplePool(run)(0)["image"], ExamplePool(run, held_out=True)(0)["image"])


@pytest.mark.parametrize(
    ("said", "instead", "told"),
    [
        ("steps = 9", "", "steps must be set"),
        ("steps = 9", "stepps = 9", "no setting 'stepps'; did you mean steps"),
        ("steps = 9", 'steps = "9"', "steps must be a whole number"),
        ("rate = 2e-3", "rte = 2e-3", "optimiser: there is no setting 'rte'; did you mean rate"),
        ("solid", "unicorn", "unicorn"),
        ("steps = 9", "steps = 0", "1 or more"),
        ("seed = 3", 'precision = "float8"', "there are float32, float16, bfloat16"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_its_name(said: str, instead: str, told: str, tmp_path: Path) -> None:
    path = tiny(tmp_path, steps=9)
    path.write_text(path.read_text().replace(said, instead))
    with pytest.raises(InputError, match=told):
        settings.read(path)


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_a_run_file_can_be_read_and_weighs_losses_that_there_are(path: Path) -> None:
    for run in settings.read_stages(path):
        check_losses(run.network, run.losses)
        assert run.network in TASKS


@pytest.mark.parametrize(
    ("network", "build"),
    [("fusion-plate", {}), ("bgmv2", {"refine": False}), ("bgmv2", {"refine": True}), ("sim", {"width": 0.125})],
    ids=["fusion-plate", "bgmv2-base", "bgmv2", "sim"],
)
def test_a_task_teaches_every_weight_of_its_network(network: str, build: dict[str, bool], drawn: Path) -> None:
    run = settings.read(drawn / "run.toml")
    run = replace(run, network=network, data=replace(run.data, size=64), batch=2)
    batch = unpacked(Batches(ExamplePool(run), 0)[0], CPU)
    task = task_of(network)
    student = task.build(build).train()
    terms = task.terms(task.answer(student, batch), batch)
    assert set(terms) <= set(task.terms_known)
    sum(terms.values()).backward()
    untaught = {name for name, weight in student.named_parameters() if weight.grad is None}
    assert all("conv_up4_attn" in name for name in untaught), "sim's weight maps, which only its authors' training uses"
