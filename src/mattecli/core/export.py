"""Checkpoint -> TorchScript file -> loaded module.

An export is made once per checkpoint and cached; its key covers the checkpoint, the build options and the source of the network,
so a changed network never runs from a stale file.
"""

import hashlib
import importlib
import inspect
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from mattecli import __version__
from mattecli.core import store
from mattecli.core.contract import METADATA_FILE, ExportInfo, read_info
from mattecli.core.registry import OURS, ModelSpec
from mattecli.core.torchscript import Module, content_of, load_script, load_trusted, made_quick, script
from mattecli.core.tuning import onednn
from mattecli.errors import MatteError, ModelError
from mattecli.io.files import written_whole


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
    content = content_of(module, extra)
    with written_whole(path, advice="free some space, choose another place, or set MATTE_HOME") as stream:
        stream.write(content)
    return hashlib.sha256(content).hexdigest()


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
        finder=spec.finder,
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
        spec.finder,
        [store.expected_sha256(spec, file) for file in spec.files],
        torch.__version__,
    ]
    digest.update(repr(parts).encode())
    folder = Path(inspect.getfile(network_module(spec))).parent
    for source in (*sorted(folder.rglob("*.py")), Path(onednn.__file__)):  # all files, because networks share code
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def load_spec(spec: ModelSpec, *, device: torch.device, dtype: torch.dtype) -> tuple[Module, ExportInfo]:
    """Load a model's export as `load` does. For a CPU the frozen and fused module is cached beside it: loading that takes a quarter of
    the time."""
    path = export_file(spec)
    if spec.export is not None or not onednn.is_possible(device, dtype):
        return load(path, device=device, dtype=dtype)
    quick = store.quick_path(path, str(dtype).removeprefix("torch."))
    if store.export_is_sound(quick):
        return load_trusted(quick, device), read_info(path)
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


def _check_arguments(path: Path, module: Any, info: ExportInfo) -> None:
    """ModelError unless the code's arguments are those of the metadata: the image, the guides, then the options, of these types."""
    taken = [(argument.name, argument.default_value) for argument in module.forward.schema.arguments[1:]]
    guides, options = taken[1 : 1 + len(info.guides)], dict(taken[1 + len(info.guides) :])
    is_whole = len(guides) == len(info.guides) and len(taken) == 1 + len(guides) + len(options)
    if not is_whole or not _same_kinds(options, info.options):
        said = ", ".join(("image", *info.guides, *(f"{name}={value}" for name, value in info.options.items())))
        raise ModelError(f"{path} says that it takes {said}, and its code takes something else; export the model again")
