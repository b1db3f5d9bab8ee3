"""A batch from items to summary, with an executor that makes files in this process."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mattecli.batch.engine import Batch, Record, Rules
from mattecli.batch.identity import identity_of, settings_hash, written_identity
from mattecli.batch.items import Item, Run, Settings
from mattecli.batch.resume import Policy
from mattecli.errors import UsageError


class Copy:
    """Copies inputs to outputs; an input with the text "broken" fails."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def run(self, items: Iterator[Item | None]) -> Iterator[tuple[Item, Record]]:
        for item in items:
            if item is None:
                continue
            self.made.append(os.path.basename(item.input))
            content = Path(item.input).read_text()
            record = {"input": item.input, "output": item.output, "settings": settings_hash(item, Run()), "identity": identity_of(item)}
            if content.startswith("broken"):
                yield item, record | {"status": "failed", "error": {"kind": "InputError", "message": "it is broken"}}
            else:
                Path(item.output).write_text(content)
                yield item, record | {"status": "ok", "error": None, "written": written_identity(item.output)}


@pytest.fixture
def items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Item]:
    monkeypatch.setenv("MATTE_HOME", str(tmp_path / "home"))
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    for name, content in {"a": "good", "b": "broken", "c": "good", "d": "broken"}.items():
        (tmp_path / "in" / name).write_text(content)
    return [Item(str(tmp_path / "in" / name), str(tmp_path / "out" / name)) for name in "abcd"]


def _run(
    items: list[Item], tmp_path: Path, *, results: bool = True, told: list[str] | None = None, **rules: object
) -> tuple[Batch, list[str]]:
    policy = Policy(**{word: rules.pop(word) for word in ("resume", "retry_failed", "overwrite") if word in rules})
    file = str(tmp_path / "results.jsonl") if results else None
    batch, executor = Batch(Run(), Rules(policy, file, **rules), (told if told is not None else []).append), Copy()
    list(batch.run(iter(items), executor))
    return batch, executor.made


def _lines(tmp_path: Path) -> list[tuple[str, str]]:
    records = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    return [(os.path.basename(record["input"]), record["status"]) for record in records]


def test_each_item_is_one_record_and_failures_do_not_stop_the_others(items: list[Item], tmp_path: Path) -> None:
    batch, _ = _run(items, tmp_path)
    assert _lines(tmp_path) == [("a", "ok"), ("b", "failed"), ("c", "ok"), ("d", "failed")]
    assert batch.summary.sentence().startswith("2 done, 2 failed, 0 skipped in ")


def test_resume_makes_missing_items_and_counts_earlier_failures(items: list[Item], tmp_path: Path) -> None:
    _run(items[:2], tmp_path)
    batch, made = _run(items, tmp_path, resume=True)
    assert made == ["c", "d"]
    assert (batch.summary.done, batch.summary.failed, batch.summary.skipped) == (1, 2, 1)
    assert [name for name, _ in _lines(tmp_path)] == ["a", "b", "c", "d"]
    assert _run(items, tmp_path, resume=True, retry_failed=True)[1] == ["b", "d"]


def test_changed_inputs_settings_and_results_are_made_again_with_a_note(items: list[Item], tmp_path: Path) -> None:
    good = [items[0], items[2]]
    _run(good, tmp_path)
    (tmp_path / "in" / "a").write_text("changed")
    told: list[str] = []
    assert _run(good, tmp_path, resume=True, told=told)[1] == ["a"] and "made anew" in told[0]
    (tmp_path / "out" / "c").write_text("half")
    assert _run(good, tmp_path, resume=True)[1] == ["c"]
    changed = [Item(item.input, item.output, Settings(kind="alpha")) for item in good]
    assert _run(changed, tmp_path, resume=True)[1] == ["a", "c"]


def test_without_a_results_file_resume_reads_the_cache(items: list[Item], tmp_path: Path) -> None:
    _run(items[:1], tmp_path, results=False)
    assert _run(items, tmp_path, results=False, resume=True)[1] == ["b", "c", "d"]


def test_max_failures_stops_the_batch(items: list[Item], tmp_path: Path) -> None:
    batch, made = _run(items, tmp_path, max_failures=1)
    assert made == ["a", "b"] and batch.stopped
    assert not _run(items, tmp_path, max_failures=3)[0].stopped


def test_kept_results_are_records_of_status_skipped(items: list[Item], tmp_path: Path) -> None:
    Path(items[0].output).write_text("mine")
    batch, made = _run(items, tmp_path, overwrite="never")
    assert made == ["b", "c", "d"] and batch.summary.skipped == 1 and ("a", "skipped") in _lines(tmp_path)
    assert Path(items[0].output).read_text() == "mine"


def test_retry_failed_without_a_results_file_is_refused() -> None:
    with pytest.raises(UsageError, match="--results"):
        Rules(Policy(retry_failed=True))


def test_the_remaining_time_is_estimated_from_the_pace_so_far(items: list[Item], tmp_path: Path) -> None:
    batch, _ = _run(items, tmp_path)
    assert batch.summary.time_left(None) is None
    left = batch.summary.time_left(8)
    assert left is not None and left <= batch.summary.seconds + 0.1


class Backwards(Copy):
    """Finishes items in pairs, the second of each pair first."""

    def run(self, items: Iterator[Item | None]) -> Iterator[tuple[Item, Record]]:
        begun = []
        for item in items:
            begun.append(next(super().run(iter([item]))))
            if len(begun) == 2:
                yield from reversed(begun)
                begun.clear()


def test_records_come_in_item_order_including_missing_inputs(items: list[Item], tmp_path: Path) -> None:
    missing = Item(str(tmp_path / "nothing"), "x")
    batch = Batch(Run(), Rules(results=str(tmp_path / "results.jsonl")))
    records = list(batch.run([items[0], missing, *items[1:]], Backwards()))
    assert [os.path.basename(record["input"]) for record in records] == ["a", "nothing", "b", "c", "d"]
    assert "there is no file" in records[1]["error"]["message"] and records[1]["error"]["kind"] == "InputError"
    assert [name for name, _ in _lines(tmp_path)] == ["nothing", "b", "a", "d", "c"], "the results file has them as they end"


def test_an_interrupted_batch_reports_finished_records_still_in_the_queue(items: list[Item]) -> None:
    class SecondOnly(Copy):
        def run(self, fed: Iterator[Item | None]) -> Iterator[tuple[Item, Record]]:
            next(fed)
            yield from super().run(iter([next(fed)]))
            raise KeyboardInterrupt

        def drain(self) -> Iterator[tuple[Item, Record]]:
            return super().run(iter([items[3]]))

    batch, executor, told = Batch(Run(), Rules()), SecondOnly(), []
    with pytest.raises(KeyboardInterrupt):
        for record in batch.run([items[0], items[2]], executor):
            told.append(record)
    assert told == [] and [record["input"] for record in batch.interrupted(executor)] == [items[2].input]
    assert (batch.summary.done, batch.summary.failed) == (1, 1), "what ended within a moment counts"
