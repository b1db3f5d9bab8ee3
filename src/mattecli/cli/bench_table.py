"""The table of `matte bench`: drawn on a terminal, plain columns elsewhere."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mattecli.cli.console import say
from mattecli.cli.wording import in_flags

if TYPE_CHECKING:
    from rich.table import Table as Drawing

    from mattecli.bench.table import Table

WIDEST = 10_000


def print_table(table: "Table", remarks: Sequence[str]) -> None:
    """To stdout: the table, in several parts where a terminal is too narrow for it, then a line for each remark."""
    if sys.stdout.isatty():
        _draw(table)
    else:
        say(_plain(table))
    for remark in remarks:
        say(in_flags(remark))


def _plain(table: "Table") -> str:
    columns = []
    for place, column in enumerate(zip(table.headings, *table.lines, strict=True)):
        width = max(map(len, column))
        columns.append([cell.ljust(width) if place < table.named else cell.rjust(width) for cell in column])
    return "\n".join("  ".join(cells).rstrip() for cells in zip(*columns, strict=True))


def _draw(table: "Table") -> None:
    from rich.console import Console

    console = Console()
    whole = _drawing(table, range(table.named, len(table.headings)))
    fits = console.measure(whole, options=console.options.update(max_width=WIDEST)).maximum <= console.width
    for drawing in [whole] if fits else [_drawing(table, group) for group in table.groups]:
        console.print(drawing)


def _drawing(table: "Table", group: Sequence[int]) -> "Drawing":
    """The named columns, of which the first may break its words over lines, and those of a group, units below their headings."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as Drawing
    from rich.text import Text

    drawing = Drawing(box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    shown = [*range(table.named), *group]
    for place in shown:
        is_name = place < table.named
        heading = Text(table.headings[place] if is_name else "\n".join(table.headings[place].rsplit(" ", 1)))
        drawing.add_column(heading, justify="left" if is_name else "right", no_wrap=place > 0, overflow="fold")
    for line in table.lines:
        drawing.add_row(*(Text(line[place]) for place in shown))
    return drawing
