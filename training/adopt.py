"""Converts the published small U2-Net to a state dict of nets/subject.py, from which a training can start.

Its ONNX file (u2netp.onnx, Apache-2.0, github.com/xuebinqin/U-2-Net by way of github.com/danielgatis/rembg) holds the convolutions with
their batch norms folded in, in the order in which they run, which is the order in which ours run; the verdict has a layer of its own.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from mattecli.errors import InputError
from mattecli.nets import subject
from training import checkpoint


def adopt(onnx_file: Path, destination: Path) -> dict[str, str | int]:
    """Write the state dict; returns its path and the number of published tensors. Raises InputError for another network's file."""
    network = subject.build().eval()
    published = _convolutions(onnx_file)
    ours = _in_order(network)
    if [tuple(layer.weight.shape) for layer in ours] != [tuple(weight.shape) for weight, _ in published]:
        raise InputError(f"{onnx_file} is not the small U2-Net; give u2netp.onnx")
    with torch.no_grad():
        for layer, (weight, bias) in zip(ours, published, strict=True):
            layer.weight.copy_(weight)
            if layer.bias is not None:
                layer.bias.copy_(bias)
    destination.parent.mkdir(parents=True, exist_ok=True)
    state = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("verdict.")}
    checkpoint.write(state, destination)
    return {"path": str(destination), "tensors": len(state)}


def _convolutions(onnx_file: Path) -> list[tuple[Tensor, Tensor]]:
    """Weight and bias of each convolution, those of the sides and of the fusion last, as we run them."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(onnx_file)).graph
    tensors = {entry.name: torch.from_numpy(numpy_helper.to_array(entry).copy()) for entry in graph.initializer}
    names = [(node.input[1], node.input[2]) for node in graph.node if node.op_type == "Conv"]
    last = [pair for pair in names if pair[0].startswith(("side", "outconv"))]
    ordered = [pair for pair in names if pair not in last] + sorted(last, key=lambda pair: (pair[0].startswith("outconv"), pair[0]))
    return [(tensors[weight], tensors[bias]) for weight, bias in ordered]


def _in_order(network: nn.Module) -> list[nn.Conv2d]:
    """The network's convolutions as they run; see `_convolutions`."""
    ran: list[nn.Conv2d] = []
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    hooks = [layer.register_forward_hook(lambda layer, given, answer: ran.append(layer)) for layer in layers]
    with torch.no_grad():
        network(torch.zeros(1, 3, 64, 64))
    for hook in hooks:
        hook.remove()
    return ran
