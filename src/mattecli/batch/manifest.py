"""Manifests: one row an item, as JSON Lines, CSV or Parquet, or JSON Lines on stdin ("-"). No torch.

Files are checked completely before any work begins; stdin is read row by row.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from mattecli.batch import storage
from mattecli.batch.items import Item
from mattecli.errors import InputError, UsageError
from mattecli.io.files import reading, stdin

STDIN = "-"
SUFFIXES = (".jsonl", ".ndjson", ".csv", ".parquet")
LONGEST_LINE = 1 << 20

Row = dict[str, Any]
ToItem = Callable[[Row], Item]


def check_manifest(path: str, to_item: ToItem, *, overwrite: bool = False) -> int:
    """The number of items of a manifest file.

    UsageError, with the row's number, for a bad row, for two rows with one output, and without `overwrite` for an output that is read.
    """
    rows: dict[str, int] = {}
    read: set[str] = {_place(path)}
    for number, item in _numbered(path, to_item):
        if (first := rows.setdefault(_place(item.output), number)) != number:
            raise UsageError(f"{path}: rows {first} and {number} have the same output {item.output}; give each its own")
        read.update(map(_place, item.reads))
    for place in read & rows.keys() if not overwrite else ():
        raise UsageError(f"{path}: row {rows[place]} would overwrite the input {os.path.relpath(place)}; give it another output")
    if not rows:
        raise UsageError(f"{path} has no rows; give it one for each input")
    return len(rows)


def _place(path: str) -> str:
    return path if storage.is_url(path) else os.path.abspath(path)


def read_manifest(path: str, to_item: ToItem) -> Iterator[Item]:
    """The items of a manifest, in its order. InputError for a file that cannot be read, UsageError for a bad row."""
    return (item for _, item in _numbered(path, to_item))


def _numbered(path: str, to_item: ToItem) -> Iterator[tuple[int, Item]]:
    for number, row in enumerate(_rows(path), 1):
        try:
            yield number, to_item(row)
        except UsageError as error:
            raise UsageError(f"{path}: row {number}: {error}") from error


def _rows(path: str) -> Iterable[Row]:
    suffix = Path(path).suffix.lower()
    if path == STDIN:
        return _json_rows(stdin(), "stdin")
    if suffix not in SUFFIXES:
        raise UsageError(f"{path}: manifests are {', '.join(SUFFIXES)} files, or - for JSON Lines on stdin")
    return _file_rows(path, suffix)


def _file_rows(path: str, suffix: str) -> Iterator[Row]:
    with reading(path), storage.opened(path) as stream:
        if suffix == ".parquet":
            yield from _parquet_rows(stream, path)
        elif suffix == ".csv":
            yield from _csv_rows(stream, path)
        else:
            yield from _json_rows(stream, path)


def _json_rows(stream: IO[bytes], name: str) -> Iterator[Row]:
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise UsageError(f"{name}: line {number} is longer than {LONGEST_LINE} bytes; is it JSON Lines?")
        if line.strip():
            yield _json_row(line, f"{name}: line {number}")


def _json_row(line: bytes, where: str) -> Row:
    try:
        row = json.loads(line.decode("utf-8-sig"), parse_constant=_refuse_constant, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is no JSON ({error}); write one object a line") from error
    if not isinstance(row, dict):
        raise UsageError(f'{where} is no object; write one such as {{"input": "a.jpg", "output": "a.png"}}')
    return row


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is no JSON number")


def _object(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError(f"{_twice([name for name, _ in pairs])} is there twice")
    return row


def _twice(names: Sequence[str]) -> str:
    """The first name that occurs more than once, or ""."""
    return next((name for name in names if names.count(name) > 1), "")


def _csv_rows(stream: IO[bytes], name: str) -> Iterator[Row]:
    text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
    reader = csv.DictReader(text, restkey="", strict=True)
    try:
        if "input" not in (reader.fieldnames or ()):
            raise UsageError(f"{name} has no column called input; its first line names the columns")
        if name_twice := _twice(reader.fieldnames or ()):
            raise UsageError(f"{name} has two columns called {name_twice}; leave one")
        for row in reader:
            if "" in row:
                raise UsageError(f"{name}: line {reader.line_num} has more cells than there are columns; put quotes around commas")
            yield row
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(f"{name}: line {reader.line_num} is not CSV in UTF-8 ({error})") from error
    finally:
        text.detach()  # whoever opened the stream closes it


def _parquet_rows(stream: IO[bytes], name: str) -> Iterator[Row]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise UsageError("Parquet needs pyarrow; pip install 'mattecli[parquet]'") from error
    try:
        for group in parquet.ParquetFile(stream).iter_batches():
            for row in group.to_pylist():
                yield {key: _as_json(value) for key, value in row.items()}
    except ArrowException as error:
        raise InputError(f"{name} is no Parquet file ({error}); write it anew") from error


def _as_json(value: Any) -> Any:
    """Times, decimals and bytes as text; structs without the fields that are empty."""
    if isinstance(value, dict):
        return {key: _as_json(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_as_json(part) for part in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
