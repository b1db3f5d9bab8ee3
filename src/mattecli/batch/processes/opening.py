"""Opening of a worker's models, and the number of workers and of items that each makes at once."""

import threading
import time
from collections.abc import Callable

from mattecli.batch.maker import Maker
from mattecli.batch.processes.worker import Download, Frames, Make, Plan, Ready, Send, Told
from mattecli.errors import MatteError

MOST_PROCESSES = 4
TOLD_EVERY_SECONDS = 0.5


def open_maker(plan: Plan, send: Send) -> tuple[Make, Ready]:
    """Open a plan's models in a worker process, with the process settings of the command line."""
    from mattecli.cli.process import quiet_warnings, set_up, set_up_pictures, set_up_torch

    set_up()
    set_up_pictures()
    set_up_torch()
    quiet_warnings()
    maker = Maker(
        plan.run,
        checksum=plan.checksum,
        scratch=plan.scratch,
        tell=None if plan.run.max_memory is None else lambda text: send(Told(text)),
        on_progress=lambda name, done, total: send(Download(name, done, total)),
        on_frame=_now_and_then(lambda clip, done, total: send(Frames(clip, done, total))),
    )
    ready = _shared(plan, _prepared(maker, plan))
    if ready.ahead:
        maker.turn = threading.Semaphore(ready.slots)
    return maker.make, ready


def _now_and_then(report: Callable[[str, int, int | None], None]) -> Callable[[str, int, int | None], None]:
    """The callback, called for a clip's last frame and otherwise at most every TOLD_EVERY_SECONDS."""
    told: dict[str, float] = {}

    def step(clip: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if done == total or now - told.get(clip, 0.0) >= TOLD_EVERY_SECONDS:
            told[clip] = now
            report(clip, done, total)

    return step


def _prepared(maker: Maker, plan: Plan) -> str:
    """The device of a plan's models, opened and checked against its settings."""
    settings = plan.settings
    try:
        model = maker.open(settings).at(settings.quality)
        model.prepare(guides=settings.given, refine=settings.refine, options=settings.options)
        maker.output(settings)
    except MatteError:
        if not plan.lenient:
            raise
        return "cpu" if plan.run.device == "auto" else plan.run.device
    return model.device


def _shared(plan: Plan, device: str) -> Ready:
    """The number of processes and of items that each holds; limits torch's threads to this process's share of the cores.

    On a CPU each photo is computed in its own process with a share of the cores, which is faster than threads that share a model, and two
    more are read or written there meanwhile. With a memory limit, and on a GPU, one process computes several. A clip takes all cores.
    """
    import torch

    cores = torch.get_num_threads()
    ready = _divided(plan, device, cores)
    if device.startswith("cpu"):
        torch.set_num_threads(max(1, cores // (ready.processes * ready.slots)))
    return ready


def _divided(plan: Plan, device: str, cores: int) -> Ready:
    if plan.run.clips:
        return Ready(device, plan.workers or 1, 1)
    if device.startswith("cpu"):
        at_once = plan.workers or min(cores, MOST_PROCESSES)
        return Ready(device, at_once, 1, ahead=2) if plan.run.max_memory is None else Ready(device, 1, at_once)
    return Ready(device, 1, plan.workers or min(cores, 2 * MOST_PROCESSES))
