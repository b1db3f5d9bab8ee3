"""Frozen exports on a CPU: convolutions are replaced by oneDNN's own operator, fused with the activation that follows.

TorchScript's convolutions call oneDNN as well, but in channels-first order, so each call reorders its input and output, and activations
make a further pass over memory. The operator used here is the one that torch.compile's CPU code calls: with channels-last weights it keeps
that order from one convolution to the next.

oneDNN computes as many channels of a pixel at once as a register holds, so that a convolution to 2 channels takes as long as one to 16.
Convolutions to few channels therefore compute neighbouring pixels of a row as further channels, with shifted weights and zeros beside
them: the same sums, in a half to a third of the time.

Convolutions of single pixels are products of matrices. As such they cost 16 microseconds less a call, which is a tenth of what networks
of small layers take.
"""

import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
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
MATRIX_OPERATOR = "mkldnn::_linear_pointwise"
MOST_PIXELS = 8  # computed as channels; more divide the width of fewer pictures and gain a tenth

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
    """Whether this torch has both operators, and they compute what is expected: one small convolution of each is tried.

    The operators and the means to insert it are private to torch and may change with any release; without them exports run unfused.
    """
    picture, weight = torch.arange(-4.0, 5.0).reshape(1, 1, 3, 3), torch.ones(1, 1, 2, 2)
    try:
        convolved = _tried(_operator("relu", 0), picture, weight)
        multiplied = _tried(_matrix_product("relu", 0), picture, weight[:, :, 0, 0])
    except (RuntimeError, AttributeError, TypeError):
        return False
    return torch.equal(convolved, torch.conv2d(picture, weight).relu()) and torch.equal(multiplied, picture.relu())


def _tried(graph: Any, picture: Tensor, weight: Tensor) -> Tensor:
    result: Tensor = torch._C._create_function_from_graph("trial", graph)(picture, weight, None, [1, 1], [0, 0], [1, 1], 1)
    return result


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
    _, weight, bias, *numbers = (value.toIValue() for value in convolution.inputs())
    return (
        isinstance(weight, Tensor)
        and weight.dtype in (torch.float32, torch.bfloat16)
        and (bias is None or isinstance(bias, Tensor))
        and all(isinstance(number, (int, list)) for number in numbers)
    )


def _replace(graph: Any, convolution: Any, activation: Any) -> None:
    """Replace a convolution, and the activation that is its result's only use if there is one, by oneDNN's operator."""
    picture, weight, bias, *numbers = convolution.inputs()
    graph.setInsertPoint(convolution)
    bounds = [] if activation is None else _bounds(graph, activation)
    name = "none" if activation is None else ACTIVATIONS[activation.kind()]
    constants = [value.toIValue() for value in list(convolution.inputs())[1:]]
    as_matrix, pixels = is_matrix_product(*constants), pixels_at_once(*constants)
    together = graph.insertConstant(_laid(weight.toIValue().detach(), as_matrix))
    given = [picture, together, bias, *numbers, *_for_pixels(graph, convolution, pixels), *bounds]
    make = _matrix_product if as_matrix else _operator if pixels == 1 else _pixelwise
    (result,) = graph.insertGraph(make(name, len(bounds)), given)
    last = convolution if activation is None else activation
    last.output().replaceAllUsesWith(result)
    for node in (activation, convolution):
        if node is not None:
            node.destroy()


def _laid(weight: Tensor, as_matrix: bool) -> Tensor:
    return weight.flatten(1) if as_matrix else weight.contiguous(memory_format=torch.channels_last)


