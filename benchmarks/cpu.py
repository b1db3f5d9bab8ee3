"""How fast the exports are on a processor: each against its authors' network run eagerly in PyTorch, and against its multiplications.

For each model three fresh processes take turns, call by call, so that a busy moment hits all:

- export: `matte`'s way with one picture, the TorchScript file as the runtime loads it, in the environment that mattecli.core sets;
- side by side: `matte`'s way with many pictures and with clips, the same with a picture on each core (decision 9); seconds are those of
  the whole call, divided by the pictures;
- eager: the same modules as plain torch.nn, in eval() and torch.no_grad(), as the authors' scripts run theirs. This process imports
  torch as any script does, and never mattecli.core.

All have the same random weights (speed does not depend on their values), fp32, the same input and the same number of threads in all.
The first calls of each are warm-up, the rest count by their median. The reference is our modules run eagerly. BackgroundMattingV2's
refiner goes over memory fewer times in them than in the authors' code, so that its reference is the faster for it; MODNet's half norms,
which do so too, are the authors' in the reference: a batch norm, an instance norm and a concatenation.

Inputs have the size at which each network works by itself, so that resizing does not count: bgmv2 (the MobileNetV2 one) at 1920x1080,
modnet at 896x512, which is what it makes of a 1280x720 photo, shm-fast at 256x256, dim at 800x800.

Also measured:

- difference: the greatest of |alpha exported - alpha eager|, alphas in 0..1. Rounding alone may send one of BackgroundMattingV2's
  patches among the refined or not, so the share of pixels that differ by more than TOLERANCE is counted too;
- floor_seconds: multiply-accumulates of the eager call (torch.utils.flop_counter) at the pace of this machine, which is the faster of
  a large convolution and a large matrix product with all threads. Depthwise convolutions and those with few channels are bound by
  memory, not by multiplications, and stay far above it;
- others_share: how much of all cores' time other programs had during the calls; above a few percent the seconds mean little;
- shares: of one exported call, what torch.profiler records on the calling thread, by kind of operator.

Usage: python benchmarks/cpu.py [--models bgmv2,modnet] [--repeat 15] [--threads N] [--json FILE]
"""

import argparse
import importlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from turns import Answering

# Of whoever called, before mattecli.core adds to it: torch and mattecli.core are imported inside functions for that reason.
ENVIRONMENT = dict(os.environ)

SIZES = {"bgmv2": (1080, 1920), "modnet": (512, 896), "shm-fast": (256, 256), "dim": (800, 800)}
WARM_UP = 4
# A model ends before `--repeat` calls once it has taken so long and has counted so many.
ENOUGH_SECONDS, FEWEST = 75, 5
TOLERANCE = 1e-3
# A process's threads may go on spinning for a moment after its call, and must not do so during the other's.
PAUSE_SECONDS = 0.1

# Beginnings of operators' names by kind; the first that fits counts, what fits none is OTHER.
CONVOLUTION, OTHER = "convolution", "other"
KINDS = {
    CONVOLUTION: ("mkldnn::_conv", "aten::mkldnn_conv", "aten::conv", "aten::_conv", "aten::addmm", "aten::mm", "aten::linear"),
    "resampling and pooling": (
        *("aten::upsample", "aten::_embedding_bag", "aten::embedding_bag", "aten::max_pool", "aten::max_unpool"),
        *("aten::avg_pool", "aten::adaptive_avg", "aten::_adaptive_avg"),
    ),
    # MODNet's norms scale and shift with addcmul, and nothing else uses it.
    "normalisation": ("aten::batch_norm", "aten::native_batch_norm", "aten::instance_norm", "aten::addcmul"),
    "copies and layout": (
        *("aten::copy_", "aten::clone", "aten::contiguous", "aten::cat", "aten::pad", "aten::constant_pad", "aten::reflection_pad"),
        *("aten::replication_pad", "aten::index", "aten::_index_put", "aten::fill_", "aten::zero", "aten::full", "aten::to", "aten::_to_"),
    ),
    "elementwise": (
        *("aten::add", "aten::sub", "aten::rsub", "aten::mul", "aten::div", "aten::relu", "aten::clamp", "aten::hardtanh"),
        *("aten::sigmoid", "aten::softmax", "aten::_softmax", "aten::where", "aten::round", "aten::floor", "aten::gt", "aten::ge"),
        *("aten::lt", "aten::bitwise", "aten::__and__", "aten::logical", "aten::_prelu", "aten::prelu"),
    ),
}

