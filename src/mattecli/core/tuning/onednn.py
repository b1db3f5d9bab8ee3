"""Frozen exports on a CPU: convolutions are replaced by oneDNN's own operator, fused with the activation that follows.

TorchScript's convolutions call oneDNN as well, but in channels-first order, so each call reorders its input and output, and activations
make a further pass over memory. The operator used here is the one that torch.compile's CPU code calls: with channels-last weights it keeps
that order from one convolution to the next.
"""

import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor

# oneDNN's names.
ACTIVATIONS = {
    "aten::relu": "relu",
    "aten::relu_": "relu",
    "aten::relu6": "hardtanh",
    "aten::hardtanh": "hardtanh",
    "aten::hardtanh_": "hardtanh",
}

OPERATOR = "mkldnn::_convolution_pointwise"

# oneDNN caches a compiled kernel for every layer and picture size, 1024 by default: 60 to 120 MB that grow over hundreds of pictures of
# mixed sizes. The layers of two networks, for a few sizes, are fewer than this.
KERNELS_KEPT = 256


def keep_few_kernels() -> None:
    """Limit oneDNN's cache of kernels, unless the environment does. Has an effect only before the process's first convolution."""
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS_KEPT))


def is_possible(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether this torch has the operator for that device, and the processor computes in that type."""
    computes = dtype == torch.float32 or (dtype == torch.bfloat16 and computes_bf16())
    return device.type == "cpu" and computes and torch.backends.mkldnn.is_available() and has_operator()


def computes_bf16() -> bool:
    """Whether the processor multiplies bfloat16 itself (AVX-512 BF16 or AMX); others convert each number, which is slower than float32."""
    try:
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    except AttributeError:  # private to torch
        return False


@cache
def has_operator() -> bool:
    """Whether this torch has OPERATOR, and it computes what is expected: one small convolution is tried.

    The operator and the means to insert it are private to torch and may change with any release; without them exports run unfused.
    """
    picture, weight = torch.arange(-4.0, 5.0).reshape(1, 1, 3, 3), torch.ones(1, 1, 2, 2)
    try:
        trial = torch._C._create_function_from_graph("trial", _operator("relu", 0))
        found = trial(picture, weight, None, [1, 1], [0, 0], [1, 1], 1)
    except (RuntimeError, AttributeError, TypeError):
        return False
    return bool(torch.equal(found, torch.conv2d(picture, weight).relu()))


def fuse(module: Any) -> None:
    """Rewrite a frozen TorchScript module in place, with the same results up to rounding."""
    graph = module.graph
    for block in _blocks(graph):
        nodes = list(block.nodes())
        activations = {next(node.inputs()).debugName(): node for node in nodes if node.kind() in ACTIVATIONS}
        for convolution in [node for node in nodes if node.kind() == "aten::conv2d" and _is_plain(node)]:
            result = convolution.output()
            _replace(graph, convolution, activations.get(result.debugName()) if len(result.uses()) == 1 else None)
    torch._C._jit_pass_dce(graph)


def _blocks(block: Any) -> Iterator[Any]:
    """A graph or block and the bodies of its loops and branches."""
    yield block
    for node in list(block.nodes()):
        for inner in node.blocks():
            yield from _blocks(inner)


def _is_plain(convolution: Any) -> bool:
    """Whether a convolution has constant weights and parameters."""
    weight, *numbers = [list(convolution.inputs())[place].toIValue() for place in (1, 3, 4, 5, 6)]
    return (
        isinstance(weight, Tensor)
        and weight.dtype in (torch.float32, torch.bfloat16)
        and all(isinstance(number, (int, list)) for number in numbers)
    )


def _replace(graph: Any, convolution: Any, activation: Any) -> None:
    """Replace a convolution, and the activation that is its result's only use if there is one, by oneDNN's operator."""
    picture, weight, *numbers = convolution.inputs()
    graph.setInsertPoint(convolution)
    together = graph.insertConstant(weight.toIValue().detach().contiguous(memory_format=torch.channels_last))
    bounds = [] if activation is None else _bounds(graph, activation)
    operator = _operator("none" if activation is None else ACTIVATIONS[activation.kind()], len(bounds))
    (result,) = graph.insertGraph(operator, [picture, together, *numbers, *bounds])
    last = convolution if activation is None else activation
    last.output().replaceAllUsesWith(result)
    for node in (activation, convolution):
        if node is not None:
            node.destroy()


def _bounds(graph: Any, activation: Any) -> list[Any]:
    """The values an activation clamps to, in the graph."""
    if activation.kind() == "aten::relu6":
        return [graph.insertConstant(bound) for bound in (0.0, 6.0)]
    return list(activation.inputs())[1:]


def _operator(activation: str, bounds: int) -> Any:
    """A graph of one call of the operator, from text because TorchScript's compiler does not support a list of optional scalars."""
    names = [f"%bound{number}" for number in range(bounds)]
    declared = "".join(f", {name} : Scalar" for name in names)
    return torch._C.parse_ir(f"""
graph(%x : Tensor, %weight : Tensor, %bias : Tensor?, %stride : int[], %padding : int[], %dilation : int[], %groups : int{declared}):
  %activation : str = prim::Constant[value="{activation}"]()
  %bounds : Scalar?[] = prim::ListConstruct({", ".join(names)})
  %algorithm : str = prim::Constant[value=""]()
  %y : Tensor = {OPERATOR}(
      %x, %weight, %bias, %padding, %stride, %dilation, %groups, %activation, %bounds, %algorithm)
  return (%y)
""")
