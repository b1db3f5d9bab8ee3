"""Checkpoint -> TorchScript file -> loaded module. The only file that uses torch.jit.

An export is made once per checkpoint and cached; its key covers the checkpoint, the build options and the source of the network,
so a changed network never runs from a stale file.
"""

import hashlib
import importlib
import inspect
import io
import re
import threading
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from mattecli import __version__
from mattecli.core import store
from mattecli.core.contract import METADATA_FILE, ExportInfo, read_info
from mattecli.core.registry import OURS, ModelSpec
from mattecli.core.script_check import check_archive, check_graph
from mattecli.core.tuning import onednn
from mattecli.errors import MatteError, ModelError, OutOfMemoryError, UsageError
from mattecli.io.files import written_whole

Module = torch.jit.ScriptModule  # a compiled module
# Exceptions of torch and zipfile for files that are not TorchScript.
UNREADABLE = (RuntimeError, ValueError, LookupError, AttributeError, EOFError, OSError, zlib.error, zipfile.BadZipFile)
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
    """Run an export without torch's warnings; errors of its own code become UsageError, a lack of memory OutOfMemoryError."""
    try:
        with quiet:
            yield
    except (torch.jit.Error, RuntimeError, MemoryError) as error:
        own = re.search(r"mattecli\.errors\.\w+: (.+)", str(error))
        if own is not None:
            raise UsageError(own.group(1)) from error
        if is_lack_of_memory(error):
            raise OutOfMemoryError("the picture needs more memory than there is; scale it down, or choose a smaller model") from error
        raise


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


def network_module(spec: ModelSpec) -> ModuleType:
    """The file in nets/ that builds this model."""
    return importlib.import_module(f"mattecli.nets.{spec.architecture}")


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The flat state dict inside a checkpoint, loaded without running any code from the file.

    Unwraps the nesting {"state_dict": ...} that training scripts write. ModelError for anything but a state dict.
    """
    advice = "give the state-dict checkpoint its authors published"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about pickle protocols
            content = _unpickled(path)
    except FileNotFoundError as error:
        raise ModelError(f"there is no checkpoint {path}; {advice}") from error
    except Exception as error:  # unpickling a damaged file may raise anything
        raise ModelError(f"{path} is not a checkpoint of plain tensors, so it is not loaded; {advice}") from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content or not all(isinstance(value, Tensor) for value in content.values()):
        raise ModelError(f"{path} holds no state dict (names and tensors); {advice}")
    return dict(content)


def _unpickled(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except UnicodeDecodeError:  # written by Python 2, whose strings are bytes
        return torch.load(path, map_location="cpu", weights_only=True, encoding="latin1")


def build_wrapped(spec: ModelSpec, checkpoints: list[Path]) -> nn.Module:
    """The model's contract module with the weights of its checkpoints, one for each of spec.files, in that order."""
    module = network_module(spec)
    if spec.container == "torchscript":
        script_of_authors: nn.Module = module.wrap(load_script(checkpoints[0], torch.device("cpu"), {}), **spec.build)
        return script_of_authors.eval()
    state: dict[str, Tensor] = {}
    for path in checkpoints:
        state.update(module.convert(read_checkpoint(path)))
    with torch.random.fork_rng(devices=[]):  # constructors draw random weights; the caller's generator is unaffected
        network = module.build(**spec.build)
        _load_strictly(network, state, spec)
        wrapped: nn.Module = module.wrap(network, **spec.build)
    return wrapped.eval()


def check_weights(spec: ModelSpec, path: Path) -> None:
    """ModelError unless a file holds weights of a model: complete ones for a model of one file, else a state dict."""
    try:
        if len(spec.files) == 1:
            build_wrapped(spec, [path])
        elif spec.container == "torchscript":
            load_script(path, torch.device("cpu"), {})
        else:
            read_checkpoint(path)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, RuntimeError) as error:  # raised by convert() for foreign names
        raise ModelError(f"it does not fit {spec.name} ({type(error).__name__}: {str(error)[:160]})") from error


def _load_strictly(network: nn.Module, state: Mapping[str, Tensor], spec: ModelSpec) -> None:
    try:
        network.load_state_dict(dict(state), strict=True)
    except RuntimeError as error:
        complaints = [line.strip() for line in str(error).splitlines()[1:]]
        shown = "; ".join(complaint[:160] for complaint in complaints[:3])
        raise ModelError(f"the checkpoint does not fit {spec.name}: {shown}; check that it belongs to this model") from error


def export(wrapped: nn.Module, path: Path, info: ExportInfo) -> str:
    """Compile a contract module and write it with its metadata; the file gets its name when it is complete.

    Returns the sha256 of what was written, in hexadecimal.
    """
    scripted = script(wrapped)
    _check_options(scripted, info)
    return _write(scripted, path, {METADATA_FILE: info.to_json()})


def _write(module: Module, path: Path, extra: dict[str, str]) -> str:
    """Write a compiled module and extra files by name; the file gets its name when it is complete. Returns its sha256."""
    # Through memory: torch's own writer aborts the process when the disk is full.
    content = io.BytesIO()
    with quiet:
        torch.jit.save(module, content, _extra_files=extra)
    with written_whole(path, advice="free some space, choose another place, or set MATTE_HOME") as stream:
        stream.write(content.getbuffer())
    return hashlib.sha256(content.getbuffer()).hexdigest()


