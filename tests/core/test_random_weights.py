"""Stand-ins run like the model, are the same each time, and are never taken for it."""

from pathlib import Path

import pytest
import torch

from mattecli.core import export, store
from mattecli.core.contract import read_info
from mattecli.core.random_weights import build_standin, standin_file
from mattecli.core.registry import registry
from mattecli.errors import ModelError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTE_HOME", str(tmp_path))


def test_a_stand_in_has_the_same_weights_each_time_and_leaves_the_random_numbers_alone() -> None:
    spec = registry().find("fdm")
    one = build_standin(spec).state_dict()
    torch.manual_seed(5)
    state = torch.get_rng_state()
    two = build_standin(spec).state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_stand_in_says_what_it_is_lies_apart_and_goes_with_the_model() -> None:
    spec = registry().find("fdm")
    path = standin_file(spec)
    assert read_info(path).name == "fdm (stand-in)" and path.parent.name == "standins"
    before = path.stat().st_mtime_ns
    assert standin_file(spec) == path and path.stat().st_mtime_ns == before
    with pytest.raises(ModelError, match="not installed"):
        export.export_file(spec)
    assert not store.is_installed(spec)
    assert store.remove(spec) == [path]
