"""The table of a bench: columns, units, and the comparison with an earlier bench."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mattecli.bench.run import Case, Row, size_label
from mattecli.errors import InputError

# By name in Row.numbers: the heading, and what the number is multiplied by for its unit. One group fits a narrow terminal.
MODEL_ALONE = {
    "load_seconds": ("load s", 1.0),
    "first_seconds": ("first s", 1.0),
    "median_seconds": ("median ms", 1e3),
    "p95_seconds": ("p95 ms", 1e3),
    "fps": ("fps", 1.0),
}
END_TO_END = {
    "clip_fps": ("clip fps", 1.0),
    "steady_fps": ("steady fps", 1.0),
    "decode_seconds": ("decode ms", 1e3),
    "guide_seconds": ("guide ms", 1e3),
    "inference_seconds": ("infer ms", 1e3),
    "compose_seconds": ("compose ms", 1e3),
    "encode_seconds": ("encode ms", 1e3),
}
BESIDES = {
    "host_bytes": ("host MB", 1e-6),
    "device_bytes": ("GPU MB", 1e-6),
    "parity_max": ("max off /255", 1.0),
    "parity_mean": ("mean off /255", 1.0),
    "speedup": ("times as fast", 1.0),
}
GROUPS = (MODEL_ALONE, END_TO_END, BESIDES)

MEANINGS = {
    "load, first": "seconds to load the export, and of the first call, in a fresh process whose device is awake and whose file is cached",
    "median, p95": "milliseconds of a later call, its tensors already on the device, after two that warm up",
    "fps": "pictures a second of the model alone, by the median",
    "clip fps": "frames a second of `matte video` from file to file: decode, guides, inference, compose (colours, laid over white), encode "
    "(H.264); beside it the milliseconds a frame of each step, which overlap",
    "steady fps": "the same in the latter half of the clip, when what warms up in its first frames is warm",
    "memory": "the most the process held for the model alone, Python and torch included; on a GPU, in tensors",
    "max off, mean off": "how far the alpha lies from that of the same model in fp32; with random weights this says little",
    "random weights": "the model's own are not installed; speed and memory do not depend on their values",
}


@dataclass(frozen=True)
class Table:
    """Headings and lines of text; the first `named` columns identify the measurement, `groups` hold the related others."""

    headings: Sequence[str]
    lines: Sequence[Sequence[str]]
    named: int
    groups: Sequence[Sequence[int]]


def short(number: float | None) -> str:
    """A number with three significant digits, without an exponent; "-" for None."""
    if number is None:
        return "-"
    places = 2 - math.floor(math.log10(abs(number))) if number else 0
    return f"{number:.{min(max(places, 0), 6)}f}"


def columns_of(rows: Sequence[Row]) -> dict[str, tuple[str, float]]:
    """The columns in which any row has a number; those of guides without cost are left out."""
    return {name: column for group in GROUPS for name, column in group.items() if any(row.numbers.get(name) for row in rows)}


def scaled(row: Row, columns: Mapping[str, tuple[str, float]]) -> dict[str, float | None]:
    """A row's numbers in the units of the columns."""
    return {name: None if (number := row.numbers.get(name)) is None else number * unit for name, (_, unit) in columns.items()}


def table_of(rows: Sequence[Row]) -> Table:
    """All rows; one without numbers has "skipped" or "failed" instead of the first."""
    columns = columns_of(rows)
    named = {"model": [row.name for row in rows], "size": [size_label(row.case.size) for row in rows]}
    if any(row.case.precision != "fp32" for row in rows):
        named["precision"] = [row.case.precision for row in rows]
    if any(row.case.batch != 1 for row in rows):
        named["batch"] = [str(row.case.batch) for row in rows]
    numbers = [[_state(row), *["-"] * (len(columns) - 1)] if row.skipped or row.failed else _cells(row, columns) for row in rows]
    lines = [[*names, *cells] for *names, cells in zip(*named.values(), numbers, strict=True)]
    places = {name: place for place, name in enumerate(columns, len(named))}
    groups = [[places[name] for name in group if name in places] for group in GROUPS]
    headings = [*named, *(heading for heading, _ in columns.values())]
    return Table(headings if columns else [*named, ""], lines, len(named), [group for group in groups if group] or [[len(named)]])


def _state(row: Row) -> str:
    return "skipped" if row.skipped else "failed"


def _cells(row: Row, columns: Mapping[str, tuple[str, float]]) -> list[str]:
    return [short(number) for number in scaled(row, columns).values()]


def remarks(rows: Sequence[Row]) -> list[str]:
    """Why rows have no numbers, or lack some: a sentence each."""
    reasons = [(row, _state(row) + f": {row.skipped or row.failed}") for row in rows if row.skipped or row.failed]
    notes = [(row, note) for row in rows for note in row.notes]
    return [f"{row.case}: {text}" for row, text in (*reasons, *notes)]


def read_bench(file: str) -> dict[str, Any]:
    """Read a file written by `matte bench --json`. InputError for any other."""
    try:
        content: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
        _medians(content)
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}); give a file that `matte bench --json` wrote") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{file} is none of `matte bench --json`'s files; give one to compare with") from error
    return content


def _medians(old: Mapping[str, Any]) -> dict[Case, float]:
    return {
        Case(row["model"], (row["size"][1], row["size"][0]), row["precision"], row["batch"]): row["median_seconds"]
        for row in old["rows"]
        if not (row["skipped"] or row["failed"])
    }


def compared(row: Row, old: Mapping[str, Any]) -> Row:
    """The row with "speedup": the old median time of a call divided by the new one, where the old bench has that row."""
    before, now = _medians(old).get(row.case), row.numbers.get("median_seconds")
    return row if before is None or now is None else replace(row, numbers={**row.numbers, "speedup": before / now})


def verdict(rows: Sequence[Row], old: Mapping[str, Any]) -> str:
    """The comparison in one sentence."""
    ratios = {str(row.case): row.numbers["speedup"] for row in rows if "speedup" in row.numbers}
    origin = f"on {old['date']} ({old['machine']['processor']}, {old['settings']['device']}, torch {old['versions']['torch']})"
    if not ratios:
        return f"nothing was measured that was also measured {origin}"
    mean = math.exp(sum(map(math.log, ratios.values())) / len(ratios))
    least, most = min(ratios, key=ratios.__getitem__), max(ratios, key=ratios.__getitem__)
    spread = f", from {ratios[least]:.2f} ({least}) to {ratios[most]:.2f} ({most})" if len(ratios) > 1 else ""
    return f"{mean:.2f} times as fast as {origin}, the geometric mean of {len(ratios)}{spread}"
