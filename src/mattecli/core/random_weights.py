"""Models with random weights, to measure what does not depend on their values, such as speed and memory.

Their exports are marked in their metadata and kept in a folder of their own, so that they are never used as the real ones.
"""

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from mattecli.core import export, store
from mattecli.core.registry import ModelSpec
from mattecli.errors import ModelError

SEED = 0
MARK = " (random weights)"


def check_is_buildable(spec: ModelSpec) -> None:
    """ModelError for a model whose published file is a TorchScript program, because it has no network of ours to build."""
    if spec.container != "checkpoint":
        raise ModelError(
            f"{spec.name} is its authors' own program, which cannot be built with random weights; get it: `matte models pull {spec.name}`"
        )


def build_random(spec: ModelSpec) -> nn.Module:
    """The model's contract module as its constructor initialises it, with a fixed seed. Raises as check_is_buildable does."""
    check_is_buildable(spec)
    module = export.network_module(spec)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        wrapped: nn.Module = module.wrap(module.build(**spec.build), **spec.build)
    return wrapped.eval()


def random_export(spec: ModelSpec) -> Path:
    """The TorchScript file of a model with random weights, made once and cached; its name is "NAME (random weights)"."""
    path = store.home() / "random" / f"{spec.name}-{export.export_key(spec)}.pt"
    info = replace(export.info_for(spec, None), name=spec.name + MARK)
    return store.kept_export(path, lambda: export.export(build_random(spec), path, info))
