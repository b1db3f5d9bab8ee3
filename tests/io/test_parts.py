"""Temporary files: never an existing file or a link's target, removed by their own process or, when that was killed, by the next."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mattecli.errors import OutputError
from mattecli.io import parts
from mattecli.io.files import written_whole
from mattecli.io.parts import part_beside, remove_own_parts, sweep

KILLED = """
import os, signal, sys
from pathlib import Path
from mattecli.io.parts import part_beside
with part_beside(Path(sys.argv[1])) as part:
    os.write(part.descriptor, b"half")
    print(part.path, flush=True)
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.read()
"""


def _process(result: Path, fate: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", KILLED, str(result), fate]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(parts.fcntl is None, reason="needs flock")
def test_parts_of_killed_processes_are_removed_and_those_of_running_ones_stay(tmp_path: Path) -> None:
    living = _process(tmp_path / "a.png", "living")
    assert living.stdout is not None
    busy = Path(living.stdout.readline().strip())
    left = Path(_process(tmp_path / "b.png", "killed").communicate()[0].strip())
    assert left.exists() and busy.exists()
    with written_whole(tmp_path / "c.png", advice="") as stream:
        stream.write(b"whole")
    assert not left.exists() and busy.exists()
    living.communicate()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.png"]


def test_files_that_are_no_parts_are_left_alone(tmp_path: Path) -> None:
    for name in (".part", ".1234-abcdef01.part", "matte-0123456789abcdef.part", ".matte-0123456789abcdef.part.png"):
        (tmp_path / name).touch()
    (tmp_path / ".matte-0123456789abcdef.part").symlink_to(tmp_path / ".part")
    sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 5


def test_a_link_in_place_of_a_part_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    precious = tmp_path / "precious"
    precious.write_text("kept")
    monkeypatch.setattr(parts.os, "urandom", bytes)
    (tmp_path / f".matte-{'0' * 16}.part").symlink_to(precious)
    with pytest.raises(OutputError, match="File exists"), written_whole(tmp_path / "a.png", advice="") as stream:
        stream.write(b"overwritten")
    assert precious.read_text() == "kept"


def test_a_result_that_replaces_a_link_leaves_its_target(tmp_path: Path) -> None:
    precious, link = tmp_path / "precious", tmp_path / "a.png"
    precious.write_text("kept")
    link.symlink_to(precious)
    with written_whole(link, advice="") as stream:
        stream.write(b"new")
    assert precious.read_text() == "kept" and link.read_bytes() == b"new" and not link.is_symlink()


def test_a_process_can_remove_its_open_parts_before_it_exits(tmp_path: Path) -> None:
    with part_beside(tmp_path / "a.png") as part:
        os.write(part.descriptor, b"half")
        remove_own_parts()
        assert list(tmp_path.iterdir()) == []


def test_nothing_is_renamed_when_nothing_was_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nothing was written"), written_whole(tmp_path / "a.png", advice=""):
        pass
    assert list(tmp_path.iterdir()) == []
