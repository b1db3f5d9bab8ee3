"""Processes that take turns in a benchmark: each answers a line on its stdin with a line of JSON on its stdout."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

Self = TypeVar("Self", bound="Answering")


class Answering:
    """Such a process, which has said that it is ready. Leaving the context ends it."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self._answer()

    def ask(self, task: str) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(task + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"a worker ended with status {self.process.wait()}; its last output is above")
        return json.loads(line)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
