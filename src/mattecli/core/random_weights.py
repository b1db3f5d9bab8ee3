"""Models without their weights: the same network with random ones, for what does not depend on their values, such as speed and memory.

A stand-in says what it is in its metadata, and lies apart from the real exports, so that nothing takes the one for the other.
"""

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from mattecli.core import export, store
from mattecli.core.registry import ModelSpec
from mattecli.errors import ModelError

SEED = 0
MARK = " (stand-in)"


def check_can_stand_in(spec: ModelSpec) -> None:
    """ModelError for a model whose published file is a program: there is no network of ours to fill with other weights."""
    if spec.container != "checkpoint":
        raise ModelError(
            f"{spec.name} is its authors' own program, so nothing can stand in for it; get it: `matte models pull {spec.name}`"
        )


def build_standin(spec: ModelSpec) -> nn.Module:
    """The model's contract module with the weights its constructor leaves, the same each time. Raises as check_can_stand_in does."""
    check_can_stand_in(spec)
    module = export.network_module(spec)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        wrapped: nn.Module = module.wrap(module.build(**spec.build), **spec.build)
    return wrapped.eval()


def standin_file(spec: ModelSpec) -> Path:
    """The TorchScript file of a stand-in, made once and kept in the cache; "NAME (stand-in)" is the name it gives for itself."""
    path = store.home() / "standins" / f"{spec.name}-{export.export_key(spec)}.pt"
    info = replace(export.info_for(spec, None), name=spec.name + MARK)
    return store.kept_export(path, lambda: export.export(build_standin(spec), path, info))
