"""HAttMatting has no reference to compare with: it is held to its paper and to the counts in shared/golden/hattmatting/facts.md."""

import pytest
import torch
from torch import Tensor

from mattecli.core import torchscript
from mattecli.nets.hattmatting import Distillation, Filtration, HAttMatting, build, wrap


def parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.fixture(scope="module")
def network() -> HAttMatting:
    """The smaller backbone, with random weights."""
    torch.manual_seed(0)
    return build(width_per_group=4)


def random(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def test_the_number_of_parameters_is_the_recorded_one() -> None:
    with torch.device("meta"):
        full, one_gate, narrow = build(), build(gates=1), build(width_per_group=4)
    parts = {name: parameters(part) for name, part in full.named_children()}
    assert parts == {"backbone": 86_742_336, "pyramid": 15_535_104, "distillation": 8_464, "filtration": 3_153_665}
    assert [parameters(variant) for variant in (full, one_gate, narrow)] == [105_439_569, 105_308_754, 60_825_937]


def test_alpha_has_the_size_of_the_image_and_gradients_reach_every_parameter(network: HAttMatting) -> None:
    alpha = network.train()(random(2, 3, 48, 40))
    assert alpha.shape == (2, 1, 48, 40) and alpha.min() > 0 and alpha.max() < 1
    (alpha * random(2, 1, 48, 40)).sum().backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.any()] == []


@pytest.mark.parametrize("channels", [256, 64])
def test_the_script_computes_what_the_network_computes(network: HAttMatting, channels: int) -> None:
    image = random(1, 3, 21, 34)
    network = network if channels == 256 else build(width_per_group=1, gates=64, channels=channels)
    wrapped = wrap(network).eval()
    with torch.inference_mode():
        torch.testing.assert_close(torchscript.script(wrapped)(image)[0], wrapped(image)[0])


def test_a_closed_channel_gate_takes_the_semantics_out_of_the_pyramid() -> None:
    distillation = Distillation(256)
    pyramid = random(1, 256, 4, 6)
    assert distillation.gate(pyramid).min() > 0 and distillation.gate(pyramid).max() < 1
    distillation.shared[2].bias.data.fill_(-1e4)
    assert not distillation(pyramid).any()


def test_the_two_paths_of_the_spatial_gate_are_each_others_mirror() -> None:
    filtration = Filtration(256, 1).eval()
    for row, column in zip(filtration.rows_first, filtration.columns_first, strict=True):
        column[0].weight.data = row[0].weight.data.transpose(2, 3)
    semantics = random(1, 256, 9, 12)
    torch.testing.assert_close(filtration.columns_first(semantics.transpose(2, 3)), filtration.rows_first(semantics).transpose(2, 3))
    gate = filtration.gate(semantics)
    assert gate.shape == (1, 1, 9, 12) and gate.min() > 0 and gate.max() < 1
