"""Modules are brought onto a GPU in the order and precision it is fast with, and errors from inside them are this program's."""

import pytest
import torch
from torch import nn

from mattecli.core import torchscript
from mattecli.errors import DeviceError, OutOfMemoryError, UsageError


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm, self.last = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.BatchNorm2d(8)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.norm(self.convolution(image))))


def _suited(dtype: torch.dtype) -> torchscript.Module:
    network = Normed().eval()
    nn.init.constant_(network.norm.running_var, 1e6)  # more than float16 can say
    nn.init.constant_(network.norm.weight, 1e3)
    module = torchscript.script(network)
    torchscript.lower(module, dtype)
    return module


def test_weights_become_half_precision_and_norms_do_not() -> None:
    state = _suited(torch.float16).state_dict()
    assert {name: value.dtype for name, value in state.items() if "num_batches" not in name} == {
        "convolution.weight": torch.float16,
        **{f"{norm}.{part}": torch.float32 for norm in ("norm", "last") for part in ("weight", "bias", "running_mean", "running_var")},
    }
    assert state["norm.running_var"].eq(1e6).all()


def test_folded_weights_have_their_channels_together_and_are_finite() -> None:
    module = _suited(torch.float16)
    unscaled = module.state_dict()["convolution.weight"].float()
    convolution = next(node for node in torchscript.freeze(module).graph.nodes() if node.kind() == "aten::conv2d")
    weight = list(convolution.inputs())[1].toIValue()
    assert weight.dtype == torch.float16 and weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(weight.float(), unscaled, rtol=1e-3, atol=1e-4)  # times 1e3, over the root of 1e6


def test_freezing_without_folding_is_detected() -> None:
    assert sum(node.kind() == "aten::batch_norm" for node in torchscript.freeze(_suited(torch.float32)).graph.nodes()) == 1  # the last one


class Choosy(torch.nn.Module):
    def forward(self, mode: str) -> torch.Tensor:
        if mode != "good":
            raise UsageError(f"there is no mode {mode}; take good")
        return torch.zeros(1)


def test_errors_raised_by_an_export_keep_their_message() -> None:
    with pytest.raises(UsageError, match=r"^there is no mode bad; take good$"), torchscript.running():
        torchscript.script(Choosy())("bad")


def test_out_of_memory_is_reported() -> None:
    with pytest.raises(DeviceError, match="more memory than there is"), torchscript.running():
        torch.empty(1 << 60, dtype=torch.uint8)


def test_out_of_gpu_memory_within_an_export_is_reported() -> None:
    for said in ("CUDA out of memory. Tried to allocate 2.00 GiB", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"):
        with pytest.raises(OutOfMemoryError, match="more memory than there is"), torchscript.running():
            raise RuntimeError(f"The following operation failed in the TorchScript interpreter.\nRuntimeError: {said}")


def test_modules_run_unoptimised_within_the_block_only() -> None:
    before = torch._C._get_graph_executor_optimize()
    with torchscript.as_written():
        assert not torch._C._get_graph_executor_optimize()
    assert torch._C._get_graph_executor_optimize() == before
