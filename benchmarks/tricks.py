"""What each speed trick of src/mattecli/core/tuning brings: the same work with all of them, and with one left out, both taking turns.

For each case fresh processes, one with all tricks and one without each, load the same model (random weights, on which speed does not
depend) and are asked in turn, call by call, so that a busy moment hits all. Seconds are medians after WARM_UP calls; processor seconds are
those of all threads, and say more on a busy machine. `without / with` above 1 means that the trick saves time. Memory is what the process
holds after its last call.

Work:
- answer: one call of the model on a tensor;
- photo: the same as `matte` does it, with memory reserved before and tidied after;
- sizes: one call on each of 40 sizes that no call had before;
- clip: `matte video` of the first second of the clip that `matte bench` draws, to H.264 over a colour;
- beside a busy machine: answer, while as many processes as there are cores do nothing but count.

With --device cuda the tricks for GPUs are measured instead. On a machine without one, benchmarks/results/tricks.json has none of them.

Usage: python benchmarks/tricks.py [--only PART_OF_NAME] [--repeat 15] [--device cpu|cuda] [--json FILE]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from turns import Answering

WARM_UP = 4
PAUSE_SECONDS = 0.05

HELD = ExitStack()


@dataclass(frozen=True)
class Case:
    """Work that some tricks are measured at; size is (height, width)."""

    work: str
    model: str
    size: tuple[int, int]
    tricks: tuple[str, ...]
    repeat: int | None = None


CPU_CASES = [
    Case("answer", "bgmv2", (1080, 1920), ("fused convolutions", "heap kept between pictures", "large pages"), 7),
    Case("answer", "modnet", (512, 896), ("fused convolutions",), 7),
    Case("answer", "shm-fast", (256, 256), ("fused convolutions", "no more threads than cores")),
    Case(
        "photo", "shm-fast", (512, 512), ("heap kept between pictures", "slack before the heap is given back", "memory reserved beforehand")
    ),
    Case("answer", "closed-form", (270, 480), ("threads that wait passively",), 7),
    Case("beside a busy machine", "closed-form", (270, 480), ("threads that wait passively",), 5),
    Case("sizes", "bgmv2", (192, 256), ("few kernels kept",), 6),
    Case("clip", "shm-fast", (360, 640), ("reading ahead and writing behind", "a frame a core"), 5),
]
GPU_CASES = [
    Case("answer", "bgmv2", (1080, 1920), ("CUDA graphs", "channels together")),
    Case("answer", "modnet", (512, 896), ("CUDA graphs", "channels together")),
    Case("answer", "shm-fast", (256, 256), ("CUDA graphs",)),
    Case("clip", "bgmv2", (1080, 1920), ("pinned memory", "two frames at once"), 5),
]


# The process that works.


def leave_out(trick: str) -> None:
    """Switch one trick off in this process, after process.set_up() and before torch is loaded."""
    if trick == "large pages":
        os.environ.pop("THP_MEM_ALLOC_ENABLE")
    elif trick == "threads that wait passively":
        os.environ.pop("OMP_WAIT_POLICY")
    elif trick == "no more threads than cores":
        os.environ["OMP_NUM_THREADS"] = str(16 * (os.cpu_count() or 1))
    else:
        _patch(trick)


def _patch(trick: str) -> None:
    import torch

    from mattecli.core import runtime, torchscript
    from mattecli.core.tuning import budget, malloc, onednn, parallelism
    from mattecli.pipelines import video

    patches: dict[str, list[tuple[Any, str, Any]]] = {
        "fused convolutions": [(onednn, "is_possible", lambda device, dtype: False)],
        "heap kept between pictures": [(malloc, "keep", lambda: None)],
        "slack before the heap is given back": [(budget, "SLACK", 0)],
        "few kernels kept": [(onednn, "keep_few_kernels", lambda: None)],
        "memory reserved beforehand": [],
        "reading ahead and writing behind": [(video, "read_ahead", _read_at_once), (video, "WriteBehind", _WriteAtOnce)],
        "a frame a core": [(parallelism, "MOST", 1)],
        "CUDA graphs": [(runtime, "Replayed", lambda module: module)],
        "channels together": [(torchscript, "lower", lambda module, dtype: module.to(dtype))],
        "pinned memory": [(torch.Tensor, "pin_memory", lambda tensor: tensor), (runtime, "to_host", lambda tensor: tensor.cpu())],
        "two frames at once": [(parallelism, "FRAMES_ON_GPU", 1)],
    }
    for place, name, value in patches[trick]:
        getattr(place, name)  # AttributeError where the trick has moved
        setattr(place, name, value)


@contextmanager
def _read_at_once(items: Any, *, depth: int, on_wait: Any = None) -> Iterator[Any]:
    yield iter(items)


class _WriteAtOnce:
    """WriteBehind's interface without a thread."""

    def __init__(self, work: Callable[[Any], None], *, depth: int, begin: Callable[[], None] = lambda: None) -> None:
        self.put, self._begin = work, begin

    def __enter__(self) -> "_WriteAtOnce":
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        pass


def work(case: Case, without: str, device: str) -> None:
    """Answer each line on stdin with the seconds of one call."""
    from mattecli.cli import process

    process.set_up()
    if without:
        leave_out(without)
    process.set_up_torch()
    call = prepared(case, device, guarded=without != "memory reserved beforehand")
    print(json.dumps("ready"), flush=True)
    for _ in sys.stdin:
        wall, processor = time.perf_counter(), time.process_time()
        call()
        clock = {"seconds": time.perf_counter() - wall, "processor_seconds": time.process_time() - processor}
        print(json.dumps({**clock, "megabytes": resident_megabytes()}), flush=True)
    HELD.close()


