"""The page of a bench: bars of speed, time and memory for each size, then all numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from mattecli.bench.run import Row, size_label
from mattecli.bench.table import MEANINGS, columns_of, remarks, scaled, short
from mattecli.html.bars import bars
from mattecli.html.page import Page, Plot, rendered
from mattecli.html.self_contained import write_page

SPEEDS = {"model alone": "fps", "end to end": "clip_fps"}
STEPS = {step: f"{step}_seconds" for step in ("decode", "guide", "inference", "compose", "encode")}
MEMORY = {"host": "host_bytes", "GPU": "device_bytes"}


def write_bench_page(file: str, record: Mapping[str, Any], rows: Sequence[Row], *, comparison: str = "") -> None:
    """Write the page for a record of bench.record and its rows. Raises OutputError."""
    columns = columns_of(rows)
    page = Page(
        title="How fast the models are",
        facts=_facts(record) | ({"compared": comparison} if comparison else {}),
        columns={name: heading for name, (heading, _) in columns.items()},
        rows=[(_label(row, sized=True), scaled(row, columns)) for row in rows],
        plots=_plots([row for row in rows if row.numbers]),
        notes={**({"remarks": "; ".join(remarks(rows))} if remarks(rows) else {}), **MEANINGS},
        subject="model",
        write=lambda values: [short(value) for value in values],
    )
    write_page(rendered(page), file)


def _facts(record: Mapping[str, Any]) -> dict[str, str]:
    machine, versions, settings = record["machine"], record["versions"], record["settings"]
    memory = f", {machine['memory'] / 1e9:.1f} GB" if machine["memory"] else ""
    facts = {
        "date": record["date"],
        "processor": f"{machine['processor']}, {machine['available_cores']:g} of {machine['logical_cores']} cores{memory}",
        "GPUs": ", ".join(machine["gpus"]) + (f", driver {machine['driver']}" if machine["driver"] else ""),
        "measured on": f"{settings['device']}, torch's threads: {settings['torch_threads']}",
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items() if version),
        "system": machine["platform"],
        "clip": settings["clip"] or "none",
    }
    return {word: text for word, text in facts.items() if text}


def _plots(rows: Sequence[Row]) -> list[Plot]:
    plots = []
    for size in dict.fromkeys(row.case.size for row in rows):
        here = sorted((row for row in rows if row.case.size == size), key=lambda row: -row.numbers["fps"])
        at = f"at {size_label(size)}"
        plots.append(_plot(f"Frames a second {at}", here, SPEEDS, 1.0))
        if any("clip_fps" in row.numbers for row in here):
            plots.append(_plot(f"Milliseconds a frame {at}, end to end; the steps overlap", here, STEPS, 1e3, stacked=True))
        plots.append(_plot(f"Peak memory {at}, MB", here, MEMORY, 1e-6))
    return plots


def _plot(title: str, rows: Sequence[Row], series: Mapping[str, str], unit: float, *, stacked: bool = False) -> Plot:
    values = {word: [None if (number := row.numbers.get(name)) is None else number * unit for row in rows] for word, name in series.items()}
    present = {word: numbers for word, numbers in values.items() if any(numbers)}
    return Plot(title, bars([_label(row, sized=False) for row in rows], present, write=short, stacked=stacked))


def _label(row: Row, *, sized: bool) -> str:
    case = row.case
    parts = [row.name, size_label(case.size) if sized else "", "" if case.precision == "fp32" else case.precision]
    return ", ".join(part for part in (*parts, f"{case.batch} a call" if case.batch > 1 else "") if part)