EXPORT, SIDE_BY_SIDE, EAGER = "export", "side by side", "eager"

Call = Callable[[], Any]  # -> alpha, a tensor [1, 1, H, W]

HELD = ExitStack()


# The processes that take turns.


def work(folder: Path) -> None:
    """Do what the lines on stdin ask for and answer each with a line of JSON on stdout."""
    case = json.loads((folder / "case.json").read_text())
    call = eager_call(case, folder) if case["way"] == EAGER else export_call(case, folder)
    turn, pictures = side_by_side(call) if case["way"] == SIDE_BY_SIDE else (call, 1)
    tasks: dict[str, Callable[[], object]] = {
        "call": lambda: {"pictures": pictures, **clock(turn, pictures)},
        "save": lambda: np.save(folder / f"{case['way']}.npy", call().numpy()),
        "count": lambda: multiplications(call),
        "profile": lambda: shares(call),
        "pace": pace,
    }
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(tasks[line.strip()]()), flush=True)


def export_call(case: Mapping[str, Any], folder: Path) -> Call:
    from mattecli.core.runtime import load_model, pick_device

    set_threads(case)
    model = load_model(Path(case["export"]), device=pick_device("cpu"))
    image, guides = read_inputs(case, folder)
    return lambda: model(image, guides)[0]


