"""The results file stays valid when its writers are killed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mattecli.batch.journal import History, Journal, check_results, read_journal
from mattecli.errors import OutputError, UsageError


def _record(name: str, **more: object) -> dict[str, object]:
    return {"input": name, "output": f"{name}.png", "status": "ok", "settings": "s", "identity": {}, "written": {}} | more


def test_records_are_flushed_to_disk_and_kept_by_the_next_run(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "r.jsonl"
    journal = Journal(str(file))
    journal.write(_record("a"))
    assert [record["input"] for record in read_journal(str(file))] == ["a"]
    Journal(str(file)).write(_record("b", status="failed", error={"kind": "InputError"}))
    history = History(str(file))
    assert history.of(("a", "a.png")) is not None
    assert (past := history.of(("b", "b.png"))) is not None and (past.status, past.error) == ("failed", "InputError")
    assert history.of(("a", "b.png")) is None


def test_a_truncated_last_line_is_terminated_and_skipped(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text(json.dumps(_record("a")) + "\n" + json.dumps(_record("b"))[:30])
    Journal(str(file)).write(_record("c"))
    assert [record["input"] for record in read_journal(str(file))] == ["a", "c"]
    assert file.read_text().count("\n") == 3


def test_lines_that_are_no_records_are_skipped(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_bytes(b'\xff\xfe\n[]\n"text"\n{"input": 3}\n' + b"[" * 50_000 + b"\n" + json.dumps(_record("a")).encode() + b"\n")
    assert [record["input"] for record in read_journal(str(file))] == ["a"]


def test_the_last_record_of_an_item_counts(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "r.jsonl"))
    for status in ("failed", "ok", "skipped"):
        journal.write(_record("a", status=status))
    past = History(str(tmp_path / "r.jsonl")).of(("a", "a.png"))
    assert past is not None and past.status == "ok"


def test_undecodable_file_names_survive_a_round_trip(tmp_path: Path) -> None:
    Journal(str(tmp_path / "r.jsonl")).write(_record("caf\udce9\n"))
    assert History(str(tmp_path / "r.jsonl")).of(("caf\udce9\n", "caf\udce9\n.png")) is not None


def test_two_processes_append_whole_lines(tmp_path: Path) -> None:
    program = (
        "import sys; from mattecli.batch.journal import Journal; journal = Journal(sys.argv[1]);"
        "[journal.write({'input': sys.argv[2] * 500, 'output': str(n)}) for n in range(300)]"
    )
    file = str(tmp_path / "r.jsonl")
    writers = [subprocess.Popen([sys.executable, "-c", program, file, letter]) for letter in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert len(list(read_journal(file))) == 600


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_error() -> None:
    with pytest.raises(OutputError, match=r"/dev/full cannot be written .No space left"):
        Journal("/dev/full").write(_record("a"))


def test_a_results_file_that_is_a_folder_an_input_or_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        check_results(str(tmp_path), ())
    with pytest.raises(UsageError, match="is an input"):
        check_results(str(tmp_path / "m.csv"), (str(tmp_path / "." / "m.csv"),))
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    with pytest.raises(UsageError, match="holds no results"):
        check_results(str(tmp_path / "photo.png"), (str(tmp_path),))


@pytest.mark.parametrize("length", [0, 5, 30, None])
def test_a_results_file_of_an_earlier_run_is_continued(tmp_path: Path, length: int | None) -> None:
    file = tmp_path / "r.jsonl"
    Journal(str(file)).write(_record("a"))
    file.write_bytes(file.read_bytes()[:length])
    check_results(str(file), (str(tmp_path),))
