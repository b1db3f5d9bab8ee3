"""Which calls can be recorded is known from doing one, on any device. The recordings themselves need a GPU (test_cuda.py)."""

from pathlib import Path

import pytest
import torch

from mattecli.core import export, torchscript
from mattecli.core.contract import Tunable
from mattecli.core.random_weights import random_export
from mattecli.core.registry import registry
from mattecli.core.tuning.cuda_graphs import CALLS_BEFORE, makes_host_wait

CASES = [
    ("fdm-erd", {}, False),
    ("bgmv2", {}, False),
    ("bgmv2", {"mode": "thresholding", "threshold": 0.0}, True),
    ("closed-form", {}, True),
    ("fusion", {}, True),
    ("fusion-plate", {}, True),
]


@pytest.mark.parametrize(
    ("name", "options", "waits"), CASES, ids=[" ".join([name, *map(str, options.values())]) for name, options, _ in CASES]
)
def test_a_call_that_reads_a_value_on_the_host_is_detected(
    name: str, options: dict[str, Tunable], waits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATTE_HOME", str(tmp_path))
    spec = registry().models[name]
    module, _ = export.load(random_export(spec), device=torch.device("cpu"), dtype=torch.float32)
    image, trimap = torch.rand(1, 3, 32, 48), torch.full((1, 1, 32, 48), 0.5)
    trimap[..., :9], trimap[..., 40:] = 0, 1
    guides = {"trimap": trimap, "background": image.flip(3)}
    tensors = [image, *(guides[guide] for guide in spec.guides)]
    with torchscript.quiet, torch.inference_mode():
        for _ in range(CALLS_BEFORE):
            module(*tensors, **options)
        assert makes_host_wait(module, tensors, options) == waits


def test_an_index_of_bools_makes_the_host_wait_and_one_of_numbers_does_not() -> None:
    values = torch.arange(4.0)
    assert makes_host_wait(lambda tensor: tensor[tensor > 1], [values], {})
    assert not makes_host_wait(lambda tensor: tensor[tensor.long()] + tensor.where(tensor > 1, 0.0), [values], {})
