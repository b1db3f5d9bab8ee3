"""Devices, precisions, loading and running of models, independent of the network."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mattecli.core import export, pulling, torchscript
from mattecli.core.choices import check_device, check_precision, checked_options
from mattecli.core.contract import ExportInfo, Tunable
from mattecli.core.pulling import Progress
from mattecli.core.registry import ModelSpec, is_finder, registry
from mattecli.core.tuning.arithmetic import rounding_as
from mattecli.core.tuning.budget import note_rest
from mattecli.core.tuning.cuda_graphs import Replayed
from mattecli.core.usage import wait_for
from mattecli.errors import DeviceError, ModelError

PRECISIONS = {"fp32": torch.float32, "tf32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Device:
    """An available device, and one line on why it was chosen."""

    torch: torch.device
    reason: str

    def __str__(self) -> str:
        return str(self.torch)


def pick_device(name: str) -> Device:
    """The device for auto | cpu | cuda | cuda:N | mps.

    `auto` takes CUDA when it works, else MPS, else the CPU. A named device that is absent is a DeviceError with the reason and the
    remedy; the CPU is never substituted silently.
    """
    check_device(name)
    if name == "auto":
        return _best_device()
    kind, _, index = name.partition(":")
    if kind == "cuda":
        return _cuda(int(index or 0), named=bool(index))
    if kind == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("mps is not available: it needs a Mac with an Apple GPU and a torch built for it; use `device` cpu")
    return Device(torch.device(kind), f"{kind} as asked")


def _best_device() -> Device:
    trouble = why_no_cuda()
    if trouble is None:
        return Device(torch.device("cuda", 0), torch.cuda.get_device_name(0))
    if torch.backends.mps.is_available():
        return Device(torch.device("mps"), "Apple GPU")
    return Device(torch.device("cpu"), trouble.split(";")[0])


def _cuda(index: int, *, named: bool) -> Device:
    trouble = why_no_cuda()
    if trouble is not None:
        raise DeviceError(f"cuda is not available: {trouble}")
    count = torch.cuda.device_count()
    if index >= count:
        raise DeviceError(f"there is no device cuda:{index}; this machine has {count} (cuda:0 to cuda:{count - 1})")
    return Device(torch.device("cuda", index), f"{torch.cuda.get_device_name(index)}, {'cuda:' + str(index) if named else 'cuda'} as asked")


def why_no_cuda() -> str | None:
    """None when CUDA works, else what is missing (torch with CUDA, driver, device) and the remedy."""
    if torch.version.cuda is None:
        return f"torch {torch.__version__} was built without CUDA; install a CUDA build (see pytorch.org) or use `device` cpu"
    if torch.cuda.is_available():
        return None
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        if "driver" in str(error):
            return "no working NVIDIA driver was found; install or update it (check `nvidia-smi`) or use `device` cpu"
    if os.environ.get("CUDA_VISIBLE_DEVICES") is not None:
        return f"CUDA_VISIBLE_DEVICES={os.environ['CUDA_VISIBLE_DEVICES']!r} hides every GPU; unset it or use `device` cpu"
    return "the driver reports no CUDA device; check `nvidia-smi` or use `device` cpu"


def pick_precision(name: str, device: Device) -> str:
    """fp32 | tf32 | fp16 | bf16 for a name or auto. auto is fp32 on every device: faster, less exact ones are chosen by name."""
    check_precision(name)
    if name == "auto":
        return "fp32"
    if name == "tf32" and device.torch.type != "cuda":
        raise DeviceError(f"{device} cannot compute in tf32, which is of NVIDIA's GPUs; use `precision` fp32, or `device` cuda")
    if name == "bf16" and device.torch.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise DeviceError(f"{device} cannot compute in bf16; use `precision` fp16 or fp32")
    return name


class Answer(NamedTuple):
    """A model's outputs: alpha [B, 1, H, W], foreground [B, 3, H, W] or None, verdict [B, 2] or None; see the contract."""

    alpha: Tensor
    foreground: Tensor | None
    verdict: Tensor | None = None


