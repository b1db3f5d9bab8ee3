"""Where the time of one `matte image` process goes, and how long `matte --help` and `--version` take.

Each command runs in a fresh process, as from a shell, several times; medians are reported. The split of `matte image` comes from the
process itself: start of Python until the command runs, `import torch`, loading the export, and the steps of its own --json record. The
command itself is timed without the split, and compared with what it cannot do without: `import torch`, the network and the refinement.

Usage: python benchmarks/image_command.py PHOTO [--model shm-fast] [--repeat N] [--json FILE] [--page]     The model must be installed.
--page writes the table of docs/measured.md.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mattecli.core import machine
from pages import PAGE_OF_NUMBERS, with_tables

PROBE = """
import sys, time
begin = time.perf_counter()
from mattecli.cli.app import app
app_imported = time.perf_counter()
import torch
torch_imported = time.perf_counter()
import mattecli.core.runtime as runtime
loaded = 0.0
original = runtime.open_model
def timed(*args, **options):
    global loaded
    start = time.perf_counter()
    model = original(*args, **options)
    loaded += time.perf_counter() - start
    return model
runtime.open_model = timed
try:
    app(sys.argv[1:])
finally:
    print(f"import_cli={app_imported - begin} import_torch={torch_imported - app_imported} load={loaded}", file=sys.stderr)
"""


def wall(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - begin


def image_split(photo: Path, model: str, *options: str) -> dict[str, float]:
    """Seconds of one `matte image` process, `command`, and of another by what they were spent on."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["image", str(photo), "--model", model, "--json", "--quiet", "-o", f"{folder}/cutout.png", *options]
        command = wall([sys.executable, "-m", "mattecli", *arguments])
        begin = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True)
        total = time.perf_counter() - begin
    timed = dict(pair.split("=") for pair in done.stderr.split())
    split = {name: float(timed[name]) for name in ("import_cli", "import_torch", "load")} | json.loads(done.stdout)["split"]
    needed = split["import_torch"] + split["matte"] + split["refine"]
    return {"command": command, "times": command / needed, "total": total, **split, "other": total - sum(split.values())}


def medians(records: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(record[name] for record in records), 4) for name in records[0]}


def markdown(report: dict) -> str:
    """One line for each way."""
    keys = ("command", "times", "import_torch", "load", "matte", "refine", "compose", "write")
    rows = [[f"`{report['model']}`, {way}", *(f"{report[way][key]:.2f}" for key in keys)] for way in ("raw", "refined")]
    heads = ["seconds", "the command", "/ (torch + network + refine)", "`import torch`", "load", "network", "refine", "compose", "write"]
    lines = ["| " + " | ".join(cells) + " |" for cells in (heads, ["---"] * len(heads), *rows)]
    told = (
        f"{report['machine']['processor']}, {report['machine']['torch_threads']} threads, {report['machine']['date']}; `matte --help` takes"
    )
    return "\n".join([f"{told} {report['help_seconds']:.2f} s.", "", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--model", default="shm-fast")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--page", action="store_true", help="write the table of docs/measured.md")
    arguments = parser.parse_args()
    matte = [sys.executable, "-m", "mattecli"]
    report = {
        "machine": machine.describe(),
        "photo": arguments.photo.name,
        "model": arguments.model,
        "help_seconds": round(statistics.median(wall([*matte, "--help"]) for _ in range(arguments.repeat)), 4),
        "version_seconds": round(statistics.median(wall([*matte, "--version"]) for _ in range(arguments.repeat)), 4),
    }
    for name, options in (("raw", ("--refine", "none")), ("refined", ())):
        image_split(arguments.photo, arguments.model, *options)  # the first run fills the cache of exports
        report[name] = medians([image_split(arguments.photo, arguments.model, *options) for _ in range(arguments.repeat)])
    print(json.dumps(report, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    if arguments.page:
        PAGE_OF_NUMBERS.write_text(with_tables(PAGE_OF_NUMBERS.read_text(), {"image command": markdown(report)}))


if __name__ == "__main__":
    main()
