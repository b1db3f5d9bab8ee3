"""The state of a training: started, saved, resumed."""

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mattecli.errors import InputError, MatteError
from training import checkpoint
from training.device_dataset import DeviceDataset
from training.log import say
from training.networks import Task, check_losses, task_of
from training.recompose import Stock
from training.settings import Optimiser, Run, as_table

OPTIMISERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


@dataclass
class State:
    """A training after `step` steps. `known`: the pool's examples when they were last counted; `average`: the moving average of the
    weights; `stock`: those examples, if they are recomposed; `dataset`: the same, if they stay in device memory unchanged."""

    run: Run
    task: Task
    device: torch.device
    network: nn.Module
    average: nn.Module
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    step: int = 0
    known: int = 0
    stock: Stock | None = None
    dataset: DeviceDataset | None = None

    @property
    def checkpoints(self) -> Path:
        return Path(self.run.folder) / "checkpoints"


def begun(run: Run, device: torch.device) -> State:
    """The initial state of a run, or that of its newest checkpoint. Raises InputError when the checkpoint does not fit the run."""
    check_losses(run.network, run.losses)
    task = task_of(run.network)
    torch.manual_seed(run.seed)
    network = task.build(run.build)
    if run.start:
        _start_from(network, task, Path(run.start))
    network.to(device).train()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a tenth faster, on CPUs too
    average = deepcopy(network).eval().requires_grad_(False)
    scaler = torch.amp.GradScaler(device.type, enabled=run.precision == "float16" and device.type == "cuda")
    state = State(run, task, device, network, average, _optimiser(network, run.optimiser), scaler)
    kept = checkpoint.newest(state.checkpoints)
    if kept is not None:
        _restore(state, kept)
    return state


def _start_from(network: nn.Module, task: Task, path: Path) -> None:
    """Load the weights that the network shares by name; those of a part (a base network) or of a narrower network are a valid start."""
    own, given = network.state_dict(), task.convert(checkpoint.load(path))
    fitting = {key: _grown(own[key], value) for key, value in given.items() if key in own and _fits(value, own[key])}
    if not fitting:
        raise InputError(f"{path} has no weight of this network; start from another file or from none")
    network.load_state_dict(fitting, strict=False)
    say(f"{len(fitting)} of {len(own)} tensors come from {path}")


def _fits(given: torch.Tensor, own: torch.Tensor) -> bool:
    """Whether a weight has the same dimensions with at most as many channels."""
    channels_fit = all(few <= many for few, many in zip(given.shape[:2], own.shape[:2], strict=False))
    return given.dim() == own.dim() and channels_fit and given.shape[2:] == own.shape[2:]


def _grown(own: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
    """The weight with a narrower network's as its first channels; the contribution of the new channels is 0 at first."""
    grown = own.clone()
    if own.dim() > 1:
        grown[: given.shape[0]] = 0.0
    grown[tuple(slice(0, count) for count in given.shape)] = given.to(own.dtype)
    return grown


def _optimiser(network: nn.Module, settings: Optimiser) -> torch.optim.Optimizer:
    """An optimiser with one parameter group for each factor, stored as `factor`, because the rate is set at every step."""
    if settings.name not in OPTIMISERS:
        raise InputError(f"there is no optimiser {settings.name!r}; there are {', '.join(OPTIMISERS)}")
    groups: dict[str, dict[str, Any]] = {}
    for name, parameter in network.named_parameters():
        prefix = next((prefix for prefix in settings.factors if name.startswith(prefix)), "")
        group = groups.setdefault(prefix, {"params": [], "factor": settings.factors.get(prefix, 1.0)})
        group["params"].append(parameter)
    unused = [prefix for prefix in settings.factors if prefix not in groups]
    if unused:
        raise InputError(f"no parameter's name begins with {', '.join(unused)}; mend [optimiser.factors]")
    return OPTIMISERS[settings.name](list(groups.values()), lr=settings.rate, weight_decay=settings.decay)


def _restore(state: State, kept: dict[str, Any]) -> None:
    try:
        state.network.load_state_dict(state.task.convert(kept["network"]))
        state.average.load_state_dict(state.task.convert(kept["average"]))
        _restore_optimiser(state.optimiser, kept["optimiser"])
    except (KeyError, RuntimeError, ValueError) as error:
        raise InputError(f"the checkpoint in {state.checkpoints} is of another network; set another folder, or remove it") from error
    state.scaler.load_state_dict(kept["scaler"])
    state.step, state.known = kept["step"], kept["known"]
    before, now = kept["run"], as_table(state.run)
    changed = [key for key in now if key not in ("folder", "minutes") and before.get(key) != now[key]]
    say(f"goes on after step {state.step}" + (f"; since then these settings changed: {', '.join(changed)}" if changed else ""))


def _restore_optimiser(optimiser: torch.optim.Optimizer, kept: dict[str, Any]) -> None:
    """Restore the optimiser's moments; decay and factors stay those of the settings."""
    asked = [{name: group[name] for name in ("weight_decay", "factor")} for group in optimiser.param_groups]
    optimiser.load_state_dict(kept)
    for group, values in zip(optimiser.param_groups, asked, strict=True):
        group.update(values)


def save(state: State) -> None:
    """Write a checkpoint. Raises MatteError, and keeps the existing ones, when a weight is not finite."""
    if not all(bool(torch.isfinite(weight).all()) for weight in state.network.parameters()):
        raise MatteError(f"the weights are no longer numbers at step {state.step}; lower the rate and go on from the checkpoint before")
    parts = {"network": state.network, "average": state.average, "optimiser": state.optimiser, "scaler": state.scaler}
    kept: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}  # type: ignore[attr-defined]
    checkpoint.save({**kept, "step": state.step, "known": state.known, "run": as_table(state.run)}, state.checkpoints, state.step)
