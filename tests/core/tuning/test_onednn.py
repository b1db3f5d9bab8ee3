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
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU6(), nn.Conv2d(16, 4, 3, stride=2), nn.Hardtanh(-0.1, 0.1), nn.Conv2d(4, 1, 1)
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
    assert operators.count(onednn.OPERATOR) == 2 and operators.count(onednn.MATRIX_OPERATOR) == 1 and "aten::conv2d" not in operators


@pytest.mark.parametrize(("channels", "kernel", "bias"), [(1, (5, 5), False), (2, (3, 3), True), (3, (1, 3), True), (6, (3, 3), False)])
@pytest.mark.parametrize("width", [16, 24, 17, 5])
def test_few_channels_are_computed_for_several_pixels_at_once(channels: int, kernel: tuple[int, int], bias: bool, width: int) -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(5, channels, kernel, padding=(kernel[0] // 2, kernel[1] // 2), bias=bias)
    network = nn.Sequential(layer, nn.Hardtanh(-0.2, 0.3))
    module = torchscript.made_quick(torchscript.script(network), device=CPU, dtype=torch.float32)
    assert "prim::If" in [node.kind() for node in module.graph.nodes()]
    image = torch.rand(2, 5, 7, width).contiguous(memory_format=torch.channels_last)
    with torchscript.quiet, torch.inference_mode():
        found = module(image)
        assert torch.allclose(found, network(image), atol=1e-6)
    assert found.stride() == torch.empty_like(found, memory_format=torch.channels_last).stride()


@pytest.mark.parametrize("size", [(1, 1), (7, 9)])
def test_convolutions_of_single_pixels_are_products_of_matrices(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(20, 33, 1, bias=False), nn.ReLU6(), nn.Conv2d(33, 2, 1))
    module = torchscript.made_quick(torchscript.script(network), device=CPU, dtype=torch.float32)
    operators = [node.kind() for node in module.graph.nodes()]
    assert operators.count(onednn.MATRIX_OPERATOR) == 2 and onednn.OPERATOR not in operators
    image = torch.rand(2, 20, *size)
    with torchscript.quiet, torch.inference_mode():
        assert torch.allclose(module(image), network(image), atol=1e-5)


@pytest.mark.parametrize(
    ("channels", "kernel", "stride", "padding", "dilation", "pixels"),
    [
        (1, 3, 1, 1, 1, 8),
        (3, 5, 1, 2, 1, 4),
        (8, 3, 1, 1, 1, 2),
        (9, 3, 1, 1, 1, 1),
        (1, 1, 1, 0, 1, 1),
        (1, 3, 2, 1, 1, 1),
        (1, 3, 1, 0, 1, 1),
        (1, 3, 1, 2, 2, 1),
    ],
)
def test_as_many_pixels_as_fill_a_register_where_the_width_is_kept(
    channels: int, kernel: int, stride: int, padding: int, dilation: int, pixels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onednn, "channels_at_once", lambda: 16)
    weight = torch.ones(channels, 4, kernel, kernel)
    assert onednn.pixels_at_once(weight, None, [stride] * 2, [padding] * 2, [dilation] * 2, 1) == pixels


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


@pytest.mark.parametrize("missing", ["OPERATOR", "MATRIX_OPERATOR", "the way to insert them"])
def test_a_torch_without_the_private_operators_runs_exports_unfused(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing.isupper():
        monkeypatch.setattr(onednn, missing, "mkldnn::_gone")
    else:
        monkeypatch.delattr(torch._C, "parse_ir")
    module, operators = _loaded()
    image = torch.rand(1, 3, 17, 12)
    with torchscript.quiet, torch.inference_mode():
        assert torch.equal(module(image), torchscript.freeze(torchscript.script(_network()))(image))
    assert "aten::conv2d" in operators
