"""The items of an earlier batch that are made again on resuming."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mattecli.batch.identity import identity_of, settings_hash, written_identity
from mattecli.batch.items import Item, Run, Settings
from mattecli.batch.journal import Past
from mattecli.batch.resume import DONE, FAILED, KEPT, MAKE, REMAKE, Ledger, Policy, verdict
from mattecli.errors import UsageError

RESUME = Policy(resume=True)


@pytest.fixture
def item(tmp_path: Path) -> Item:
    (tmp_path / "in.png").write_bytes(b"input")
    (tmp_path / "out.png").write_bytes(b"output")
    return Item(str(tmp_path / "in.png"), str(tmp_path / "out.png"))


def _past(item: Item, status: str = "ok", error: str = "") -> Past:
    return Past(status, settings_hash(item, Run()), identity_of(item), written_identity(item.output), error)


def test_an_item_is_done_when_inputs_settings_and_output_are_unchanged(item: Item) -> None:
    past = _past(item)
    assert verdict(item, Run(), past, RESUME) == DONE
    assert verdict(replace(item, settings=Settings(kind="alpha")), Run(), past, RESUME) == REMAKE
    assert verdict(item, Run(precision="fp16"), past, RESUME) == REMAKE
    Path(item.output).write_bytes(b"outpu")
    assert verdict(item, Run(), past, RESUME) == REMAKE
    Path(item.output).unlink()
    assert verdict(item, Run(), past, RESUME) == MAKE


def test_a_changed_input_is_made_again(item: Item) -> None:
    past = _past(item)
    Path(item.input).write_bytes(b"another")
    assert verdict(item, Run(), past, RESUME) == REMAKE


def test_a_result_without_a_record_is_made_again(item: Item) -> None:
    assert verdict(item, Run(), None, RESUME) == REMAKE


def test_failures_are_tried_again_when_asked_or_when_the_item_did_not_cause_them(item: Item) -> None:
    failed = _past(item, "failed", "InputError")
    assert verdict(item, Run(), failed, RESUME) == FAILED
    assert verdict(item, Run(), failed, Policy(resume=True, retry_failed=True)) == REMAKE
    for kind, wanted in {"OutputError": REMAKE, "UnknownModelError": REMAKE, "OutOfMemoryError": FAILED, "WorkerDied": FAILED}.items():
        assert verdict(item, Run(), _past(item, "failed", kind), RESUME) == wanted
    Path(item.input).write_bytes(b"mended")
    assert verdict(item, Run(), failed, RESUME) == REMAKE


def test_overwrite_keeps_or_replaces_results_by_policy(item: Item) -> None:
    os.utime(item.input, (100, 100))
    os.utime(item.output, (200, 200))
    assert [verdict(item, Run(), None, Policy(overwrite=word)) for word in ("always", "older", "never")] == [MAKE, KEPT, KEPT]
    os.utime(item.input, (300, 300))
    assert [verdict(item, Run(), None, Policy(overwrite=word)) for word in ("older", "never")] == [MAKE, KEPT]
    Path(item.output).unlink()
    assert [verdict(item, Run(), None, Policy(overwrite=word)) for word in ("older", "never")] == [MAKE, MAKE]
    with pytest.raises(UsageError, match="choose always"):
        Policy(overwrite="newer")


def test_the_ledger_finds_results_by_folder(item: Item, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MATTE_HOME", str(tmp_path / "home"))
    past = _past(item)
    record = {"input": item.input, "output": item.output, "status": "ok"}
    Ledger().write(record | {"settings": past.settings, "identity": past.identity, "written": past.written})
    monkeypatch.chdir(tmp_path)
    assert Ledger().of(Item("in.png", "out.png")) == past
    assert Ledger().of(Item("in.png", "elsewhere/out.png")) is None


def test_an_unwritable_cache_is_not_an_error(item: Item, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder")
    monkeypatch.setenv("MATTE_HOME", str(tmp_path / "home"))
    Ledger().write({"input": item.input, "output": item.output, "status": "ok"})
    assert Ledger().of(item) is None
