"""Exports in the cache are what they were when they were made; and what loading does to one for a GPU's sake, without one."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from mattecli.core import export, random_weights, store
from mattecli.core.registry import registry
from mattecli.core.runtime import load_model, open_model, pick_device
from mattecli.errors import ModelError


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm, self.last = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.BatchNorm2d(8)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.norm(self.convolution(image))))


def _suited(dtype: torch.dtype) -> export.Module:
    network = Normed().eval()
    nn.init.constant_(network.norm.running_var, 1e6)  # more than float16 can say
    nn.init.constant_(network.norm.weight, 1e3)
    module = export.script(network)
    export.suit_gpu(module, dtype)
    return module


def test_weights_are_halved_and_norms_are_not() -> None:
    state = _suited(torch.float16).state_dict()
    assert {name: value.dtype for name, value in state.items() if "num_batches" not in name} == {
        "convolution.weight": torch.float16,
        **{f"{norm}.{part}": torch.float32 for norm in ("norm", "last") for part in ("weight", "bias", "running_mean", "running_var")},
    }
    assert state["norm.running_var"].eq(1e6).all()


def test_folded_weights_have_their_channels_together_and_are_finite() -> None:
    module = _suited(torch.float16)
    unscaled = module.state_dict()["convolution.weight"].float()
    convolution = next(node for node in export.freeze(module).graph.nodes() if node.kind() == "aten::conv2d")
    weight = list(convolution.inputs())[1].toIValue()
    assert weight.dtype == torch.float16 and weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(weight.float(), unscaled, rtol=1e-3, atol=1e-4)  # times 1e3, over the root of 1e6


def test_freezing_without_folding_is_detected() -> None:
    assert sum(node.kind() == "aten::batch_norm" for node in export.freeze(_suited(torch.float32)).graph.nodes()) == 1  # the last one


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The export of closed-form in a cache of its own."""
    monkeypatch.setenv("MATTE_HOME", str(tmp_path / "home"))
    return export.export_file(registry().find("closed-form"))


def _damage(path: Path) -> None:
    """Set one sector in the middle of a file to 0xff, as failing disks do."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 512] = b"\xff" * 512
    path.write_bytes(content)


def test_an_export_that_was_altered_is_made_anew(exported: Path) -> None:
    whole = exported.read_bytes()
    _damage(exported)
    assert not store.export_is_sound(exported)
    assert export.export_file(registry().find("closed-form")) == exported
    assert store.export_is_sound(exported) and len(exported.read_bytes()) == len(whole)


def test_an_export_that_is_sound_is_not_made_again(exported: Path) -> None:
    before = exported.stat().st_mtime_ns
    export.export_file(registry().find("closed-form"))
    assert exported.stat().st_mtime_ns == before


def test_removing_a_model_removes_what_lies_beside_its_export(exported: Path) -> None:
    assert store.remove(registry().find("closed-form")) == [exported]
    assert list(exported.parent.iterdir()) == []


FULL_DISK = """
import resource, signal
from mattecli.core import export
from mattecli.core.registry import registry
from mattecli.errors import OutputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
try:
    export.export_file(registry().find("closed-form"))
except OutputError as error:
    print(error)
"""


def test_no_room_for_an_export_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTE_HOME", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", FULL_DISK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "cannot be written" in done.stdout and "free some space" in done.stdout
    assert [path.name for path in (tmp_path / "exports").iterdir() if path.suffix != ".lock"] == []


def test_what_is_made_of_an_export_for_a_cpu_is_kept_and_computes_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTE_HOME", str(tmp_path))
    spec, cpu = registry().find("subject"), pick_device("cpu")
    image = torch.rand(1, 3, 64, 80)
    first = open_model(spec, device=cpu)(image, {})[0]
    (kept,) = (tmp_path / "exports").glob("*.quick")
    made = kept.stat().st_mtime_ns
    monkeypatch.setattr(export, "freeze", lambda module: pytest.fail("it is frozen already"))
    assert torch.equal(open_model(spec, device=cpu)(image, {})[0], first) and kept.stat().st_mtime_ns == made
    monkeypatch.undo()
    monkeypatch.setenv("MATTE_HOME", str(tmp_path))
    kept.write_bytes(kept.read_bytes()[:-1] + b"?")
    assert torch.equal(open_model(spec, device=cpu)(image, {})[0], first), "what was altered is made again"
    store.remove(spec)
    assert not list((tmp_path / "exports").glob("*.quick*"))


def test_weights_of_this_project_may_want_other_options_than_their_network_s_defaults(tmp_path: Path) -> None:
    ours = replace(registry().find("fdm@authors"), weights="ours-2000-01", options={"side": 64})
    with torch.random.fork_rng(devices=[]):
        export.export(random_weights.build_random(ours), tmp_path / "fdm.pt", export.info_for(ours, None))
    model = load_model(tmp_path / "fdm.pt", device=pick_device("cpu"))
    image = torch.rand(1, 3, 50, 40)
    alone, small, authors = (model(image, {}, options)[0] for options in ({}, {"side": 64}, {"side": 128}))
    assert torch.equal(alone, small) and not torch.equal(alone, authors)


def test_options_that_are_not_those_of_the_code_are_refused(tmp_path: Path) -> None:
    strange = replace(registry().find("fdm@authors"), options={"side": 64})
    with pytest.raises(ModelError, match="make them agree"):
        export.export(random_weights.build_random(strange), tmp_path / "fdm.pt", export.info_for(strange, None))
