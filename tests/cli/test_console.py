"""Results on stdout: exact names and valid JSON in every encoding of the terminal."""

import json
import os
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mattecli.cli.app import app

ODD = os.fsdecode(b"caf\xe9")
NAMES = [ODD, "caf\u00e9", "\u65e5\u672c", "\U0001f600"]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems' file names are text")


def _trimaps(scene: Path, charset: str, *options: str) -> bytes:
    masks = [scene / f"{name}.png" for name in NAMES]
    for mask in masks:
        mask.write_bytes((scene / "true.png").read_bytes())
    done = CliRunner(charset=charset).invoke(app, ["trimap-from-mask", *(mask.name for mask in masks), "-o", "out", *options])
    assert done.exit_code == 0, done.stderr
    assert all((scene / "out" / mask.name).is_file() for mask in masks)
    return done.stdout_bytes


@pytest.mark.parametrize(
    ("charset", "names"),
    [
        ("utf-8", [b"caf\xe9", b"caf\xc3\xa9", b"\xe6\x97\xa5\xe6\x9c\xac", b"\xf0\x9f\x98\x80"]),
        ("latin-1", [b"caf\xe9", b"caf\xe9", rb"\u65e5\u672c", rb"\U0001f600"]),
        ("ascii", [b"caf\xe9", rb"caf\xe9", rb"\u65e5\u672c", rb"\U0001f600"]),
    ],
)
def test_printed_paths_keep_their_bytes_or_are_escaped(scene: Path, charset: str, names: list[bytes]) -> None:
    assert _trimaps(scene, charset).splitlines() == [b"out/" + name + b".png" for name in names]


def test_a_removed_current_folder_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gone").mkdir()
    os.chdir("gone")
    (tmp_path / "gone").rmdir()
    done = CliRunner().invoke(app, ["image", "photo.png"])
    assert done.exit_code == 1 and done.stderr == (
        "matte: error: the current folder has been removed; change to another one, or give absolute paths\n"
    )


@pytest.mark.parametrize("charset", ["utf-8", "latin-1", "ascii"])
def test_json_results_are_utf_8_and_hold_exact_file_names(scene: Path, charset: str) -> None:
    lines = _trimaps(scene, charset, "--json").splitlines()
    records = [json.loads(line.decode("utf-8")) for line in lines]
    assert [record["output"] for record in records] == [f"out/{name}.png" for name in NAMES]
    assert ("\u65e5".encode() in lines[2]) == (charset == "utf-8")
