"""From a training's state to the file that is shipped: the averaged weights, half precision, plain tensors."""

import hashlib
from pathlib import Path

import torch

from mattecli.errors import InputError, ModelError
from training import checkpoint
from training.settings import Run


def ship(run: Run, destination: Path) -> dict[str, str | int]:
    """Writes the averaged weights of the newest checkpoint as a float16 state dict; its path, sha256, bytes, step and parameters.

    Raises InputError when there is no checkpoint, ModelError when a weight leaves the range of float16.
    """
    folder = Path(run.folder) / "checkpoints"
    kept = checkpoint.newest(folder)
    if kept is None:
        raise InputError(f"{folder} holds no checkpoint; train first")
    weights = {name: _half(name, tensor) for name, tensor in kept["average"].items()}
    destination.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.write(weights, destination)
    data = destination.read_bytes()
    parameters = sum(tensor.numel() for tensor in weights.values())
    return {
        "path": str(destination),
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "step": kept["step"],
        "parameters": parameters,
    }


def _half(name: str, tensor: torch.Tensor) -> torch.Tensor:
    if not tensor.is_floating_point():
        return tensor.contiguous().clone()
    half = tensor.half()
    if not bool(torch.isfinite(half).all()):
        raise ModelError(f"{name} leaves the range of float16; the training went astray")
    return half.contiguous().clone()
