"""Models with random weights are reproducible and never used as the real ones."""

from pathlib import Path

import pytest
import torch

from mattecli.core import export, store
from mattecli.core.contract import read_info
from mattecli.core.random_weights import build_random, random_export
from mattecli.core.registry import registry
from mattecli.errors import ModelError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTE_HOME", str(tmp_path))


def test_random_weights_are_reproducible_and_leave_the_callers_generator_alone() -> None:
    spec = registry().find("fdm")
    one = build_random(spec).state_dict()
    torch.manual_seed(5)
    state = torch.get_rng_state()
    two = build_random(spec).state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert torch.equal(torch.get_rng_state(), state)


def test_an_export_with_random_weights_is_marked_kept_apart_and_removed_with_the_model() -> None:
    spec = registry().find("fdm")
    path = random_export(spec)
    assert read_info(path).name == "fdm (random weights)" and path.parent.name == "random"
    before = path.stat().st_mtime_ns
    assert random_export(spec) == path and path.stat().st_mtime_ns == before
    with pytest.raises(ModelError, match="not installed"):
        export.export_file(spec)
    assert not store.is_installed(spec)
    assert store.remove(spec) == [path]
