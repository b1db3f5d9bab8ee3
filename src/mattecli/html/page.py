"""A page of numbers and pictures in one HTML file: no script, nothing loaded from elsewhere, light or dark as the reader's system is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

# Pictures stop, worst first, where they would make the page longer than this many characters.
PICTURE_BUDGET = 8_000_000

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #888; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; padding: 0 1.25rem; max-width: 1720px; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; }
h2 { font-size: 1.05rem; margin: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.25rem; margin: 0 0 1.5rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin-bottom: 2rem; }
th, td { text-align: right; padding: .25rem .9rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tr.mean td { font-weight: 600; border-bottom: 2px solid var(--soft); }
section { margin: 0 0 2rem; padding-top: 1rem; border-top: 1px solid var(--line); }
section p { margin: .1rem 0 .6rem; color: var(--soft); font-variant-numeric: tabular-nums; }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; align-items: flex-start; }
figure { margin: 0; }
figcaption { color: var(--soft); font-size: .85rem; }
.held { position: relative; display: inline-block; line-height: 0; }
.held img { image-rendering: pixelated; }
.held i { position: absolute; box-sizing: border-box; border: 1px solid #fff; outline: 1px solid #000; }
a { color: inherit; }
"""


@dataclass(frozen=True)
class Tile:
    """A picture with its caption, shown pixel for pixel; frame: a part to outline, as shares (left, top, width, height)."""

    caption: str
    uri: str
    frame: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Figure:
    """The pictures of one row of the table, by the row's name."""

    name: str
    about: str
    tiles: tuple[Tile, ...]


def aligned(values: Sequence[float | None]) -> list[str]:
    """The numbers of a column, all with as many decimals as give the largest of them four digits; "-" for none."""
    largest = max((value for value in values if value is not None), default=0.0)
    places = next((places for places in range(9) if largest * 10**places >= 1000), 9) if largest else 0
    return ["-" if value is None else f"{value:.{places}f}" for value in values]


@dataclass(frozen=True)
class Plot:
    """A drawing as SVG markup, with its title."""

    title: str
    svg: str


@dataclass(frozen=True)
class Page:
    """facts: what the numbers are, by word. columns: headings, by metric. rows: name and numbers, in the order shown.

    mean: a row above them, if any. plots: drawings, before the table. notes: more facts, after it. subject: what a row is about.
    write: puts a column into words.
    """

    title: str
    facts: Mapping[str, str]
    columns: Mapping[str, str]
    rows: Sequence[tuple[str, Mapping[str, float | None]]]
    mean: Mapping[str, float] = field(default_factory=dict)
    figures: Sequence[Figure] = ()
    legend: str = ""
    plots: Sequence[Plot] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    subject: str = "picture"
    write: Callable[[Sequence[float | None]], list[str]] = aligned


def worst_first(rows: Sequence[tuple[str, Mapping[str, float | None]]], metric: str) -> list[tuple[str, Mapping[str, float | None]]]:
    """Rows sorted by a metric, largest first; those without it at the end."""
    return sorted(rows, key=lambda row: -1.0 if (value := row[1].get(metric)) is None else value, reverse=True)


def rendered(page: Page) -> str:
    """The page as HTML text."""
    figures = _within_budget(page.figures)
    places = {figure.name: f"f{index}" for index, figure in enumerate(figures)}
    numbers = dict(page.rows)
    facts = dict(page.facts)
    if len(figures) < len(page.rows) and figures:
        facts["pictures"] = f"of the {len(figures)} worst"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(page.title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(page.title)}</h1>",
        _facts(facts),
        *(f"<section><h2>{escape(plot.title)}</h2>{plot.svg}</section>" for plot in page.plots),
        _table(page, places),
        _facts(page.notes) if page.notes else "",
        f"<p>{escape(page.legend)}</p>" if figures else "",
        *(_section(figure, places[figure.name], numbers.get(figure.name, {}), page.columns) for figure in figures),
        "</body></html>\n",
    ]
    return "\n".join(part for part in parts if part)


def _within_budget(figures: Sequence[Figure]) -> list[Figure]:
    kept, spent = [], 0
    for figure in figures:
        spent += sum(len(tile.uri) for tile in figure.tiles)
        if spent > PICTURE_BUDGET:
            break
        kept.append(figure)
    return kept


def _facts(facts: Mapping[str, str]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(word)}</dt><dd>{escape(text)}</dd>" for word, text in facts.items()) + "</dl>"


def _table(page: Page, places: Mapping[str, str]) -> str:
    names = [f'<a href="#{places[name]}">{escape(name)}</a>' if name in places else escape(name) for name, _ in page.rows]
    numbers = [page.mean, *(record for _, record in page.rows)]
    columns = [["mean", *names], *(page.write([record.get(metric) for record in numbers]) for metric in page.columns)]
    headings = "".join(f"<th>{escape(heading)}</th>" for heading in (page.subject, *page.columns.values()))
    lines = ["".join(f"<td>{cell}</td>" for cell in cells) for cells in zip(*columns, strict=True)]
    body = "\n".join([*([f'<tr class="mean">{lines[0]}</tr>'] if page.mean else []), *(f"<tr>{line}</tr>" for line in lines[1:])])
    return f'<div class="scroll"><table><thead><tr>{headings}</tr></thead><tbody>\n{body}\n</tbody></table></div>'


def _section(figure: Figure, place: str, numbers: Mapping[str, float | None], columns: Mapping[str, str]) -> str:
    known = {heading: value for metric, heading in columns.items() if (value := numbers.get(metric)) is not None}
    line = ", ".join(f"{heading} {value:.5g}" for heading, value in known.items())
    tiles = "\n".join(_tile(tile) for tile in figure.tiles)
    return (
        f'<section id="{place}"><h2>{escape(figure.name)}</h2><p>{escape(line)}; {escape(figure.about)}</p>\n'
        f'<div class="tiles">\n{tiles}\n</div></section>'
    )


def _tile(tile: Tile) -> str:
    outline = ""
    if tile.frame is not None:
        left, top, width, height = (f"{100 * share:.2f}%" for share in tile.frame)
        outline = f'<i style="left:{left};top:{top};width:{width};height:{height}"></i>'
    picture = f'<img src="{tile.uri}" alt="{escape(tile.caption)}">'
    return f'<figure><div class="held">{picture}{outline}</div><figcaption>{escape(tile.caption)}</figcaption></figure>'
