"""MODNet where it computes in another way than its authors' code."""

import pytest
import torch

from mattecli.core import torchscript
from mattecli.nets.modnet import EnlargingConvolution
from mattecli.nets.parts.ops import double


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("size", [(1, 3), (4, 6)])
def test_multiplying_before_enlarging_changes_rounding_alone(kernel: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    layer = EnlargingConvolution(10, 6, kernel).eval()
    features = torch.randn(2, 10, *size)
    quick = torchscript.made_quick(torchscript.script(layer), device=torch.device("cpu"), dtype=torch.float32)
    with torchscript.as_written(), torch.inference_mode():
        expected = layer.layers(double(features))
        assert torch.allclose(layer(features), expected, atol=1e-4)
        assert torch.allclose(quick(features), expected, atol=1e-4)


def test_training_enlarges_before_it_multiplies() -> None:
    torch.manual_seed(0)
    layer, features = EnlargingConvolution(10, 6, 5).train(), torch.randn(2, 10, 4, 6)
    assert torch.equal(layer(features), layer.layers(double(features)))
