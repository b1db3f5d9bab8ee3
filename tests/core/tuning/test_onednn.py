"""Fused convolutions compute what plain ones do, and a torch without the private operator runs exports unfused."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from mattecli.core import torchscript
from mattecli.core.tuning import onednn

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    onednn.has_operator.cache_clear()
    yield
    onednn.has_operator.cache_clear()


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU6(), nn.Conv2d(8, 4, 3, stride=2), nn.Hardtanh(-0.1, 0.1), nn.Conv2d(4, 1, 1)
    )


def _loaded(dtype: torch.dtype = torch.float32) -> tuple[torchscript.Module, list[str]]:
    """The network as an export is loaded, and the operators in it."""
    module = torchscript.made_quick(torchscript.script(_network()), device=CPU, dtype=dtype)
    return module, [node.kind() for node in module.graph.nodes()]


def test_fused_convolutions_compute_what_plain_ones_do() -> None:
    module, operators = _loaded()
    image = torch.rand(1, 3, 17, 12)
    with torchscript.quiet, torch.inference_mode():
        assert torch.allclose(module(image), _network()(image), atol=1e-6)
    assert operators.count(onednn.OPERATOR) == 3 and "aten::conv2d" not in operators


@pytest.mark.parametrize("computes", [True, False])
def test_bf16_convolutions_are_fused_where_the_processor_computes_them(computes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if computes and not onednn.computes_bf16():
        pytest.skip("this processor does not compute in bfloat16")
    monkeypatch.setattr(onednn, "computes_bf16", lambda: computes)
    module, operators = _loaded(torch.bfloat16)
    image = torch.rand(1, 3, 17, 12)
    with torchscript.quiet, torch.inference_mode():
        found = module(image.bfloat16())
        assert found.dtype == torch.bfloat16 and torch.allclose(found.float(), _network()(image), atol=0.01)
    assert operators.count(onednn.OPERATOR) == (3 if computes else 0)


@pytest.mark.parametrize("missing", ["the operator", "the way to insert it"])
def test_a_torch_without_the_private_operator_runs_exports_unfused(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing == "the operator":
        monkeypatch.setattr(onednn, "OPERATOR", "mkldnn::_gone")
    else:
        monkeypatch.delattr(torch._C, "parse_ir")
    module, operators = _loaded()
    image = torch.rand(1, 3, 17, 12)
    with torchscript.quiet, torch.inference_mode():
        assert torch.equal(module(image), torchscript.freeze(torchscript.script(_network()))(image))
    assert "aten::conv2d" in operators