def _check_options(scripted: Any, info: ExportInfo) -> None:
    """ModelError unless the tunables in models.toml equal those of the code; weights of this project may have other defaults."""
    arguments = scripted.forward.schema.arguments[2 + len(info.guides) :]
    found = {argument.name: argument.default_value for argument in arguments}
    if not (_same_kinds(found, info.options) if info.weights.startswith(OURS) else found == info.options):
        raise ModelError(f"models.toml gives {info.name} the options {info.options}, its code has {found}; make them agree")


def _same_kinds(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two tables of options have the same names, with values of the same types."""
    return {name: type(value) for name, value in one.items()} == {name: type(value) for name, value in other.items()}


def info_for(spec: ModelSpec, checkpoint_sha256: str | None) -> ExportInfo:
    """The metadata of an export of `spec`."""
    return ExportInfo(
        name=spec.name,
        architecture=spec.architecture,
        guides=spec.guides,
        options=dict(spec.options),
        foreground=spec.foreground,
        checkpoint_sha256=checkpoint_sha256,
        licence=spec.licence,
        versions={"mattecli": __version__, "torch": torch.__version__},
        lossy_options=dict(spec.lossy_options),
        memory=spec.memory,
        verdict=spec.verdict,
        weights=spec.weights,
    )


def export_model(spec: ModelSpec, checkpoints: list[Path], path: Path) -> str:
    """Make the TorchScript file of a model from its checkpoints; returns its sha256."""
    digests = [store.sha256_of(checkpoint) for checkpoint in checkpoints]
    return export(build_wrapped(spec, checkpoints), path, info_for(spec, "+".join(digests) or None))


def export_file(spec: ModelSpec) -> Path:
    """The model's TorchScript file: the caller's own, or the one in the cache, made from its verified checkpoints if missing."""
    if spec.export is not None:
        return spec.export
    path = store.home() / "exports" / f"{spec.name}-{export_key(spec)}.pt"
    return store.kept_export(path, lambda: export_model(spec, [store.verified(spec, file) for file in spec.files], path))


def export_key(spec: ModelSpec) -> str:
    """A hash, 16 hexadecimal digits, of everything an export depends on: model, checkpoints, code and torch."""
    digest = hashlib.sha256()
    parts = [
        spec.name,
        spec.build,
        spec.options,
        spec.lossy_options,
        spec.memory,
        spec.guides,
        spec.weights,
        [store.expected_sha256(spec, file) for file in spec.files],
        torch.__version__,
    ]
    digest.update(repr(parts).encode())
    folder = Path(inspect.getfile(network_module(spec))).parent
    for source in (*sorted(folder.rglob("*.py")), Path(onednn.__file__)):  # all files, because networks share code
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


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


def load_spec(spec: ModelSpec, *, device: torch.device, dtype: torch.dtype) -> tuple[Module, ExportInfo]:
    """Load a model's export as `load` does. For a CPU the frozen and fused module is cached beside it: loading that takes a quarter of
    the time."""
    path = export_file(spec)
    if spec.export is not None or not onednn.is_possible(device, dtype):
        return load(path, device=device, dtype=dtype)
    quick = store.quick_path(path)
    if store.export_is_sound(quick):
        with quiet:
            return _loaded(quick, device, {}), read_info(path)
    module, info = load(path, device=device, dtype=dtype)
    with suppress(MatteError):  # a cache that cannot be written costs time only
        store.kept_export(quick, lambda: _write(module, quick, {}))
    return module, info


def load(path: Path, *, device: torch.device, dtype: torch.dtype) -> tuple[Module, ExportInfo]:
    """Load an export onto a device with its weights in `dtype`, frozen and optimised. ModelError for a file that is not an export."""
    info = read_info(path)
    module = load_script(path, device, {})
    _check_arguments(path, module, info)
    return made_quick(module, device=device, dtype=dtype), info


def made_quick(module: Module, *, device: torch.device, dtype: torch.dtype) -> Module:
    """A module on a device with its weights in `dtype`, frozen, its convolutions fused where possible."""
    if device.type == "cuda":
        suit_gpu(module, dtype)
    else:
        module.to(dtype)
    frozen = freeze(module)
    if onednn.is_possible(device, dtype):
        onednn.fuse(frozen)
    return frozen


def _check_arguments(path: Path, module: Any, info: ExportInfo) -> None:
    """ModelError unless the code's arguments are those of the metadata: the image, the guides, then the options, of these types."""
    taken = [(argument.name, argument.default_value) for argument in module.forward.schema.arguments[1:]]
    guides, options = taken[1 : 1 + len(info.guides)], dict(taken[1 + len(info.guides) :])
    is_whole = len(guides) == len(info.guides) and len(taken) == 1 + len(guides) + len(options)
    if not is_whole or not _same_kinds(options, info.options):
        said = ", ".join(("image", *info.guides, *(f"{name}={value}" for name, value in info.options.items())))
        raise ModelError(f"{path} says that it takes {said}, and its code takes something else; export the model again")


def suit_gpu(module: Module, dtype: torch.dtype) -> None:
    """Convert weights to `dtype` and channels-last order, in which a GPU's convolutions are faster.

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