def side_by_side(call: Call) -> tuple[Call, int]:
    """The call for as many pictures as `matte` works on at once, and how many that is; for the rest of this process."""
    import torch

    from mattecli.core.runtime import pick_device
    from mattecli.core.tuning.parallelism import frames_at_once, limit_threads

    pictures = frames_at_once(pick_device("cpu"))
    share = max(torch.get_num_threads() // pictures, 1)
    pool = HELD.enter_context(ThreadPoolExecutor(pictures, initializer=limit_threads, initargs=(share,)))
    return lambda: list(pool.map(lambda _: call(), range(pictures))), pictures


def eager_call(case: Mapping[str, Any], folder: Path) -> Call:
    """The network as a script builds, loads and calls it."""
    import torch

    set_threads(case)
    module = importlib.import_module(f"mattecli.nets.{case['architecture']}")
    torch.manual_seed(case["seed"])
    network = module.wrap(module.build(**case["build"]), **case["build"]).eval()
    if case["architecture"] == "modnet":
        module.HalfInstanceNorm.forward = norms_apart
    image, guides = read_inputs(case, folder)
    if "mattecli.core" in sys.modules:
        raise RuntimeError("the eager process has imported mattecli.core, so it is no reference any more")

    def call() -> Any:
        with torch.no_grad():
            return network(image, *guides.values())[0]

    return call


def norms_apart(norm: Any, features: Any) -> Any:
    """MODNet's half norm as its authors' IBNorm computes it (github.com/ZHKKKe/MODNet, src/models/modnet.py)."""
    import torch

    by_batch = norm.bnorm(features[:, : norm.first].contiguous())
    by_instance = torch.nn.functional.instance_norm(features[:, norm.first :].contiguous())
    return torch.cat((by_batch, by_instance), 1)


def set_threads(case: Mapping[str, Any]) -> None:
    import torch

    torch.set_num_threads(case["threads"])


def read_inputs(case: Mapping[str, Any], folder: Path) -> tuple[Any, dict[str, Any]]:
    """Image [1, 3, H, W] and guides in the model's order, as the contract has them."""
    import torch

    with np.load(folder / "inputs.npz") as file:
        tensors = {name: torch.from_numpy(file[name]) for name in ("image", *case["guides"])}
    return tensors.pop("image"), tensors


def clock(call: Call, pictures: int = 1) -> dict[str, float]:
    """Seconds of a call for each of its pictures."""
    wall, processor = time.perf_counter(), time.process_time()
    call()
    return {"seconds": (time.perf_counter() - wall) / pictures, "processor_seconds": (time.process_time() - processor) / pictures}


def multiplications(call: Call) -> float:
    """Multiply-accumulates of an eager call, in billions."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops() / 2e9


def pace() -> dict[str, float]:
    """Billions of floating-point operations a second, two to a multiply-accumulate: the best of some calls."""
    import torch

    picture = torch.rand(1, 256, 96, 96).contiguous(memory_format=torch.channels_last)
    weight = torch.rand(256, 256, 3, 3).contiguous(memory_format=torch.channels_last)
    matrix = torch.rand(2048, 2048)
    with torch.inference_mode():
        convolution = min(clock(lambda: torch.conv2d(picture, weight, padding=1))["seconds"] for _ in range(8))
        product = min(clock(lambda: matrix @ matrix)["seconds"] for _ in range(8))
    return {"convolution": 2 * 256 * 256 * 9 * 96 * 96 / convolution / 1e9, "matrix product": 2 * 2048**3 / product / 1e9}


def shares(call: Call) -> dict[str, Any]:
    """Of one call the share of each kind of operator in its time, and the operators of kind OTHER that take a hundredth or more."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        call()
    times = {event.key: event.self_cpu_time_total for event in profiler.key_averages()}
    total = sum(times.values())
    found = dict.fromkeys((*KINDS, OTHER), 0.0)
    for operator, microseconds in times.items():
        found[kind(operator)] += microseconds / total
    unnamed = {key: part / total for key, part in times.items() if kind(key) == OTHER and part > total / 100}
    return {"shares": found, "in other": unnamed}


def kind(operator: str) -> str:
    return next((kind for kind, beginnings in KINDS.items() if operator.startswith(beginnings)), OTHER)


# The process that gives them their turns.


class Worker(Answering):
    """A process of one of the ways."""

    def __init__(self, way: str, case: Mapping[str, object], folder: Path) -> None:
        own = folder / way
        own.mkdir()
        (own / "case.json").write_text(json.dumps({**case, "way": way}))
        os.link(folder / "inputs.npz", own / "inputs.npz")
        self.alpha = own / f"{way}.npy"
        self.clocked: list[dict[str, float]] = []
        self.processor_seconds = 0.0
        super().__init__([sys.executable, __file__, "--work", str(own)], ENVIRONMENT)

    def take_turn(self, *, counts: bool) -> None:
        clocked = self.ask("call")
        self.processor_seconds += clocked.pop("pictures") * clocked["processor_seconds"]
        if counts:
            self.clocked.append(clocked)
        time.sleep(PAUSE_SECONDS)

    def median(self, clock: str) -> float:
        return statistics.median(clocked[clock] for clocked in self.clocked)

    def summary(self) -> dict[str, float]:
        seconds = [clocked["seconds"] for clocked in self.clocked]
        medians = {clock: self.median(clock) for clock in ("seconds", "processor_seconds")}
        return {**medians, "least_seconds": min(seconds), "most_seconds": max(seconds)}


def measure(name: str, *, threads: int, repeat: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        case = prepare(name, folder) | {"threads": threads}
        with Worker(EXPORT, case, folder) as export, Worker(SIDE_BY_SIDE, case, folder) as side, Worker(EAGER, case, folder) as eager:
            ways = {EXPORT: export, SIDE_BY_SIDE: side, EAGER: eager}
            row = {"model": name, "size": "{1}x{0}".format(*SIZES[name]), "others_share": take_turns(*ways.values(), repeat=repeat)}
            row |= {"calls": len(export.clocked), **{way: worker.summary() for way, worker in ways.items()}}
            row |= {f"eager / {way}": eager.median("seconds") / ways[way].median("seconds") for way in (EXPORT, SIDE_BY_SIDE)}
            row |= {"gmacs": eager.ask("count"), "pace": export.ask("pace"), **export.ask("profile"), **difference(export, eager)}
            return row


def take_turns(*workers: Worker, repeat: int) -> float | None:
    """Let each call its model in turn; the share of all cores' time that other programs had meanwhile."""
    begin, busy = time.monotonic(), busy_seconds()
    for turn in range(WARM_UP + repeat):
        for worker in workers:
            worker.take_turn(counts=turn >= WARM_UP)
        if turn >= WARM_UP + FEWEST and time.monotonic() - begin > ENOUGH_SECONDS:
            break
    passed, cores = time.monotonic() - begin, os.cpu_count() or 1
    own = sum(worker.processor_seconds for worker in workers)
    return None if busy is None else max(0.0, ((busy_seconds() or 0.0) - busy - own) / (passed * cores))


def busy_seconds() -> float | None:
    """For how long all cores together have not been idle; None where there is no /proc (proc(5): /proc/stat)."""
    path = Path("/proc/stat")
    if not path.exists():
        return None
    ticks = [int(number) for number in path.read_text().split(maxsplit=9)[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def prepare(name: str, folder: Path) -> dict[str, object]:
    """Write the inputs, and say what the workers need to know."""
    from mattecli.core.random_weights import SEED, random_export
    from mattecli.core.registry import registry
    from models import scene

    spec = registry().find(name)
    image, guides = scene(*SIZES[name])
    tensors = {"image": image, **{guide: guides[guide] for guide in spec.guides}}
    np.savez(folder / "inputs.npz", **{key: tensor.numpy() for key, tensor in tensors.items()})
    build = {"architecture": spec.architecture, "build": dict(spec.build), "guides": spec.guides, "seed": SEED}
    return {**build, "export": str(random_export(spec))}


def difference(export: Worker, eager: Worker) -> dict[str, object]:
    """How far apart the alphas are."""
    for worker in (export, eager):
        worker.ask("save")
    apart = np.abs(np.load(export.alpha) - np.load(eager.alpha))
    return {"difference": float(apart.max()), "share_of_pixels_apart": float((apart > TOLERANCE).mean())}


def with_floors(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, each with the time its multiply-accumulates take at the fastest pace seen, and how far its export is from that."""
    fastest = max(value for row in rows for value in row["pace"].values())
    floors = [2 * row["gmacs"] / fastest for row in rows]
    return [
        row | {"floor_seconds": floor, "times_the_floor": row[SIDE_BY_SIDE]["seconds"] / floor}
        for row, floor in zip(rows, floors, strict=True)
    ]


def rounded(value: Any) -> Any:
    """Numbers to four digits, in whatever holds them."""
    if isinstance(value, Mapping):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def table(rows: list[dict[str, Any]]) -> str:
    columns = ("export s", "side s", "eager s", "times", "side", "apart", "GMACs", "floor s", "x floor")
    lines = [f"{'model':10}{'size':>11}" + "".join(f"{column:>9}" for column in columns)]
    for row in rows:
        seconds = "".join(f"{row[way]['seconds']:9.4f}" for way in (EXPORT, SIDE_BY_SIDE, EAGER))
        times = "".join(f"{row[f'eager / {way}']:9.2f}" for way in (EXPORT, SIDE_BY_SIDE))
        costs = f"{row['difference']:9.0e}{row['gmacs']:9.2f}{row['floor_seconds']:9.4f}{row['times_the_floor']:9.1f}"
        lines.append(f"{row['model']:10}{row['size']:>11}{seconds}{times}{costs}")
    for row in rows:
        lines.append(f"{row['model']:10}" + ", ".join(f"{kind} {share:.0%}" for kind, share in row["shares"].items()))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(SIZES), help="names, separated by commas (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=15, help="calls of each way that count, fewer if slow (default: %(default)s)")
    parser.add_argument("--threads", type=int, help="of both ways (default: torch's own choice on this machine)")
    parser.add_argument("--json", type=Path, help="write the results there")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work)
        return
    unknown = set(options.models.split(",")) - set(SIZES)
    if unknown:
        parser.error(f"there are no sizes here for {', '.join(unknown)}; models are {', '.join(SIZES)}")
    report(options)


def report(options: argparse.Namespace) -> None:
    from mattecli.core import machine

    about = machine.describe()
    threads = options.threads or about["torch_threads"]
    rows: list[dict[str, Any]] = []
    for name in options.models.split(","):
        rows = with_floors([*rows, measure(name, threads=threads, repeat=options.repeat)])
        print(json.dumps(rounded(rows[-1])), file=sys.stderr, flush=True)
        if options.json:  # what is measured stays, whatever comes after it
            result = {"machine": {**about, "torch_threads": threads}, "models": rounded(rows)}
            options.json.write_text(json.dumps(result, indent=1) + "\n")
    print(table(rounded(rows)))


if __name__ == "__main__":
    main()
