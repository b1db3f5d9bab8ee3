"""Norms that exist only while a network learns."""

import pytest
import torch
from torch import nn

from mattecli.nets import dim
from training.networks import task_of
from training.norms import folded

BUILD = {"skips": True, "refines": True, "kernel": 1, "fit": "pad", "width": 0.125}


@pytest.fixture
def taught() -> nn.Module:
    """A network whose norms have seen something."""
    torch.manual_seed(0)
    network = task_of("dim").build(BUILD).eval()
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2.0)
            nn.init.normal_(part.weight)
            nn.init.normal_(part.bias)
    return network


def test_folding_norms_keeps_the_outputs(taught: nn.Module) -> None:
    plain = dim.build(**BUILD).eval()
    plain.load_state_dict(folded(taught.state_dict()))
    picture = torch.randn(1, 4, 64, 64)
    with torch.inference_mode():
        for with_norms, without in zip(taught(picture), plain(picture), strict=True):
            torch.testing.assert_close(with_norms, without, atol=1e-5, rtol=0)


def test_weights_of_a_network_without_such_norms_stay_as_they_are() -> None:
    weights = {"layer.weight": torch.ones(1), "norm.weight": torch.ones(1), "norm.running_mean": torch.ones(1)}
    assert folded(weights) == weights
