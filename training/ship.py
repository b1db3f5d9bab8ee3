"""Writes the shipped file of a training: the averaged weights as plain tensors in half precision."""

import hashlib
from pathlib import Path

import torch

from mattecli.errors import InputError, ModelError
from training import checkpoint
from training.networks import task_of
from training.norms import folded
from training.settings import Run


def ship(run: Run, destination: Path, earlier: Path | None = None) -> dict[str, str | int]:
    """Write the averaged weights of the newest checkpoint as a float16 state dict; returns its path, sha256, bytes, step and parameters.

    earlier: weights that were shipped earlier in the same training; then the mean of both is written, which often generalises better than
    either (Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", UAI 2018).

    Raises InputError when there is no checkpoint or the earlier weights are another network's, ModelError when another weight
    leaves the range of float16.
    """
    folder = Path(run.folder) / "checkpoints"
    kept = checkpoint.newest(folder)
    if kept is None:
        raise InputError(f"{folder} holds no checkpoint; train first")
    if earlier is None and run.mean:
        earlier = Path(run.mean)
    convert = task_of(run.network).convert
    newest = convert(kept["average"])
    averaged = newest if earlier is None else _mean(newest, convert(checkpoint.load(earlier)), earlier)
    weights = {name: _half(name, tensor) for name, tensor in folded(averaged).items()}
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


def _mean(weights: dict[str, torch.Tensor], others: dict[str, torch.Tensor], earlier: Path) -> dict[str, torch.Tensor]:
    """The mean of both; a layer that the earlier network did not have stays unchanged. earlier: the file of `others`."""
    if not others or any(name not in weights or tensor.shape != weights[name].shape for name, tensor in others.items()):
        raise InputError(f"{earlier} holds the weights of another network; give some that this run began with or has shipped")
    return {
        name: (tensor + others[name].to(tensor)) / 2 if tensor.is_floating_point() and name in others else tensor
        for name, tensor in weights.items()
    }


def _half(name: str, tensor: torch.Tensor) -> torch.Tensor:
    if not tensor.is_floating_point():
        return tensor.contiguous().clone()
    half = tensor.half()
    if not bool(torch.isfinite(half).all()):
        if name.endswith(".running_var") and bool(torch.isfinite(tensor).all()):  # of standardised convolutions: a few hundred numbers
            return tensor.float().clone()
        raise ModelError(f"{name} leaves the range of float16; the training went astray")
    return half.contiguous().clone()