def prepared(case: Case, device: str, *, guarded: bool) -> Callable[[], object]:
    """The call that a case measures."""
    from mattecli.core.random_weights import random_export
    from mattecli.core.registry import registry
    from mattecli.core.runtime import load_model, pick_device
    from mattecli.core.tuning.memory_guard import picture_in_work, run_within
    from mattecli.core.usage import wait_for
    from models import scene

    place = pick_device(device)
    file = random_export(registry().find(case.model))
    if case.work == "clip":
        return clip_call(file, case.size, device)
    model = load_model(file, device=place)

    def inputs(size: tuple[int, int]) -> tuple[Any, dict[str, Any]]:
        image, guides = scene(*size)
        return image.to(place.torch), {name: guides[name].to(place.torch) for name in model.info.guides}

    image, guides = inputs(case.size)

    def answer() -> None:
        model.answer(image, guides)
        wait_for(place.torch)

    def photo() -> None:
        with picture_in_work(case.size, place):
            run_within(model, image, guides, {})

    steps = iter(range(10_000))

    def sizes() -> None:
        for _ in range(40):
            step = next(steps)
            model.answer(*inputs((case.size[0] + 4 * (step % 20), case.size[1] + 4 * (step // 20))))

    return {"answer": answer, "beside a busy machine": answer, "photo": photo if guarded else answer, "sizes": sizes}[case.work]


def clip_call(file: Path, size: tuple[int, int], device: str) -> Callable[[], object]:
    import mattecli
    from mattecli.bench.scene import guide_file, write_clip, write_plate_of

    folder = Path(HELD.enter_context(tempfile.TemporaryDirectory()))
    clip = folder / "clip.mp4"
    write_clip(clip, size)
    model = mattecli.load(str(file), device=device)
    guides: dict[str, Any] = {}
    if model.loaded.info.guides:
        write_plate_of(str(clip), folder)
        guides = {"background": guide_file(folder, "background")}
    output = mattecli.OutputOptions(kind="composite", backdrop=mattecli.open_backdrop("#00ff00"))
    return lambda: mattecli.matte_video(clip, folder / "out.mp4", model=model, output=output, refine="none", end=1, **guides)


def resident_megabytes() -> float:
    from mattecli.core.tuning.budget import resident_memory

    return round(resident_memory() / 1e6)


# The process that gives turns.


class Worker(Answering):
    """A process that does a case's work, with all tricks or without one."""

    def __init__(self, case: Case, device: str, *, without: str) -> None:
        self.clocks: list[dict[str, float]] = []
        super().__init__([sys.executable, __file__, "--device", device, "--work", json.dumps([asdict(case), without])])

    def take_turn(self, *, counts: bool) -> None:
        clock = self.ask("call")
        if counts:
            self.clocks.append(clock)
        time.sleep(PAUSE_SECONDS)

    def summary(self) -> dict[str, float]:
        medians = {key: statistics.median(clock[key] for clock in self.clocks) for key in ("seconds", "processor_seconds")}
        return {key: float(f"{value:.4g}") for key, value in medians.items()} | {"megabytes": self.clocks[-1]["megabytes"]}


@contextmanager
def busy_machine() -> Iterator[None]:
    """As many processes as there are cores that only count, in the block."""
    counting = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in counting:
            process.terminate()
            process.wait()


def measure(case: Case, device: str, repeat: int) -> Iterator[dict[str, Any]]:
    """A row for each trick of a case."""
    with ExitStack() as stack:
        ways = {trick: stack.enter_context(Worker(case, device, without=trick)) for trick in ("", *case.tricks)}
        if case.work == "beside a busy machine":
            stack.enter_context(busy_machine())
        turns = case.repeat or repeat
        warm_up = min(WARM_UP, turns // 3)
        for turn in range(warm_up + turns):
            for worker in ways.values():
                worker.take_turn(counts=turn >= warm_up)
        found = {trick: worker.summary() for trick, worker in ways.items()}
    for trick in case.tricks:
        ratios = {key: round(found[trick][key] / found[""][key], 3) for key in found[""]}
        about = {"trick": trick, "work": case.work, "model": case.model, "size": list(case.size)}
        yield {**about, "with": found[""], "without": found[trick], "without / with": ratios}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only tricks whose name has this in it")
    parser.add_argument("--repeat", type=int, default=15, help="calls of each way that count (default: %(default)s)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="write the results there; rows of other tricks in it stay")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        case, without = json.loads(options.work)
        return work(Case(case["work"], case["model"], tuple(case["size"]), tuple(case["tricks"])), without, options.device)
    for case in CPU_CASES if options.device == "cpu" else GPU_CASES:
        if not any(options.only in trick for trick in case.tricks):
            continue
        for row in measure(case, options.device, options.repeat):
            print(json.dumps(row), flush=True)
            if options.json:
                keep(row, options.json)


def keep(row: dict[str, Any], path: Path) -> None:
    """Put a row into the results, in the place of an earlier one of the same case."""
    from mattecli.core import machine

    def key(one: dict[str, Any]) -> list[Any]:
        return [one["trick"], one["work"], one["model"], one["size"]]

    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    rows = [one for one in rows if key(one) != key(row)] + [row]
    path.write_text(json.dumps({"machine": machine.describe(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
