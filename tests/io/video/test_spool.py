"""Clips that can be read but once are kept in a file for as long as they are needed."""

import contextlib
import os
import threading
from pathlib import Path

import pytest

from mattecli.errors import InputError
from mattecli.io.video import spool
from mattecli.io.video.spool import spooled


def _pipe(folder: Path, content: bytes) -> Path:
    pipe = folder / "clip.mp4"
    os.mkfifo(pipe)

    def feed() -> None:
        with contextlib.suppress(BrokenPipeError):
            pipe.write_bytes(content)

    threading.Thread(target=feed, daemon=True).start()
    return pipe


def test_a_pipe_is_spooled_to_a_temporary_file(tmp_path: Path) -> None:
    content = bytes(range(256)) * 9000
    with spooled(str(_pipe(tmp_path, content))) as file:
        assert Path(file).read_bytes() == content and Path(file).read_bytes() == content
        assert Path(file).name == "clip.mp4"
    assert not Path(file).parent.exists()


def test_a_regular_file_is_not_copied(tmp_path: Path) -> None:
    with spooled(str(tmp_path / "a.mov")) as file:
        assert file == str(tmp_path / "a.mov")


def test_errors_name_the_pipe_and_leave_no_copy(tmp_path: Path) -> None:
    pipe = _pipe(tmp_path, b"x")
    with pytest.raises(InputError) as raised, spooled(str(pipe)) as file:
        raise InputError(f"{file} is damaged; get a whole copy")
    assert str(raised.value) == f"{pipe} is damaged; get a whole copy" and not Path(file).exists()


def test_oversized_and_empty_input_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "MOST", 1 << 20)
    with pytest.raises(InputError, match="more than the 1 MB"), spooled(str(_pipe(tmp_path, bytes(3 << 20)))):
        pass
    (tmp_path / "clip.mp4").unlink()
    with pytest.raises(InputError, match="empty"), spooled(str(_pipe(tmp_path, b""))):
        pass
