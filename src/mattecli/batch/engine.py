"""A batch from its items to its summary: what is left to make goes to an executor, what ends is written down. No torch."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from mattecli.batch.items import Item, Run
from mattecli.batch.journal import History, Journal
from mattecli.batch.resume import DONE, FAILED, KEPT, REMAKE, Ledger, Policy, verdict
from mattecli.errors import UsageError

Record = dict[str, Any]
TOLD_ONE_BY_ONE = 5


class Executor(Protocol):
    """Makes items somewhere. None among the items means that there is nothing to do for now."""

    def run(self, items: Iterator[Item | None]) -> Iterator[tuple[Item, Record]]: ...


@dataclass
class Summary:
    """What became of the items so far. left: items that were not begun, since the batch was stopped."""

    done: int = 0
    failed: int = 0
    skipped: int = 0
    remade: int = 0
    begun: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun

    def sentence(self, what: str = "images") -> str:
        seconds = self.seconds
        pace = f" ({self.done / seconds:.2f} {what} a second)" if self.done else ""
        return f"{self.done} done, {self.failed} failed, {self.skipped} skipped in {seconds:.1f} s{pace}"

    def time_left(self, total: int | None) -> float | None:
        """Seconds that the rest of `total` items will take at the pace so far; None where nobody knows."""
        made = self.done + self.failed
        if total is None or not made:
            return None
        return max(0, total - made - self.skipped) * self.seconds / made


@dataclass(frozen=True)
class Rules:
    """When a batch leaves items out and when it stops. max_failures: None for any number. results: the results file, or None."""

    policy: Policy = field(default_factory=Policy)
    results: str | None = None
    max_failures: int | None = None

    def __post_init__(self) -> None:
        if self.results is None and (self.policy.retry_failed or self.policy.checksum):
            raise UsageError("--retry-failed and --checksum go by the results of an earlier run; name its file with --results")


class Batch:
    """One batch. Iterate over `run`, then look at `summary`. tell: is told what a person should know."""

    def __init__(self, run: Run, rules: Rules, tell: Callable[[str], None] = lambda text: None) -> None:
        self.summary = Summary()
        self._run = run
        self._rules = rules
        self._tell = tell
        self._ledger = Ledger()
        self._history = History(rules.results if rules.policy.resume else None)
        self._journal = Journal(rules.results) if rules.results else None

    @property
    def stopped(self) -> bool:
        """Whether so many items have failed that no more are begun."""
        most = self._rules.max_failures
        return most is not None and self.summary.failed >= most

    def run(self, items: Iterable[Item | None], executor: Executor) -> Iterator[Record]:
        """The record of each item that is made or fails, as it ends; it is in the results file by then."""
        try:
            for _, record in executor.run(self._to_make(items)):
                yield self._ended(record)
        finally:
            if self._journal is not None:
                self._journal.close()
            if self.summary.remade > TOLD_ONE_BY_ONE:
                self._tell(f"{self.summary.remade} results in all were made anew")

    def _to_make(self, items: Iterable[Item | None]) -> Iterator[Item | None]:
        for item in items:
            if self.stopped:
                return
            if item is None or self._is_to_make(item):
                yield item

    def _is_to_make(self, item: Item) -> bool:
        past = self._history.of(item.key) if self._journal else self._ledger.of(item)
        what = verdict(item, self._run, past, self._rules.policy)
        if what == DONE:
            self.summary.skipped += 1
        elif what == FAILED:
            self.summary.failed += 1
        elif what == KEPT:
            self.summary.skipped += 1
            self._write({"input": item.input, "output": item.output, "status": "skipped", "error": None})
        elif what == REMAKE:
            self._tell_remade(item)
        return what not in (DONE, FAILED, KEPT)

    def _tell_remade(self, item: Item) -> None:
        self.summary.remade += 1
        if self.summary.remade <= TOLD_ONE_BY_ONE:
            self._tell(
                f"{item.output} is there but not known to be made from {item.input} as it is with these settings, so it is made anew"
            )

    def _ended(self, record: Record) -> Record:
        if record["status"] == "ok":
            self.summary.done += 1
        else:
            self.summary.failed += 1
        self._write(record)
        return record

    def _write(self, record: Record) -> None:
        if self._journal is not None:
            self._journal.write(record)
        self._ledger.write(record)
