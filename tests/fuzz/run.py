"""Coverage-guided fuzzing with atheris: python -m tests.fuzz.run TARGET [--seconds 600]

A crash, ten seconds without an answer or more than 1 GB of memory ends it with the input in tests/fuzz/found/.
`pip install atheris` first; the package index has it for Linux.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["mattecli"]):
    from tests.fuzz.targets import TARGETS, seeds, survives

FOUND = Path(__file__).with_name("found")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=600)
    chosen = parser.parse_args()
    FOUND.mkdir(exist_ok=True)
    corpus = tempfile.mkdtemp(prefix="matte-fuzz-")
    for number, seed in enumerate(seeds(chosen.target)):
        Path(corpus, str(number)).write_bytes(seed)
    limits = [f"-max_total_time={chosen.seconds}", "-timeout=10", "-rss_limit_mb=1024", "-max_len=20000", f"-artifact_prefix={FOUND}/"]
    atheris.Setup([sys.argv[0], *limits, corpus], lambda data: survives(TARGETS[chosen.target], data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
