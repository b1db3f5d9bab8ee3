"""The log of a training: lines on stderr and records in the run's log.jsonl."""

import json
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from mattecli.errors import MatteError
from training.settings import Run


class Log:
    """Averages losses and writes them every `keep.log` steps."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.path = Path(run.folder) / "log.jsonl"
        self.began = time.monotonic()
        self.sums: dict[str, Tensor | float] = {}
        self.count = 0

    def note(self, step: int, loss: Mapping[str, Tensor], *, rate: float, examples: int) -> None:
        """Add a step's losses; every `keep.log` steps write their means since the last record, the learning rate and the steps per second.

        Raises MatteError when the loss is not finite.
        """
        self.sums = {name: self.sums.get(name, 0.0) + value for name, value in loss.items()}
        self.count += 1
        if step % self.run.keep.log and step != self.run.steps:
            return
        means = {name: float(value) / self.count for name, value in self.sums.items()}
        if not math.isfinite(means["loss"]):
            raise MatteError(f"the loss is no longer a number at step {step}; lower the rate and go on from the last checkpoint")
        pace = self.count / (time.monotonic() - self.began)
        self.write({"step": step, **means, "rate": rate, "steps_per_second": pace, "examples": examples})
        self.began, self.sums, self.count = time.monotonic(), {}, 0

    def write(self, record: dict[str, Any]) -> None:
        """Write a record to log.jsonl, and as one line to stderr."""
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")
        say("  ".join(f"{name} {_short(value)}" for name, value in record.items()))
        self.began = time.monotonic()


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} {_short(part)}" for name, part in value.items()) + "}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def say(text: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"training: {text}\n")
    sys.stderr.flush()