@dataclass(frozen=True)
class LoadedModel:
    """A loaded model. Results do not depend on earlier calls; cached CUDA graphs only make them faster (cuda_graphs.py).

    finder: the model that finds the part of a picture that this one is given (core/finder/subject_box.py), or None. A call of this model
    itself runs its network alone.
    """

    module: torchscript.Module | Replayed
    info: ExportInfo
    device: Device
    precision: str
    finder: "LoadedModel | None" = None

    def __call__(
        self, image: Tensor, guides: Mapping[str, Tensor], options: Mapping[str, Tunable] | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Run the export; (alpha, foreground or None). See `answer`."""
        alpha, foreground, _ = self.answer(image, guides, options)
        return alpha, foreground

    def answer(self, image: Tensor, guides: Mapping[str, Tensor], options: Mapping[str, Tunable] | None = None) -> Answer:
        """Run the export on tensors on its device, with the contract's shapes.

        `guides` must hold every guide the model declares; `options` overrides tunables by name.
        """
        missing = [guide for guide in self.info.guides if guide not in guides]
        if missing:
            raise ModelError(f"{self.info.name} was not given its {' and '.join(missing)}; give it the guides it declares")
        tensors = [image, *(guides[guide] for guide in self.info.guides)]
        settings = rounding_as(self.precision) if self.device.torch.type == "cuda" else torchscript.as_written()
        with settings, torchscript.running(), torch.inference_mode():
            answer = self.module(*tensors, **{**self.info.options, **checked_options(self.info, options or {})})
        return _checked_answer(answer, image, self.info)


def _checked_answer(answer: object, image: Tensor, info: ExportInfo) -> Answer:
    """An export's outputs as an Answer; ModelError when they violate the contract."""
    batch, _, height, width = image.shape
    shapes = {"alpha": (batch, 1, height, width), "foreground": (batch, 3, height, width), "verdict": (batch, 2)}
    wanted = list(shapes.items())[: 3 if info.verdict else 2]
    parts = answer if isinstance(answer, tuple) else (answer,)
    if len(parts) != len(wanted):
        raise ModelError(f"{info.name} gave {len(parts)} results and not {' and '.join(name for name, _ in wanted)}; export it again")
    for part, (name, shape) in zip(parts, wanted, strict=True):
        is_sound = isinstance(part, Tensor) and part.is_floating_point() and tuple(part.shape) == shape
        if not is_sound and (part is not None or name != "foreground"):
            kind = f"{part.dtype} {list(part.shape)}" if isinstance(part, Tensor) else type(part).__name__
            raise ModelError(f"{info.name} gave {kind} for its {name}, which must be floats {list(shape)}; export it again")
    return Answer(*parts)


def open_model(
    spec: ModelSpec, *, device: Device, precision: str = "fp32", offline: bool = False, on_progress: Progress | None = None
) -> LoadedModel:
    """A model of the registry, loaded for many pictures; it is pulled and exported first where that is needed."""
    pulling.pull(spec, offline=offline, on_progress=on_progress)
    loaded = export.load_spec(spec, device=device.torch, dtype=PRECISIONS[precision])
    return _ready(loaded, device, precision, _finder_of(spec.finder, device, precision))


def load_model(path: Path, *, device: Device, precision: str = "fp32") -> LoadedModel:
    """Load an export."""
    module, info = export.load(path, device=device.torch, dtype=PRECISIONS[precision])
    return _ready((module, info), device, precision, _finder_of(info.finder, device, precision))


def _finder_of(name: str, device: Device, precision: str) -> LoadedModel | None:
    """The finder of this name, loaded; None for no name. ModelError where this is no model that can be one."""
    if not name:
        return None
    spec = registry().models.get(name)
    if spec is None or not is_finder(spec):
        raise ModelError(f"the export's subjects are found by {name!r}, which is no model here that does that; export it again")
    return open_model(spec, device=device, precision=precision, offline=True)


def _ready(loaded: tuple[torchscript.Module, ExportInfo], device: Device, precision: str, finder: LoadedModel | None) -> LoadedModel:
    module, info = loaded
    note_rest(device.torch)
    on_gpu = device.torch.type == "cuda"
    return LoadedModel(Replayed(module) if on_gpu else module, info, device, precision, finder)


def to_tensor(array: NDArray[np.uint8] | NDArray[np.uint16], device: Device) -> Tensor:
    """An integer picture [H, W] or [H, W, C] as float32 [1, C, H, W] in 0..1 on the device; integers are copied and converted there.

    The memory order is channels-last, in which convolutions are faster.
    """
    wide = array.dtype == np.uint16
    together = np.ascontiguousarray(array)
    # torch has few kernels for uint16, so 16-bit pictures are copied as int16.
    tensor = torch.from_numpy(together.view(np.int16) if wide else together)
    if device.torch.type == "cuda":
        # Pinned memory makes the copy asynchronous; torch caches such memory.
        tensor = tensor.pin_memory()
    tensor = tensor.to(device.torch, non_blocking=True)
    tensor = tensor[None, None] if tensor.ndim == 2 else tensor.permute(2, 0, 1)[None]
    if wide:
        tensor = tensor.to(torch.int32).bitwise_and_(65535)
    # In one pass, and in this type whatever the host program's default is.
    return torch.div(tensor, 65535.0 if wide else 255.0, out=torch.empty_like(tensor, dtype=torch.float32))


def to_array(tensor: Tensor) -> NDArray[np.float32]:
    """A tensor [1, C, H, W] as a float32 array [H, W] (C = 1) or [H, W, C]."""
    array: NDArray[np.float32] = to_host(tensor[0].permute(1, 2, 0).float()).numpy()
    return array[..., 0] if array.shape[2] == 1 else array


def to_host(tensor: Tensor) -> Tensor:
    """A tensor in the host's memory, synchronised; from a GPU through pinned memory, which is much faster."""
    if tensor.device.type != "cuda":
        return tensor.cpu()
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    host.copy_(tensor.contiguous(), non_blocking=True)
    wait_for(tensor.device)
    return host
