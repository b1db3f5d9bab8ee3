"""How fast `matte` runs a network on a processor, beside ONNX Runtime and OpenVINO on the same network and input, in one process.

For each model the complete function of its export (pre- and post-processing included) with random weights, at the size at which its
network works by itself: `matte`'s way with one picture, ONNX Runtime on an ONNX file that torch makes of the same module, and OpenVINO on
what its own converter makes of that module.
They take turns, call by call; the first calls of each are warm-up, the rest count by their median. Every way has the same number of
threads. In bfloat16 only `matte` and OpenVINO take part (`--precision bf16`), and the loss is the greatest and the mean difference of an
alpha from the float32 one. An engine that cannot take a model is a row with its reason.

Usage: python benchmarks/engines.py [--models shm-fast,modnet] [--precision fp32] [--repeat 15] [--threads 1] [--json FILE]
       python benchmarks/engines.py --page      (write the tables of docs/measured.md from results/engines.json and engines_bf16.json)
Needs the packages onnxruntime, openvino, onnx and onnxscript. On a busy machine times mean little: others_share is the time of others.
"""

import argparse
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from mattecli.cli import process

process.set_up()  # before torch is loaded, as the command line does: threads that wait passively, large pages

import numpy as np  # noqa: E402
import torch  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from cpu import busy_seconds, norms_apart  # noqa: E402
from mattecli.core import machine  # noqa: E402
from mattecli.core.random_weights import build_random, random_export  # noqa: E402
from mattecli.core.registry import ModelSpec, registry  # noqa: E402
from mattecli.core.runtime import load_model, pick_device  # noqa: E402
from mattecli.nets.modnet import EnlargingConvolution, HalfInstanceNorm  # noqa: E402
from mattecli.nets.parts.ops import double  # noqa: E402
from models import scene  # noqa: E402
from pages import PAGE_OF_NUMBERS, with_tables  # noqa: E402
from weights import table  # noqa: E402

RESULTS = Path(__file__).resolve().parent / "results"
SIZES = {
    "shm-fast": (256, 256),
    "fdm-erd": (256, 256),
    "fdm": (128, 128),
    "mmnet": (256, 256),
    "subject": (320, 320),
    "modnet": (512, 896),
    "bgmv2": (1080, 1920),
    "dim": (800, 800),
}
OURS, ONNX, VINO = "matte", "onnxruntime", "openvino"
WARM_UP, PAUSE_SECONDS = 4, 0.05
Alpha = NDArray[np.float32]
Call = Callable[[], Alpha]


class AlphaOnly(nn.Module):
    """A contract module that returns only its alpha."""

    def __init__(self, whole: nn.Module) -> None:
        super().__init__()
        self.whole = whole

    def forward(self, *tensors: Tensor) -> Tensor:
        alpha: Tensor = self.whole(*tensors)[0]
        return alpha


def ours(spec: ModelSpec, tensors: list[Tensor], precision: str) -> Call:
    model = load_model(random_export(spec), device=pick_device("cpu"), precision=precision)
    guides = dict(zip(spec.guides, tensors[1:], strict=True))
    return lambda: model(tensors[0], guides)[0].float().numpy()


@contextmanager
def convertible(spec: ModelSpec) -> Iterator[nn.Module]:
    """The model's module for a converter, with its authors' norms and order for MODNet: converters do not know ours."""
    norms = mock.patch.object(HalfInstanceNorm, "forward", norms_apart)
    order = mock.patch.object(EnlargingConvolution, "forward", lambda layer, features: layer.layers(double(features)))
    with warnings.catch_warnings(), torch.no_grad(), norms, order:
        warnings.simplefilter("ignore")
        yield AlphaOnly(build_random(spec)).eval()


def exported(spec: ModelSpec, tensors: list[Tensor], folder: Path) -> Path:
    """An ONNX file of the model's module, for this size alone."""
    path = folder / f"{spec.name}.onnx"
    with convertible(spec) as module:
        torch.onnx.export(module, tuple(tensors), path, dynamo=True, verbose=False)
    return path


def with_onnxruntime(path: Path, tensors: list[Tensor], threads: int) -> Call:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    given = {known.name: tensor.numpy() for known, tensor in zip(session.get_inputs(), tensors, strict=True)}
    return lambda: np.asarray(session.run(None, given)[0])


def with_openvino(spec: ModelSpec, tensors: list[Tensor], threads: int, precision: str) -> Call:
    import openvino

    with convertible(spec) as module:
        shapes = [list(tensor.shape) for tensor in tensors]
        converted = openvino.convert_model(module, example_input=tuple(tensors), input=shapes)

    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": {"fp32": "f32"}.get(precision, precision),
    }
    request = openvino.Core().compile_model(converted, "CPU", settings).create_infer_request()
    given = [tensor.numpy() for tensor in tensors]
    return lambda: np.asarray(request.infer(given)[0])