def pixels_at_once(weight: Tensor, bias: Tensor | None, stride: list[int], padding: list[int], dilation: list[int], groups: int) -> int:
    """How many pixels of a row a convolution had better compute as channels: 1, unless it has few channels and keeps the width."""
    width = weight.shape[3]
    keeps_width = stride[-1] == 1 and dilation[-1] == 1 and 2 * padding[-1] == width - 1
    if not keeps_width or width == 1 or groups > 1:
        return 1
    return min(MOST_PIXELS, 1 << max(0, (channels_at_once() // weight.shape[0]).bit_length() - 1))


def is_matrix_product(weight: Tensor, bias: Tensor | None, stride: list[int], padding: list[int], dilation: list[int], groups: int) -> bool:
    """Whether each pixel's result depends on that pixel alone. Not in bfloat16, in which oneDNN's products are slower for wide pictures."""
    return list(weight.shape[2:]) == [1, 1] == stride and padding == [0, 0] and groups == 1 and weight.dtype == torch.float32


def channels_at_once() -> int:
    """How many channels of a pixel oneDNN computes at once: the float32 numbers of a register."""
    return 16 if torch.backends.cpu.get_cpu_capability() == "AVX512" else 8


def _for_pixels(graph: Any, convolution: Any, pixels: int) -> list[Any]:
    """What `_pixelwise` takes more than `_operator`, in the graph: weights, bias and stride for so many pixels; none for 1."""
    if pixels == 1:
        return []
    weight, bias, stride = (value.toIValue() for value in list(convolution.inputs())[1:4])
    wide = torch.cat([F.pad(weight.detach(), (shift, pixels - 1 - shift)) for shift in range(pixels)])
    values = (
        wide.contiguous(memory_format=torch.channels_last),
        None if bias is None else bias.detach().repeat(pixels),
        [stride[0], pixels],
        [pixels, weight.shape[0]],
    )
    return [graph.insertConstant(value) for value in values]


def _bounds(graph: Any, activation: Any) -> list[Any]:
    """The values an activation clamps to, in the graph."""
    if activation.kind() == "aten::relu6":
        return [graph.insertConstant(bound) for bound in (0.0, 6.0)]
    return list(activation.inputs())[1:]


PLAIN = "%x : Tensor, %weight : Tensor, %bias : Tensor?, %stride : int[], %padding : int[], %dilation : int[], %groups : int"


def _operator(activation: str, bounds: int) -> Any:
    """A graph of one call of the operator, from text because TorchScript's compiler does not support a list of optional scalars."""
    return torch._C.parse_ir(f"""
graph({PLAIN}{_declared(bounds)}):
  {_activation(activation, bounds)}
  %y : Tensor = {_call("weight", "bias", "stride")}
  return (%y)
""")


def _matrix_product(activation: str, bounds: int) -> Any:
    """A graph that computes a convolution of single pixels as a product of matrices."""
    return torch._C.parse_ir(f"""
graph({PLAIN}{_declared(bounds)}):
  {_activation(activation, bounds)}
  %zero : int = prim::Constant[value=0]()
  %one : int = prim::Constant[value=1]()
  %two : int = prim::Constant[value=2]()
  %three : int = prim::Constant[value=3]()
  %last : int[] = prim::ListConstruct(%zero, %two, %three, %one)
  %first : int[] = prim::ListConstruct(%zero, %three, %one, %two)
  %pixels : Tensor = aten::permute(%x, %last)
  %found : Tensor = {MATRIX_OPERATOR}(%pixels, %weight, %bias, %activation, %bounds, %algorithm)
  %picture : Tensor = aten::permute(%found, %first)
  return (%picture)
""")


def _pixelwise(activation: str, bounds: int) -> Any:
    """A graph that computes %split[0] pixels of a row as channels where the picture's width is a multiple of it, else single ones."""
    return torch._C.parse_ir(f"""
graph({PLAIN}, %wide : Tensor, %wide_bias : Tensor?, %stride_wide : int[], %split : int[]{_declared(bounds)}):
  {_activation(activation, bounds)}
  %zero : int = prim::Constant[value=0]()
  %one : int = prim::Constant[value=1]()
  %two : int = prim::Constant[value=2]()
  %three : int = prim::Constant[value=3]()
  %width : int = aten::size(%x, %three)
  %pixels : int = aten::__getitem__(%split, %zero)
  %rest : int = aten::remainder(%width, %pixels)
  %fits : bool = aten::eq(%rest, %zero)
  %y : Tensor = prim::If(%fits)
    block0():
      %found : Tensor = {_call("wide", "wide_bias", "stride_wide")}
      %last : int[] = prim::ListConstruct(%zero, %two, %three, %one)
      %first : int[] = prim::ListConstruct(%zero, %three, %one, %two)
      %rows : Tensor = aten::permute(%found, %last)
      %apart : Tensor = aten::unflatten(%rows, %three, %split)
      %together : Tensor = aten::flatten(%apart, %two, %three)
      %picture : Tensor = aten::permute(%together, %first)
      -> (%picture)
    block1():
      %single : Tensor = {_call("weight", "bias", "stride")}
      -> (%single)
  return (%y)
""")


def _declared(bounds: int) -> str:
    return "".join(f", %bound{number} : Scalar" for number in range(bounds))


def _activation(name: str, bounds: int) -> str:
    """The operator's constants: its activation, the values that clamps to, and no special algorithm."""
    return f"""%activation : str = prim::Constant[value="{name}"]()
  %bounds : Scalar?[] = prim::ListConstruct({", ".join(f"%bound{number}" for number in range(bounds))})
  %algorithm : str = prim::Constant[value=""]()"""


def _call(weight: str, bias: str, stride: str) -> str:
    return f"{OPERATOR}(%x, %{weight}, %{bias}, %padding, %{stride}, %dilation, %groups, %activation, %bounds, %algorithm)"
