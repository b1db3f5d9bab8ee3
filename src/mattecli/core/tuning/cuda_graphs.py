"""CUDA graphs: calls of a model with inputs of one size, as in a clip, are captured once and replayed.

A network is hundreds of small kernels, and to ask for them one by one takes a host longer than a GPU needs to do them. So a call is
recorded as a CUDA graph, which is asked for once. Only calls that never make the host wait for the GPU can be recorded: a solver that
looks at how far it has come cannot, and goes on being called as it is.
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

from mattecli.core import export
from mattecli.core.contract import Tunable

CALLS_BEFORE = 3
"""So many alike must have come before one is recorded: pictures of many sizes never are, and by then TorchScript has compiled."""

WAITING = {"item", "_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select"}
"""Operators that bring to the host what it needs to go on."""

INDEXING = {"index", "index_put", "index_put_"}
"""Operators that wait for how many there are where the index is of bools."""

Answer = tuple[Tensor | None, ...]

_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Recording:
    """A call of one thread on one stream: tensors that it reads, and those that it writes, at each replay."""

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

    def __init__(self, module: export.Module) -> None:
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
        """What this thread has recorded last."""
        return getattr(self._here, "recording", None)

    def _comes_often(self, call: object) -> bool:
        """Whether calls like this one came often enough, one after the other, to record this one."""
        before = self._here.before if getattr(self._here, "call", None) == call else 0
        self._here.call, self._here.before = call, before + 1
        return self.recordable and before >= CALLS_BEFORE

    def _record(self, tensors: Sequence[Tensor], options: Mapping[str, Tunable]) -> Recording | None:
        """This call as a recording, or None, once and for all, where that cannot be."""
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
            if self.recording is None or not export.is_lack_of_memory(error):
                raise
        self._forget()  # a recording of pictures of another size holds the memory of one call
        return self._module(*tensors, **options)

    def _forget(self) -> None:
        self._here.recording = None


def _what_is_alike(tensors: Sequence[Tensor], options: Mapping[str, Tunable]) -> object:
    """The stream, shapes, dtypes and options that two calls must share to use one graph."""
    stream = torch.cuda.current_stream(tensors[0].device).cuda_stream
    return stream, [(tensor.shape, tensor.dtype) for tensor in tensors], dict(options)


def makes_host_wait(module: Any, tensors: Sequence[Tensor], options: Mapping[str, Tunable]) -> bool:
    """Whether a call synchronises with the host, found by watching its operators: a failed capture would leave torch in a bad state.

    A call that TorchScript still compiles for seems to, for in doing so it compares constants.
    """
    with _Watch() as watch:  # type: ignore[no-untyped-call]
        module(*tensors, **options)
    return watch.waited


class _Watch(TorchDispatchMode):
    """Watches the operators that this thread calls."""

    waited = False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: to skip what compiles Python, torch would first load it, for seconds."""
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
    """A call of a module, recorded and not yet done. RuntimeError for one that makes the host wait, or that finds no memory."""
    device = tensors[0].device
    given = [tensor.clone() for tensor in tensors]
    graph, pool = torch.cuda.CUDAGraph(), torch.cuda.graph_pool_handle()
    stream = torch.cuda.current_stream(device)
    if stream == torch.cuda.default_stream(device):  # on which nothing can be recorded
        stream = torch.cuda.Stream(device)
    recorded = torch.cuda.graph(graph, pool=pool, stream=stream, capture_error_mode="thread_local")
    try:
        # What other threads ask of the GPU meanwhile does no harm, apart from other recordings. One that fails leaves its stream set.
        with _one_at_a_time, torch.cuda.stream(stream), recorded:
            answer = module(*given, **options)
    except RuntimeError:
        _end(pool, device)
        raise
    return Recording(graph, given, answer)


def _end(pool: Any, device: torch.device) -> None:
    """Release the memory pool of a failed capture, which torch would otherwise keep allocating from."""
    index = torch.cuda.current_device() if device.index is None else device.index
    with suppress(RuntimeError):  # it has ended, and the memory goes with the graph
        torch._C._cuda_endAllocateToPool(index, pool)
        torch._C._cuda_releasePool(index, pool)
