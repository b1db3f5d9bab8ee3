"""Coverage-guided fuzzing with atheris: python -m tests.fuzz.run TARGET|all [--seconds 600]

A crash, ten seconds without an answer or more than 1 GB of memory ends it with the input in tests/fuzz/found/.
`pip install atheris` first; the package index has it for Linux.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["mattecli"]):
    from tests.fuzz.targets import TARGETS, seeds, survives

ALL = "all"
FOUND = Path(__file__).with_name("found")


def _run_all(seconds: int) -> int:
    """Each target in a process of its own, so that a crash ends that one alone; how many of them found something."""
    failed = []
    for target in TARGETS:
        print(f"=== {target}", flush=True)
        if subprocess.run([sys.executable, "-m", "tests.fuzz.run", target, "--seconds", str(seconds)]).returncode:
            failed.append(target)
    print(f"found something: {', '.join(failed)}" if failed else f"nothing found in {len(TARGETS)} targets", flush=True)
    return len(failed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=[*TARGETS, ALL], help="all: one after the other, each for its share of the seconds")
    parser.add_argument("--seconds", type=int, default=600)
    chosen = parser.parse_args()
    if chosen.target == ALL:
        sys.exit(_run_all(chosen.seconds // len(TARGETS)))
    FOUND.mkdir(exist_ok=True)
    corpus = tempfile.mkdtemp(prefix="matte-fuzz-")
    for number, seed in enumerate(seeds(chosen.target)):
        Path(corpus, str(number)).write_bytes(seed)
    limits = [f"-max_total_time={chosen.seconds}", "-timeout=10", "-rss_limit_mb=1024", "-max_len=20000", f"-artifact_prefix={FOUND}/"]
    atheris.Setup([sys.argv[0], *limits, corpus], lambda data: survives(TARGETS[chosen.target], data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
