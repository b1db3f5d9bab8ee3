"""Worker processes: a failure of one item does not affect the others."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mattecli.batch.items import Item, Run, Settings
from mattecli.batch.processes import workers
from mattecli.batch.processes.worker import Plan
from mattecli.batch.processes.workers import Pool, Record
from mattecli.errors import MatteError, ModelError
from tests.batch.makers import open_copier

Make = Callable[..., dict[str, Record]]


def _plan(*, workers: int = 2, slots: int = 1, model: str | None = None) -> Plan:
    return Plan(open_copier, Run(), Settings(model=model), workers=workers * 10 + slots)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make items with these contents; their records by name. Fails if anything but whole outputs is left."""

    def run(contents: dict[str, str], *, plan: Plan | None = None, timeout: float | None = None) -> dict[str, Record]:
        items = [Item(str(tmp_path / name), str(tmp_path / "out" / name)) for name in contents]
        (tmp_path / "out").mkdir()
        for name, content in contents.items():
            (tmp_path / name).write_text(content)
        with Pool(plan or _plan(), timeout=timeout) as pool:
            records = {os.path.basename(item.input): record for item, record in pool.run(iter(items))}
        whole = {name for name, record in records.items() if record["status"] == "ok"}
        assert {file.name for file in (tmp_path / "out").iterdir()} == whole
        return records

    return run


def _errors(records: dict[str, Record]) -> dict[str, str]:
    return {name: record["error"]["kind"] for name, record in records.items() if record["status"] != "ok"}


def test_items_are_shared_among_processes(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("wait 0.01")
    pids: set[int] = set()
    given: list[Item] = []

    def until_both_work() -> Iterator[Item]:
        while len(pids) < 2:
            given.append(Item(str(tmp_path / "in"), str(tmp_path / f"{len(given)}.out")))
            yield given[-1]

    with Pool(_plan()) as pool:
        made = []
        for item, record in pool.run(until_both_work()):
            pids.add(record["pid"])
            made.append(item)
    assert sorted(made, key=given.index) == given


@pytest.mark.parametrize("slots", [1, 3])
def test_an_item_that_kills_its_worker_is_one_failure(make: Make, slots: int) -> None:
    contents = {str(number): "wait 0.01" for number in range(20)} | {"4": "die", "9": "die", "11": "die once"}
    records = make(contents, plan=_plan(slots=slots))
    assert len(records) == 20 and _errors(records) == {"4": "WorkerDied", "9": "WorkerDied"}
    assert "twice, with SIGSEGV" in records["4"]["error"]["message"] and records["4"]["settings"]


def test_an_item_that_takes_too_long_is_stopped(make: Make) -> None:
    records = make({"a": "wait 60", "b": "wait 0", "c": "wait 0"}, timeout=4.0)
    assert _errors(records) == {"a": "TimedOut"}
    assert "took longer than 4 s" in records["a"]["error"]["message"]


def test_other_items_of_a_stopped_worker_are_made_again(make: Make) -> None:
    records = make({"a": "wait 60", "b": "wait 0.1", "c": "wait 0.1"}, plan=_plan(workers=1, slots=3), timeout=4.0)
    assert _errors(records) == {"a": "TimedOut"}


def test_a_worker_killed_from_outside_loses_nothing(tmp_path: Path) -> None:
    items = [Item(str(tmp_path / str(number)), str(tmp_path / f"{number}.out")) for number in range(12)]
    for item in items:
        Path(item.input).write_text("wait 0.05")
    made: list[str] = []
    with Pool(_plan()) as pool:
        for item, record in pool.run(iter(items)):
            if not made:
                os.kill(record["pid"], signal.SIGKILL)
            made.append(item.input)
            assert record["status"] == "ok"
    assert sorted(made) == sorted(item.input for item in items)


def test_errors_while_models_are_opened_are_raised(tmp_path: Path) -> None:
    def item(model: str) -> Item:
        return Item(str(tmp_path / "in"), str(tmp_path / "out"), Settings(model=model))

    with pytest.raises(ModelError, match="no model called broken"), Pool(_plan(model="broken")) as pool:
        list(pool.run(iter([item("broken")])))
    with pytest.raises(MatteError, match="exit code 3 while the model was loaded"), Pool(_plan(model="deadly")) as pool:
        list(pool.run(iter([item("deadly")])))


def test_without_items_no_worker_is_started() -> None:
    with Pool(_plan(model="broken")) as pool:
        assert list(pool.run(iter([]))) == []


def test_leaving_early_ends_the_workers_and_removes_what_they_were_writing(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("wait 60")
    items = [Item(str(tmp_path / name), str(tmp_path / f"{name}.out")) for name in ("a", "b")]

    pids: list[int | None] = []

    def interrupted() -> Iterator[Item | None]:
        yield from items
        pids.extend(worker.process.pid for worker in pool.workers)
        while len(list(tmp_path.glob(".*.part"))) < 2:
            yield None
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Pool(_plan(workers=3)) as pool:
        list(pool.run(interrupted()))
    assert not list(tmp_path.glob(".*.part")) and not list(tmp_path.glob("*.out"))
    assert len(pids) == 3 and all(not os.path.exists(f"/proc/{pid}") for pid in pids)


def test_finished_items_are_reported_however_short_the_grace_period(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "GRACE_SECONDS", 0.0)
    items = []
    for name, content in {"told": "wait 0", "untold": "linger 0.7", "late": "wait 60"}.items():
        (tmp_path / name).write_text(content)
        items.append(Item(str(tmp_path / name), str(tmp_path / f"{name}.out")))

    def interrupted() -> Iterator[Item | None]:
        yield from items
        while not all(Path(item.output).exists() for item in items[:2]):
            time.sleep(0.01)
        raise KeyboardInterrupt

    with Pool(_plan(workers=1, slots=3)) as pool:
        with pytest.raises(KeyboardInterrupt):
            list(pool.run(interrupted()))
        assert [item.output for item, _ in pool.drain()] == [items[1].output], "the first is told already"
    assert not Path(items[2].output).exists() and not list(tmp_path.glob(".*.part"))
