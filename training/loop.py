"""The training loop. Each step depends on the run's seed and the step's number only.

Choice of examples, augmentation and dropout use generators seeded by (seed, step). So a checkpoint needs no generator state, and on a
CPU a training that was interrupted and resumed has exactly the weights of one that was not.
"""

import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import torch
from torch import Tensor, nn

from mattecli.errors import InputError
from training.augment import augmented
from training.device_dataset import DeviceDataset
from training.log import Log, say
from training.pool import REFRESH, ExamplePool, available, batches, fill, unpacked
from training.random_numbers import seed_of
from training.recompose import read_stock, recomposed
from training.settings import Optimiser, Run
from training.state import State, begun, save
from training.validation import validate


def train(run: Run, device: torch.device) -> State:
    """Train until the last step, the time limit or a signal to stop; then write a checkpoint and return the state."""
    state = begun(run, device)
    held_out = ExamplePool(run, held_out=True)
    fill(held_out, run.data.validation, workers=run.data.workers, report=lambda done, count: say(f"held-out examples: {done} of {count}"))
    log = Log(run)
    saved = time.monotonic()
    with stop_asked(run.minutes) as stops:
        for batch_group in _groups(state):
            loss = one_step(state, batch_group)
            log.note(state.step, loss, rate=rate_at(state.step - 1, run.steps, run.optimiser), examples=state.known)
            if state.step % run.keep.validate == 0 or state.step == run.steps:
                log.write({"step": state.step, "validation": validate(state)})
            by_step = run.keep.checkpoint_steps and state.step % run.keep.checkpoint_steps == 0
            by_clock = run.keep.checkpoint_minutes and time.monotonic() - saved > 60 * run.keep.checkpoint_minutes
            if by_step or by_clock:
                save(state)
                saved = time.monotonic()
            if stops():
                break
    save(state)
    say(f"{state.step} of {run.steps} steps are done; the state is in {state.checkpoints}")
    return state


def _groups(state: State) -> Iterator[list[dict[str, Tensor]]]:
    """The batches of each remaining step. The pool is counted again at every REFRESH-th step only."""
    run, pool = state.run, ExamplePool(state.run)
    while state.step < run.steps:
        end = min(run.steps, (state.step // REFRESH + 1) * REFRESH) if run.data.pool else run.steps
        if not run.data.pool:
            state.known = 0
        elif state.known == 0 or state.step % REFRESH == 0:
            state.known = available(pool)
            if state.known == 0:
                raise InputError(f"{pool.folder} holds no examples yet; draw some with `python -m training draw`")
        share = run.optimiser.accumulate
        source = _batches(state, pool, range(state.step * share, end * share))
        for _ in range(state.step, end):
            yield [next(source) for _ in range(share)]


def _batches(state: State, pool: ExamplePool, numbers: range) -> Iterator[dict[str, Tensor]]:
    """The batches of these numbers on the device, as drawn or recomposed."""
    if state.run.data.on_device:
        state.dataset = state.dataset or DeviceDataset(pool, state.device)
        state.dataset.take(state.known)
        return map(state.dataset.batch, numbers)
    if not state.run.mix.size:
        return (unpacked(raw, state.device) for raw in batches(pool, numbers, state.known))
    if state.stock is None or len(state.stock) < state.known:
        state.stock = read_stock(pool, state.known, state.device, state.stock)
    return recomposed(state.stock, state.run, numbers)


def one_step(state: State, group: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """One step of the optimiser over a group of batches; returns the loss and its unweighted terms."""
    run, network = state.run, state.network
    chance = torch.Generator(state.device).manual_seed(seed_of(run.seed, state.step))
    torch.manual_seed(seed_of(run.seed, state.step))  # for dropout
    network.train()
    state.optimiser.zero_grad(set_to_none=True)
    told: dict[str, Tensor] = {}
    for examples in group:
        batch = augmented(examples, run.augment, chance)
        with torch.autocast(state.device.type, getattr(torch, run.precision), enabled=_mixed(run, state.device)):
            answer = state.task.answer(network, batch)
        terms = state.task.terms(answer, batch)
        loss = torch.stack([weight * terms[name] for name, weight in run.losses.items()]).sum() / len(group)
        state.scaler.scale(loss).backward()
        for name, value in {"loss": loss * len(group), **{name: terms[name] for name in run.losses}}.items():
            told[name] = told.get(name, 0.0) + value.detach() / len(group)
    _descend(state)
    state.step += 1
    return told


def _mixed(run: Run, device: torch.device) -> bool:
    return run.precision == "bfloat16" or (run.precision == "float16" and device.type == "cuda")


def _descend(state: State) -> None:
    settings = state.run.optimiser
    rate = rate_at(state.step, state.run.steps, settings)
    for group in state.optimiser.param_groups:
        group["lr"] = rate * group["factor"]
    state.scaler.unscale_(state.optimiser)
    if settings.clip:
        nn.utils.clip_grad_norm_(state.network.parameters(), settings.clip)
    state.scaler.step(state.optimiser)
    state.scaler.update()
    _average(state.average, state.network, min(settings.average, (1.0 + state.step) / (10.0 + state.step)))


def rate_at(step: int, steps: int, settings: Optimiser) -> float:
    """The learning rate of a step: a linear warm-up, then a half cosine."""
    if step < settings.warmup:
        return settings.rate * (step + 1) / settings.warmup
    share = min((step - settings.warmup) / max(steps - settings.warmup, 1), 1.0)
    return settings.rate * (settings.floor + (1.0 - settings.floor) * 0.5 * (1.0 + math.cos(math.pi * share)))


@torch.no_grad()
def _average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Update the moving average of the weights; the first steps weigh more, so that the random start fades. Counters are copied."""
    pairs = list(zip(average.state_dict().values(), network.state_dict().values(), strict=True))
    moving = [(kept, now) for kept, now in pairs if kept.is_floating_point()]
    torch._foreach_lerp_([kept for kept, _ in moving], [now for _, now in moving], 1.0 - decay)  # one kernel on a GPU, not hundreds
    for kept, now in pairs:
        if not kept.is_floating_point():
            kept.copy_(now)


@contextmanager
def stop_asked(minutes: float) -> Iterator[Callable[[], bool]]:
    """Whether to stop: after the given minutes (0: never), or on SIGTERM or SIGINT. A second signal ends the process at once."""
    asked: list[int] = []
    ends = time.monotonic() + 60 * minutes if minutes else math.inf

    def ask(number: int, frame: FrameType | None) -> None:
        if asked:
            os._exit(128 + number)
        asked.append(number)
        say("stops after this step and keeps its state")

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: bool(asked) or time.monotonic() >= ends
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
