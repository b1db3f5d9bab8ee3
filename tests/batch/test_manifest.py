"""Manifests of every form give the same items, and what is wrong in one is told by row."""

import io
import json
import sys
from datetime import datetime
from pathlib import Path

import pytest

from mattecli.batch.items import Item, Settings, item_of
from mattecli.batch.manifest import check_manifest, read_manifest
from mattecli.errors import MatteError, UsageError

ROWS = [
    {"input": "a,b.jpg", "output": "o/a.png", "model": "fusion", "id": "one"},
    {"input": "caf\u00e9.jpg", "output": "o/c.png", "model": None, "id": "two"},
]


def _item(row: dict[str, object]) -> Item:
    return item_of(row, Settings())


def _write(file: Path) -> None:
    if file.suffix == ".parquet":
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist([row | {"at": datetime(2026, 1, 2)} for row in ROWS]), file)
    elif file.suffix == ".csv":
        file.write_text('\ufeffinput,output,model,id,at\n"a,b.jpg",o/a.png,fusion,one,x\ncaf\u00e9.jpg,o/c.png,,two,x\n', encoding="utf-8")
    else:
        file.write_text("\n".join(json.dumps(row) for row in ROWS) + "\n\n")


@pytest.mark.parametrize("name", ["m.jsonl", "m.csv", "m.parquet"])
def test_csv_tsv_and_json_lines_give_the_same_items(tmp_path: Path, name: str) -> None:
    _write(tmp_path / name)
    path = str(tmp_path / name)
    assert check_manifest(path, _item) == 2
    items = list(read_manifest(path, _item))
    assert [(item.key, item.settings.model, item.columns["id"]) for item in items] == [
        (("a,b.jpg", "o/a.png"), "fusion", "one"),
        (("caf\u00e9.jpg", "o/c.png"), None, "two"),
    ]
    json.dumps([dict(item.columns) for item in items])


def test_stdin_is_read_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pipe(io.BytesIO):
        read_so_far = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            self.read_so_far += 1
            return super().readline(size)

    pipe = Pipe("\n".join(json.dumps(row) for row in ROWS).encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(pipe))
    items = read_manifest("-", _item)
    assert next(items).input == "a,b.jpg" and pipe.read_so_far == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("m.jsonl", b'{"input": "a", "output": "b"}\n{"input"', "line 2 is no JSON"),
        ("m.jsonl", b"[1]\n", "line 1 is no object"),
        ("m.jsonl", b'{"input": "a", "output": "b", "x": NaN}\n', "no JSON number"),
        ("m.jsonl", b"[" * 100_000 + b"\n", "line 1 is no JSON"),
        ("m.jsonl", b"x" * (2 << 20), "longer than"),
        ("m.jsonl", b'{"input": "a", "output": "b"}\n{"input": "c", "output": "b"}\n', "rows 1 and 2 have the same output b"),
        ("m.jsonl", b'{"input": "a", "output": "b"}\n{"input": "b", "output": "c"}\n', "would overwrite the input b"),
        ("m.jsonl", b'{"input": "a"}\n', "row 1: a has no output"),
        ("m.jsonl", b"\n", "no rows"),
        ("m.csv", b"source,output\na,b\n", "no column called input"),
        ("m.csv", b"input,output,output\na,b,c\n", "two columns called output"),
        ("m.jsonl", b'{"input": "a", "output": "b", "output": "c"}\n', "output is there twice"),
        ("m.csv", b"input,output\na,b,c\n", "line 2 has more cells"),
        ("m.csv", b"input,output\n\xff,b\n", "not CSV in UTF-8"),
        ("m.parquet", b"PAR1 not", "no Parquet file"),
        ("m.txt", b"a\n", "manifests are"),
        ("missing.csv", None, "there is no file"),
    ],
)
def test_a_wrong_manifest_is_one_sentence(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(MatteError, match=said) as told:
        check_manifest(str(tmp_path / name), _item)
    assert "\n" not in str(told.value)


def test_a_result_may_replace_its_input_when_asked(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('{"input": "a.png", "output": "./a.png"}\n')
    with pytest.raises(UsageError, match="would overwrite"):
        check_manifest(str(tmp_path / "m.jsonl"), _item)
    assert check_manifest(str(tmp_path / "m.jsonl"), _item, overwrite=True) == 1
