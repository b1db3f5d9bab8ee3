"""Bar charts as SVG for a page: no script, nothing loaded, in the page's text colour."""

from collections.abc import Callable, Mapping, Sequence
from html import escape

COLOURS = ("#3b82c4", "#e08a2e", "#4aa564", "#b35fb0", "#c9504a", "#7a8794")
LETTER, LINE, THICK, GAP, ABOVE = 7.2, 20, 13, 9, 6
WIDTH, ROOM_FOR_VALUE = 560, 90

Series = Mapping[str, Sequence[float | None]]
Write = Callable[[float], str]


def bars(labels: Sequence[str], series: Series, *, write: Write, stacked: bool = False) -> str:
    """A chart of horizontal bars from zero, as SVG markup.

    series: by name a value for each label, None where there is none; at most as many as COLOURS. stacked: a label's values in one bar,
    their sum beside it; else a bar for each, its value beside it. write: puts a value into words.
    """
    colours = dict(zip(series, COLOURS, strict=False))
    rows = [{name: value for name, values in series.items() if (value := values[index]) is not None} for index in range(len(labels))]
    longest = max((sum(row.values()) if stacked else max(row.values(), default=0.0) for row in rows), default=0.0)
    scale = WIDTH / (longest or 1.0)
    left = 12 + LETTER * max(map(len, labels), default=0)
    has_key = len(series) > 1
    parts, top = [_key(colours, left)] if has_key else [], float(ABOVE + LINE * has_key)
    for label, row in zip(labels, rows, strict=True):
        height = THICK * (1 if stacked else max(len(row), 1))
        parts.append(_text(left - 8, top + height / 2 + 3, label, anchor="end"))
        parts += (_stack if stacked else _group)(row, colours, (left, top), scale, write)
        top += height + GAP
    width = left + WIDTH + ROOM_FOR_VALUE
    return (
        f'<svg viewBox="0 0 {width:.0f} {top:.0f}" width="{width:.0f}" role="img" font-size="12" font-family="system-ui, sans-serif" '
        f'fill="currentColor" style="max-width:100%;height:auto">{"".join(parts)}</svg>'
    )


def _stack(row: Mapping[str, float], colours: Mapping[str, str], corner: tuple[float, float], scale: float, write: Write) -> list[str]:
    left, top = corner
    parts = []
    for name, value in row.items():
        parts.append(_bar(left, top, value * scale, colours[name]))
        left += value * scale
    return [*parts, _text(left + 6, top + THICK - 3, write(sum(row.values())))]


def _group(row: Mapping[str, float], colours: Mapping[str, str], corner: tuple[float, float], scale: float, write: Write) -> list[str]:
    left, top = corner
    parts = []
    for name, value in row.items():
        parts += [_bar(left, top, value * scale, colours[name]), _text(left + value * scale + 6, top + THICK - 3, write(value))]
        top += THICK
    return parts


def _key(colours: Mapping[str, str], left: float) -> str:
    parts = []
    for name, colour in colours.items():
        parts.append(f'<rect x="{left:.1f}" y="{ABOVE}" width="10" height="10" fill="{colour}"/>{_text(left + 15, ABOVE + 9, name)}')
        left += 35 + LETTER * len(name)
    return "".join(parts)


def _bar(left: float, top: float, length: float, colour: str) -> str:
    return f'<rect x="{left:.1f}" y="{top:.1f}" width="{length:.1f}" height="{THICK - 2}" fill="{colour}"/>'


def _text(left: float, base: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{left:.1f}" y="{base:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
