"""Trimaps from strokes and from masks: read -> make -> judge -> write. No torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattecli.errors import UsageError
from mattecli.guides.sources import read_mask_levels, read_strokes
from mattecli.io.files import notes_of_reading
from mattecli.io.images import STANDARD_STREAM, read_photo, write_image
from mattecli.matting.affinity import Growth
from mattecli.matting.given_trimap import one_sided, too_unknown, trimap_shares
from mattecli.matting.grow import spread_strokes
from mattecli.matting.levels import to_uint8
from mattecli.matting.strokes import contradictions, missing_strokes
from mattecli.matting.trimap import trimap_from_mask
from mattecli.requests.photos import Job, plan_jobs
from mattecli.requests.quantities import Length, parse_length

STROKES = "strokes"
GROWTHS: dict[str, Growth | None] = {"random-walk": "random-walk", "geodesic": "geodesic", "none": None}
# A trimap has exactly three levels; a lossy format would add others.
LOSSLESS_SUFFIXES = (".png", ".tif", ".tiff", ".bmp")


@dataclass(frozen=True)
class MadeTrimap:
    """A trimap that was written: size is (height, width), the shares add up to 1, warnings are for the user."""

    source: str
    destination: str
    size: tuple[int, int]
    foreground: float
    background: float
    unknown: float
    warnings: tuple[str, ...]


def parse_band(text: str) -> Length | None:
    """The reach of the unknown band to either side of an outline: None for 'auto', else as parse_length; UsageError for others."""
    if text.strip() == "auto":
        return None
    return parse_length(text, wrong=f"`band` {text} is no width; give auto,", most_percent=50)


def parse_growth(name: str) -> Growth | None:
    """A way to spread strokes, or None for none; UsageError for a name that is not in GROWTHS."""
    if name not in GROWTHS:
        raise UsageError(f"`grow` {name} is not known; choose {', '.join(GROWTHS)}")
    return GROWTHS[name]


def plan_trimaps(
    inputs: Sequence[str],
    output: str | None,
    *,
    strokes: str | None = None,
    overwrite: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Job]:
    """The jobs of one command, see plan_jobs; UsageError for a format that does not keep the three levels."""
    guides = {} if strokes is None else {STROKES: strokes}
    jobs = plan_jobs(inputs, output, kind="trimap", guides=guides, overwrite=overwrite, tell=tell)
    for job in jobs:
        if job.destination != STANDARD_STREAM and Path(job.destination).suffix.lower() not in LOSSLESS_SUFFIXES:
            raise UsageError(
                f"{Path(job.destination).name}: a trimap has exactly three levels, which only a lossless format keeps; "
                f"choose {', '.join(LOSSLESS_SUFFIXES)}"
            )
    return jobs


def process_strokes(job: Job, *, growth: Growth | None, band: Length | None) -> MadeTrimap:
    """Make a trimap from a photo and its strokes. Raises MatteError; then nothing is written.

    Strokes of one kind only are written without spreading, with a warning.
    """
    with notes_of_reading() as reading_notes:
        photo = read_photo(job.source)
        strokes = read_strokes(job.guides[STROKES], photo.pixels)
    warnings = [*_beside(job, reading_notes), *missing_strokes(strokes), *contradictions(strokes)]
    trimap = strokes
    if growth is not None and not missing_strokes(strokes):
        trimap = spread_strokes(to_uint8(photo.pixels), strokes, growth=growth, band=band.pixels(photo.size) if band else None)
    return _write(job, trimap, [*warnings, *too_unknown(trimap)])


def process_mask(job: Job, *, band: Length | None) -> MadeTrimap:
    """Make a trimap from a hard mask or a soft matte. Raises MatteError; then nothing is written."""
    with notes_of_reading() as reading_notes:
        mask = read_mask_levels(job.source)
    trimap = trimap_from_mask(mask, band=band.pixels(mask.shape) if band else None)
    return _write(job, trimap, [*_beside(job, reading_notes), *one_sided(trimap), *too_unknown(trimap)])


def _beside(job: Job, reading_notes: Sequence[str]) -> list[str]:
    """Notes of reading, of which those of the source do not repeat its name."""
    return [note.removeprefix(f"{job.source}: ") for note in reading_notes]


def _write(job: Job, trimap: NDArray[np.uint8], warnings: list[str]) -> MadeTrimap:
    write_image(trimap, job.destination)
    height, width = trimap.shape
    return MadeTrimap(job.source, job.destination, (height, width), *trimap_shares(trimap), tuple(warnings))
