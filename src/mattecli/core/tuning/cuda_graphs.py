"""CUDA graphs: calls of a model with inputs of one size, as in a clip, are captured once and replayed.

A network consists of hundreds of small kernels, and launching them one by one can take longer than running them. A CUDA graph is launched
once. Only calls that never synchronise with the host can be captured: an iterative solver that tests its progress cannot, and is called
normally.
"""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mattecli.core import torchscript
from mattecli.core.contract import Tunable

CALLS_BEFORE = 3
"""Calls with equal inputs before one is captured: by then TorchScript has compiled, and pictures of many sizes are never captured."""

WAITING = {"item", "_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select"}
"""Operators that copy a value to the host, which synchronises."""

INDEXING = {"index", "index_put", "index_put_"}
"""Operators that synchronise where the index is of bools, because the result's size is unknown."""

Answer = tuple[Tensor | None, ...]

_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Recording:
    """A captured call of one thread on one stream: the tensors it reads and those it writes at each replay."""

    graph: torch.cuda.CUDAGraph
    given: Sequence[Tensor]
    answer: Answer

    def replay(self, tensors: Sequence[Tensor]) -> Answer:
        for place, tensor in zip(self.given, tensors, strict=True):
            place.copy_(tensor)
        self.graph.replay()
        return tuple(None if part is None else part.clone() for part in self.answer)


class Replayed:
    """A module whose repeated calls are captured as CUDA graphs. Each thread keeps one graph, because a graph holds memory."""

    def __init__(self, module: torchscript.Module) -> None:
        self._module = module
        self._here = threading.local()
        self.recordable = True

    def __call__(self, *tensors: Tensor, **options: Tunable) -> Answer:
        call = _what_is_alike(tensors, options)
        recording = self.recording
        if recording is None or self._here.recorded != call:
            recording = self._record(tensors, options) if self._comes_often(call) else None
        return self._plainly(tensors, options) if recording is None else recording.replay(tensors)

    @property
    def recording(self) -> Recording | None:
        """This thread's last recording."""
        return getattr(self._here, "recording", None)

    def _comes_often(self, call: object) -> bool:
        """Whether enough consecutive calls had equal inputs to capture this one."""
        before = self._here.before if getattr(self._here, "call", None) == call else 0
        self._here.call, self._here.before = call, before + 1
        return self.recordable and before >= CALLS_BEFORE

    def _record(self, tensors: Sequence[Tensor], options: Mapping[str, Tunable]) -> Recording | None:
        """This call as a recording; None where capturing is impossible, which is remembered."""
        self._forget()
        self.recordable = not makes_host_wait(self._module, tensors, options)
        if not self.recordable:
            return None
        try:
            recording = record(self._module, tensors, options)
        except RuntimeError:
            self.recordable = False
            return None
        self._here.recording, self._here.recorded = recording, self._here.call
        return recording

    def _plainly(self, tensors: Sequence[Tensor], options: Mapping[str, Tunable]) -> Answer:
        try:
            return self._module(*tensors, **options)
        except RuntimeError as error:
            if self.recording is None or not torchscript.is_lack_of_memory(error):
                raise
        self._forget()  # a recording for another size still holds the memory of one call
        return self._module(*tensors, **options)

    def _forget(self) -> None:
        self._here.recording = None


def _what_is_alike(tensors: Sequence[Tensor], options: Mapping[str, Tunable]) -> object:
    """The stream, shapes, dtypes and options that two calls must share to use one graph."""
    stream = torch.cuda.current_stream(tensors[0].device).cuda_stream
    return stream, [(tensor.shape, tensor.dtype) for tensor in tensors], dict(options)


def makes_host_wait(module: Any, tensors: Sequence[Tensor], options: Mapping[str, Tunable]) -> bool:
    """Whether a call synchronises with the host, found by watching its operators: a failed capture would leave torch in a bad state.

    A call during which TorchScript still compiles also counts as synchronising, because the compiler compares constants.
    """
    with _Watch() as watch:  # type: ignore[no-untyped-call]
        module(*tensors, **options)
    return watch.waited


class _Watch(TorchDispatchMode):
    """Observes the operators that this thread calls."""

    waited = False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False: skipping torch's Python compiler would first load it, which takes seconds."""
        return False

    def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = operator(*args, **(kwargs or {}))
        name = operator.overloadpacket.__name__
        by_mask = name in INDEXING and any(index.dtype == torch.bool for index in _tensors(args[1]))
        travels = len({tensor.device.type for tensor in _tensors((args, result)) if tensor.dim() > 0}) > 1
        self.waited |= name in WAITING or by_mask or travels
        return result


def _tensors(values: Any) -> list[Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, Tensor)]


def record(module: Any, tensors: Sequence[Tensor], options: Mapping[str, Tunable]) -> Recording:
    """Capture a call of a module without running it. RuntimeError when it synchronises with the host or runs out of memory."""
    device = tensors[0].device
    given = [tensor.clone() for tensor in tensors]
    graph, pool = torch.cuda.CUDAGraph(), torch.cuda.graph_pool_handle()
    stream = torch.cuda.current_stream(device)
    if stream == torch.cuda.default_stream(device):  # on which nothing can be captured
        stream = torch.cuda.Stream(device)
    recorded = torch.cuda.graph(graph, pool=pool, stream=stream, capture_error_mode="thread_local")
    try:
        # Other threads may use the GPU meanwhile, except for capturing. A failed capture leaves its stream current.
        with _one_at_a_time, torch.cuda.stream(stream), recorded:
            answer = module(*given, **options)
    except RuntimeError:
        _end(pool, device)
        raise
    return Recording(graph, given, answer)


def _end(pool: Any, device: torch.device) -> None:
    """Release the memory pool of a failed capture, which torch would otherwise keep allocating from."""
    index = torch.cuda.current_device() if device.index is None else device.index
    with suppress(RuntimeError):  # the capture has ended; the memory is freed with the graph
        torch._C._cuda_endAllocateToPool(index, pool)
        torch._C._cuda_releasePool(index, pool)
