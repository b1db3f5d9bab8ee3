"""Runs a batch: items that are not up to date go to an executor, and their records to the results file. No torch."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from mattecli.batch import storage
from mattecli.batch.items import Item, Run
from mattecli.batch.journal import History, Journal, blank_record, failure
from mattecli.batch.resume import DONE, FAILED, KEPT, REMAKE, Ledger, Policy, verdict
from mattecli.errors import UsageError
from mattecli.io.sequences import is_sequence

Record = dict[str, Any]
TOLD_ONE_BY_ONE = 5


class Executor(Protocol):
    """Makes items. None in the iterator of items means that no item is available yet."""

    def run(self, items: Iterator[Item | None]) -> Iterator[tuple[Item, Record]]: ...

    def drain(self) -> Iterator[tuple[Item, Record]]:
        """The items in progress that finish within a short grace period after `run` was left early."""
        ...


@dataclass
class Summary:
    """Counts of the items so far. remade: those whose existing result was replaced."""

    done: int = 0
    failed: int = 0
    skipped: int = 0
    remade: int = 0
    begun: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun

    @property
    def all(self) -> int:
        return self.done + self.failed + self.skipped

    def pace(self, what: str) -> str:
        """Items a second as text; empty before the first."""
        return f"{self.done / self.seconds:.2f} {what} a second" if self.done else ""

    def sentence(self, what: str = "images") -> str:
        pace = f" ({self.pace(what)})" if self.done else ""
        return f"{self.done} done, {self.failed} failed, {self.skipped} skipped in {self.seconds:.1f} s{pace}"

    def time_left(self, total: int | None) -> float | None:
        """The estimated seconds for the remaining ones of `total` items at the pace so far; None where it is unknown."""
        made = self.done + self.failed
        if total is None or not made:
            return None
        return max(0, total - made - self.skipped) * self.seconds / made


@dataclass(frozen=True)
class Rules:
    """The rules for skipping items and for stopping. max_failures: None for no limit. results: the results file, or None."""

    policy: Policy = field(default_factory=Policy)
    results: str | None = None
    max_failures: int | None = None

    def __post_init__(self) -> None:
        if self.results is None and self.policy.retry_failed:
            raise UsageError("--retry-failed needs the results of an earlier run; name its file with --results")


class Batch:
    """One batch: iterate over `run`, then read `summary`. tell: called with each note for the user."""

    def __init__(self, run: Run, rules: Rules, tell: Callable[[str], None] = lambda text: None) -> None:
        self.summary = Summary()
        self._run = run
        self._rules = rules
        self._tell = tell
        self._turns = _Turns()
        self._ledger = Ledger()
        self._history = History(rules.results if rules.policy.resume else None)
        self._journal = Journal(rules.results) if rules.results else None

    @property
    def stopped(self) -> bool:
        """Whether the number of failures has reached the limit, so that no further item is started."""
        most = self._rules.max_failures
        return most is not None and self.summary.failed >= most

    def run(self, items: Iterable[Item | None], executor: Executor) -> Iterator[Record]:
        """The record of each item made or failed, in the items' order; the results file gets each one as soon as the item ends."""
        for item, record in executor.run(self._to_make(items)):
            self._end(item, record)
            yield from self._turns.next()
        yield from self._turns.next()

    def interrupted(self, executor: Executor) -> list[Record]:
        """After an interruption: records held back for their order, and those of items that finish within the grace period."""
        for item, record in executor.drain():
            self._end(item, record)
        return self._turns.all()

    def close(self) -> None:
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
            self._write(blank_record(item, self._run) | {"status": "skipped", "error": None})
        else:
            return self._begin(item, anew=what == REMAKE)
        return False

    def _begin(self, item: Item, *, anew: bool) -> bool:
        """Register an item's position; False where its inputs are missing."""
        self._turns.begin(item)
        if reason := lacks(item):
            self._end(item, blank_record(item, self._run) | failure("InputError", reason))
        elif anew:
            self._tell_remade(item)
        return not reason

    def _tell_remade(self, item: Item) -> None:
        self.summary.remade += 1
        if self.summary.remade <= TOLD_ONE_BY_ONE:
            self._tell(f"{item.output} is there, but not as made from {item.input} with these settings, so it is made anew")

    def _end(self, item: Item, record: Record) -> None:
        if record["status"] == "ok":
            self.summary.done += 1
        else:
            self.summary.failed += 1
        self._write(record)
        self._turns.end(item, record)

    def _write(self, record: Record) -> None:
        if self._journal is not None:
            self._journal.write(record)
        self._ledger.write(record)


def lacks(item: Item) -> str:
    """Why an item cannot be made, as far as that is known before any work; "" for existing files and for remote ones."""
    if item.lacks:
        return item.lacks
    for file in (item.input, *item.settings.guides.values()):
        if not storage.is_url(file) and not is_sequence(file) and not os.path.exists(file):
            return f"there is no file {file}; check the path"
    return ""


class _Turns:
    """Returns records in the order in which their items were started."""

    def __init__(self) -> None:
        self._begun: deque[int] = deque()
        self._ended: dict[int, Record] = {}

    def begin(self, item: Item) -> None:
        self._begun.append(id(item))

    def end(self, item: Item, record: Record) -> None:
        self._ended[id(item)] = record

    def next(self) -> Iterator[Record]:
        while self._begun and self._begun[0] in self._ended:
            yield self._ended.pop(self._begun.popleft())

    def all(self) -> list[Record]:
        records = [self._ended.pop(turn) for turn in self._begun if turn in self._ended]
        self._begun.clear()
        return records
