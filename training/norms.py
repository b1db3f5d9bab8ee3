"""Batch norms for training only: a network without any trains many times slower from random weights.

`with_norms` adds one after every convolution except the named ones; `folded` folds them into weights and biases, so that the shipped
network has its authors' architecture and the same outputs.
"""

from collections.abc import Collection

import torch
from torch import Tensor, nn

NORM = "training_norm"
EPSILON = 1e-5


class NormedConv(nn.Conv2d):
    """A convolution whose output is normalised over the batch, initialised with He's variances (He et al., ICCV 2015)."""

    def __init__(self, plain: nn.Conv2d) -> None:
        kernel, stride, padding = plain.kernel_size[0], plain.stride[0], int(plain.padding[0])
        super().__init__(plain.in_channels, plain.out_channels, kernel, stride, padding)
        self.training_norm = nn.BatchNorm2d(plain.out_channels, eps=EPSILON)
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")

    def forward(self, input: Tensor) -> Tensor:
        normed: Tensor = self.training_norm(super().forward(input))
        return normed


def with_norms(network: nn.Module, *, but: Collection[str]) -> nn.Module:
    """The network with a norm after each of its convolutions, except those named `but`."""
    plain = {name: part for name, part in network.named_modules() if isinstance(part, nn.Conv2d) and name not in but}
    for name, convolution in plain.items():
        parent, _, own = name.rpartition(".")
        setattr(network.get_submodule(parent), own, NormedConv(convolution))
    return network


def folded(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict without the norms of `with_norms`, which are folded into weights and biases as in evaluation mode."""
    result = {name: tensor for name, tensor in weights.items() if f".{NORM}." not in name}
    for name in [name.removesuffix(f".{NORM}.weight") for name in weights if name.endswith(f".{NORM}.weight")]:
        norm = {part: weights[f"{name}.{NORM}.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")}
        gain = norm["weight"] / torch.sqrt(norm["running_var"] + EPSILON)
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        result[f"{name}.weight"] = (weight.double() * gain[:, None, None, None]).to(weight)
        result[f"{name}.bias"] = ((bias.double() - norm["running_mean"]) * gain + norm["bias"]).to(bias)
    return result
