"""What loading does to an export for a GPU's sake; none is needed to look at it."""

import torch
from torch import nn

from mattecli.core import export


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


def test_a_freezing_that_folds_nothing_would_be_seen() -> None:
    assert sum(node.kind() == "aten::batch_norm" for node in export.freeze(_suited(torch.float32)).graph.nodes()) == 1  # the last one
