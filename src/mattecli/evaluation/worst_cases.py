"""The report of an evaluation: all numbers, and of the worst results the spot with the most error, pixel for pixel."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mattecli.errors import MatteError
from mattecli.evaluation.error_map import heat_map, shrunk, worst_window
from mattecli.evaluation.evaluate import HEADINGS, Scored, Terms, cropped, mean_of
from mattecli.evaluation.metrics import Plane
from mattecli.html.page import Figure, Page, Tile, rendered, worst_first
from mattecli.html.self_contained import data_uri, write_page
from mattecli.io.images import read_photo

# Five pictures of this side stand in one row of a window.
SPOT_SIDE = OVERVIEW_SIDE = 256
PLACES = 100
LEGEND = (
    "Spots are shown pixel for pixel. Errors: orange where the prediction is too opaque, blue where it is too clear, "
    "brightness as the square root of the error; grey is not counted."
)


@dataclass(order=True)
class _Place:
    value: float
    turn: int  # settles ties, so that figures are never compared
    figure: Figure = field(compare=False)


class Gallery:
    """Figures of the results that the terms rank worst; memory does not grow with the number of results."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._places: list[_Place] = []
        self._turn = 0

    def add(self, scored: Scored) -> str | None:
        """Illustrate a result if it is among the worst so far; returns why its photo is not among the pictures, or None."""
        value = scored.numbers.get(self.terms.ranking)
        is_full = len(self._places) == PLACES
        if value is None or (is_full and value <= self._places[0].value):
            return None
        photo, remark = _photo(scored, self.terms.crop)
        self._turn -= 1
        place = _Place(value, self._turn, _illustrated(scored, photo))
        if is_full:
            heapq.heapreplace(self._places, place)
        else:
            heapq.heappush(self._places, place)
        return remark

    @property
    def figures(self) -> list[Figure]:
        """Worst first."""
        return [place.figure for place in sorted(self._places, reverse=True)]


def write_report(file: str, rows: Sequence[tuple[str, Mapping[str, float | None]]], gallery: Gallery, facts: Mapping[str, str]) -> None:
    """Write the page: rows are names and numbers, facts what else a reader should know, by word. Raises OutputError."""
    terms, convention = gallery.terms, gallery.terms.convention
    known = {name for _, numbers in rows for name in numbers}
    page = Page(
        title="Evaluation of mattes",
        facts={
            "convention": f"{convention.name}; {convention.about}",
            "counted": terms.region,
            **facts,
            "order": f"worst {HEADINGS[terms.ranking]} first",
        },
        columns={name: HEADINGS[name] for name in convention.scales if name in known},
        rows=worst_first(rows, terms.ranking),
        mean=mean_of([numbers for _, numbers in rows], convention),
        figures=gallery.figures,
        legend=LEGEND,
    )
    write_page(rendered(page), file)


def _illustrated(scored: Scored, photo: NDArray[np.uint8] | None) -> Figure:
    sample = scored.sample
    error = np.where(sample.region, sample.predicted - sample.true, np.float32(0))
    rows, columns = spot = worst_window(error, side=SPOT_SIDE)
    heat = heat_map(error, sample.region)
    height, width = error.shape
    frame = (columns.start / width, rows.start / height, (columns.stop - columns.start) / width, (rows.stop - rows.start) / height)
    tiles = (
        Tile("error, whole", data_uri(shrunk(heat, side=OVERVIEW_SIDE)), frame),
        *([] if photo is None else [Tile("picture", data_uri(photo[spot]))]),
        Tile("true alpha", data_uri(_levels(sample.true[spot]), lossless=True)),
        Tile("predicted alpha", data_uri(_levels(sample.predicted[spot]), lossless=True)),
        Tile("error", data_uri(heat[spot], lossless=True)),
    )
    return Figure(scored.name, f"spot at {columns.start}, {rows.start} of {width}x{height}", tiles)


def _photo(scored: Scored, crop: int) -> tuple[NDArray[np.uint8] | None, str | None]:
    """The pair's photo, 8 bit, or None and why; without a word where none was given."""
    file = scored.pair.image
    if file is None:
        return None, None
    try:
        photo = read_photo(file)
        pixels = cropped(photo.pixels, crop)
    except MatteError as error:
        return None, f"the report shows it without its picture: {error}"
    if pixels.shape[:2] != scored.sample.true.shape:
        return None, f"the report shows it without its picture: {file} has another size than the matte"
    return (pixels if photo.top == 255 else pixels >> 8).astype(np.uint8), None


def _levels(matte: Plane) -> NDArray[np.uint8]:
    return (matte * 255 + 0.5).astype(np.uint8)
