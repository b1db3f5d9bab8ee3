"""TorchScript modules: compiled, written, loaded, brought onto a device. The only file that uses torch.jit."""

import io
import re
import threading
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import nn

from mattecli.core.script_check import check_archive, check_graph
from mattecli.core.tuning import onednn
from mattecli.errors import ModelError, OutOfMemoryError, UsageError

Module = torch.jit.ScriptModule  # a compiled module
# Exceptions of torch and zipfile for files that are not TorchScript.
UNREADABLE = (RuntimeError, ValueError, LookupError, AttributeError, EOFError, OSError, zlib.error, zipfile.BadZipFile)
LONGEST_SAID = 200  # letters of an error inside an export that are repeated
# Messages of torch, cuBLAS and cuDNN; of an error inside an export only the text remains, not the class.
NO_MEMORY = re.compile("out of memory|allocate memory|ALLOC_FAILED")


class _Quiet:
    """Suppresses two warnings of torch: TorchScript's deprecation (since 2.13) and the beta state of sparse tensors.

    Python's filters are shared by all threads, so the first thread to enter changes them and the last to leave restores them.
    """

    def __init__(self) -> None:
        self._turn, self._inside, self._changed = threading.Lock(), 0, ExitStack()

    def __enter__(self) -> None:
        with self._turn:
            self._inside += 1
            if self._inside == 1:
                self._changed.enter_context(warnings.catch_warnings())
                warnings.filterwarnings("ignore", message=".*torch.jit.*", category=DeprecationWarning)
                warnings.filterwarnings("ignore", message="Sparse (CSR tensor support is in beta|invariant checks)", category=UserWarning)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._turn:
            self._inside -= 1
            if self._inside == 0:
                self._changed.close()


quiet = _Quiet()


@contextmanager
def running() -> Iterator[None]:
    """Run an export without torch's warnings; errors that its code raises become UsageError where they are this program's, else
    ModelError, and a lack of memory OutOfMemoryError."""
    try:
        with quiet:
            yield
    except (torch.jit.Error, RuntimeError, MemoryError) as error:
        own = re.search(r"mattecli\.errors\.\w+: (.+)", str(error))
        if own is not None:
            raise UsageError(own.group(1)) from error
        if is_lack_of_memory(error):
            raise OutOfMemoryError("the picture needs more memory than there is; scale it down, or choose a smaller model") from error
        if "TorchScript interpreter" not in str(error):
            raise
        said = str(error).strip().splitlines()[-1][:LONGEST_SAID]
        raise ModelError(f"the model's code stopped with an error ({said}); export it again, or choose another model") from error


@contextmanager
def as_written() -> Iterator[None]:
    """In the block this thread runs modules as they were frozen, and torch does not optimise them once more in their first two calls.

    On a CPU that takes about 0.2 s a module, and later calls are faster by less than a hundredth.
    """
    with quiet, torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
        yield


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether an error from an export means that a device has no memory left."""
    return isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)) or NO_MEMORY.search(str(error)) is not None


def script(module: nn.Module) -> Module:
    """Compile a module in evaluation mode."""
    with quiet:
        return torch.jit.script(module.eval())


def freeze(module: Module) -> Module:
    """Turn weights into constants and fold batch normalisation into the convolutions before it."""
    with quiet:
        return torch.jit.freeze(module.eval())


def content_of(module: Module, extra: dict[str, str]) -> memoryview:
    """The bytes of a compiled module's file, with extra files by name."""
    # Through memory: torch's own writer aborts the process when the disk is full.
    content = io.BytesIO()
    with quiet:
        torch.jit.save(module, content, _extra_files=extra)
    return content.getbuffer()


def load_script(path: Path, device: torch.device, extra: dict[str, str]) -> Module:
    """The TorchScript module of a file; `extra` receives the archive's extra files by name.

    ModelError for a file that is not TorchScript, and for code that does more than compute (script_check.py).
    """
    try:
        check_archive(path)
        with quiet:
            module = _loaded(path, device, extra)
            forward: Any = module.forward
            graph = forward.inlined_graph
    except UNREADABLE as error:
        raise ModelError(f"{path} cannot be loaded as TorchScript; export or pull the model again") from error
    check_graph(path, graph)
    return module


def load_trusted(path: Path, device: torch.device) -> Module:
    """The TorchScript module of a file that this program wrote and whose checksum holds; its code is not checked again."""
    with quiet:
        return _loaded(path, device, {})


def _loaded(path: Path, device: torch.device, extra: dict[str, str]) -> Module:
    try:
        return torch.jit.load(str(path), map_location=device, _extra_files=extra)
    except RuntimeError as error:
        if "torchvision::roi_align" not in str(error):
            raise
        _declare_roi_align()
        return torch.jit.load(str(path), map_location=device, _extra_files=extra)


@cache
def _declare_roi_align() -> torch.library.Library:
    """Declare an operator of torchvision that BackgroundMattingV2's files contain in a branch they never take.

    A TorchScript file loads only if every operator in it is known, and torchvision is not a dependency. The declaration lives as long as
    the library object.
    """
    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define(
        "roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, int sampling_ratio, "
        "bool aligned) -> Tensor"
    )
    return library


def made_quick(module: Module, *, device: torch.device, dtype: torch.dtype) -> Module:
    """A module on a device with its weights in `dtype`, frozen, its convolutions fused where possible."""
    if device.type == "cuda" or dtype != torch.float32:
        lower(module, dtype)
    frozen = freeze(module)
    if onednn.is_possible(device, dtype):
        onednn.fuse(frozen)
    return frozen


def lower(module: Module, dtype: torch.dtype) -> None:
    """Convert weights to `dtype` and channels-last order, in which convolutions are faster.

    Batch norms stay in float32: variances exceed the range of float16, and freezing folds them into the convolutions.
    """
    norms = [part for part in module.modules() if hasattr(part, "running_var")]
    exact = [{name: tensor.clone() for name, tensor in norm.state_dict().items()} for norm in norms]
    module.to(dtype)
    for norm, state in zip(norms, exact, strict=True):
        norm.float().load_state_dict(state)
    for weight in module.parameters():
        if weight.dim() == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