def measured(name: str, *, precision: str, repeat: int, threads: int) -> dict[str, Any]:
    spec = registry().models[name]
    image, guides = scene(*SIZES[name])
    tensors = [image, *(guides[guide] for guide in spec.guides)]
    with tempfile.TemporaryDirectory() as folder:
        calls, failed = _calls(spec, tensors, Path(folder), precision, threads)
        seconds, others = _turns(calls, repeat)
        alphas = {way: call() for way, call in calls.items()}
    exact = ours(spec, tensors, "fp32")() if precision != "fp32" else alphas[OURS]
    row: dict[str, Any] = {"model": name, "size": "{1}x{0}".format(*SIZES[name]), "precision": precision, "others_share": others}
    for way, taken in seconds.items():
        row[way] = {"seconds": statistics.median(taken), "least": min(taken), **apart(alphas[way], exact)}
    row |= {f"{way} / {OURS}": row[way]["seconds"] / row[OURS]["seconds"] for way in seconds if way != OURS}
    return {**row, "failed": failed}


def apart(alpha: Alpha, exact: Alpha) -> dict[str, float]:
    difference = np.abs(alpha - exact)
    return {"apart": float(difference.max()), "mean_apart": float(difference.mean())}


def _calls(spec: ModelSpec, tensors: list[Tensor], folder: Path, precision: str, threads: int) -> tuple[dict[str, Call], dict[str, str]]:
    """What can run the model, and why what cannot does not."""
    makers: dict[str, Callable[[], Call]] = {VINO: lambda: with_openvino(spec, tensors, threads, precision)}
    if precision == "fp32":
        makers = {ONNX: lambda: with_onnxruntime(exported(spec, tensors, folder), tensors, threads), **makers}
    calls, failed = {OURS: ours(spec, tensors, precision)}, {}
    for way, make in makers.items():
        try:
            calls[way] = make()
        except Exception as error:  # whatever an exporter or an engine raises is a row here
            failed[way] = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
    return calls, failed


def _turns(calls: dict[str, Call], repeat: int) -> tuple[dict[str, list[float]], float | None]:
    """The seconds of each way's calls, and the share of all cores' time that other programs had."""
    seconds: dict[str, list[float]] = {way: [] for way in calls}
    begin, busy, own = time.monotonic(), busy_seconds(), time.process_time()
    for turn in range(WARM_UP + repeat):
        for way, call in calls.items():
            start = time.perf_counter()
            call()
            if turn >= WARM_UP:
                seconds[way].append(time.perf_counter() - start)
            time.sleep(PAUSE_SECONDS)
    passed, mine = time.monotonic() - begin, time.process_time() - own
    others = None if busy is None else max(0.0, ((busy_seconds() or 0.0) - busy - mine) / (passed * (torch.get_num_threads() or 1)))
    return seconds, others


def markdown(report: dict[str, Any]) -> str:
    """One line a network: seconds a call of each engine, and how far `matte`'s alpha is from the float32 one."""
    on = report["machine"]
    head = ["network", "size", "`matte`", f"ONNX Runtime {on['onnxruntime']}", f"OpenVINO {on['openvino'].split('-')[0]}"]
    lines = [[f"`{row['model']}`", row["size"], *(_seconds(row, way) for way in (OURS, ONNX, VINO))] for row in report["rows"]]
    if report["rows"][0]["precision"] != "fp32":
        head = [*head[:3], head[4], "alpha apart, mean / most"]
        apart = [f"{row[OURS]['mean_apart']:.1e} / {row[OURS]['apart']:.1e}" for row in report["rows"]]
        lines = [[*line[:3], line[4], shown] for line, shown in zip(lines, apart, strict=True)]
    others = max(row["others_share"] or 0 for row in report["rows"])
    return (
        f"{on['processor']}, {on['torch_threads']} threads, {on['date']}; other programs had {others:.0%} at most.\n\n{table(head, lines)}"
    )


def _seconds(row: dict[str, Any], way: str) -> str:
    if way not in row:
        return "fails"
    faster = "" if way == OURS else f" ({row[way]['seconds'] / row[OURS]['seconds']:.2f})"
    return f"{row[way]['seconds']:.2g}{faster}"


def write_page() -> None:
    files = {f"engines {precision}": RESULTS / name for precision, name in (("fp32", "engines.json"), ("bf16", "engines_bf16.json"))}
    tables = {name: markdown(json.loads(file.read_text())).rstrip() for name, file in files.items() if file.exists()}
    PAGE_OF_NUMBERS.write_text(with_tables(PAGE_OF_NUMBERS.read_text(), tables))


def main() -> None:
    process.set_up_torch()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(SIZES))
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--threads", type=int, help="threads of each engine (default: those that matte takes)")
    parser.add_argument("--json", type=Path, help="add the results there")
    parser.add_argument("--page", action="store_true", help="measure nothing; write the tables of docs/measured.md")
    arguments = parser.parse_args()
    if arguments.page:
        write_page()
        return
    torch.set_num_threads(arguments.threads or torch.get_num_threads())
    threads = torch.get_num_threads()
    rows = []
    for name in arguments.models.split(","):
        rows.append(measured(name, precision=arguments.precision, repeat=arguments.repeat, threads=threads))
        print(json.dumps(rows[-1]), flush=True)
    if arguments.json:
        import onnxruntime
        import openvino

        versions = {"onnxruntime": onnxruntime.__version__, "openvino": openvino.__version__}
        report = {"machine": {**machine.describe(), **versions}, "rows": rows}
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
