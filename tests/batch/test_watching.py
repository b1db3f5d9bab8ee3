"""Each new file is returned once, when it is complete."""

import os
from pathlib import Path

from mattecli.batch.watching import Watch


def _watch(tmp_path: Path) -> Watch:
    return Watch((str(tmp_path),), lambda path: path.endswith(".png"), apart=str(tmp_path / "out"))


def _looked(watch: Watch, times: int = 2) -> list[str]:
    return [path for _ in range(times) for path, _ in watch.look()]


def test_a_file_still_being_written_is_not_yielded(tmp_path: Path) -> None:
    watch, file = _watch(tmp_path), tmp_path / "a.png"
    file.write_bytes(b"half")
    assert watch.look() == []
    file.write_bytes(b"half and more")
    assert watch.look() == []
    assert watch.look() == [(str(file), str(tmp_path))]
    assert watch.look() == []


def test_moved_and_replaced_files_are_yielded(tmp_path: Path) -> None:
    watch = _watch(tmp_path)
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "deep.png").write_bytes(b"one")
    assert _looked(watch) == [str(tmp_path / "made" / "deep.png")]
    other = tmp_path / ".other"
    other.write_bytes(b"two")
    os.replace(other, tmp_path / "made" / "deep.png")
    assert _looked(watch) == [str(tmp_path / "made" / "deep.png")]


def test_empty_hidden_and_other_files_and_results_are_ignored(tmp_path: Path) -> None:
    watch = _watch(tmp_path)
    (tmp_path / "out").mkdir()
    for name in (".hidden.png", "notes.txt", "out/result.png"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "empty.png").touch()
    assert _looked(watch, 3) == []
