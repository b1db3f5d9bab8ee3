"""The numbers in the names of a sequence's pictures, and the frame positions they imply."""

import re
from collections.abc import Sequence
from itertools import pairwise
from math import gcd
from pathlib import Path

_LAST_NUMBER = re.compile(r"(.*?)(\d{1,15})(\D*)")


def numbers_of(pictures: Sequence[Path]) -> tuple[int, ...] | None:
    """The number in each name, where the names differ in nothing else and the numbers increase; otherwise None."""
    parts = [_LAST_NUMBER.fullmatch(picture.name) for picture in pictures]
    if any(part is None for part in parts) or len({(part[1], part[3]) for part in parts if part}) > 1:
        return None
    numbers = tuple(int(part[2]) for part in parts if part)
    return numbers if all(earlier < later for earlier, later in pairwise(numbers)) else None


def step_of(numbers: Sequence[int]) -> int:
    """The greatest common step between the numbers: 10 for a sequence of every tenth frame."""
    return gcd(*(number - numbers[0] for number in numbers)) or 1


def places_of(numbers: Sequence[int]) -> list[int]:
    """Each picture's position in time, counted in frames from the first.

    Missing numbers leave gaps as long as most are present; numbers with more gaps than pictures are ignored.
    """
    step = step_of(numbers)
    places = [(number - numbers[0]) // step for number in numbers]
    return places if places[-1] < 2 * len(places) else list(range(len(places)))


def missing_note(pictures: Sequence[Path], numbers: Sequence[int]) -> tuple[str, ...]:
    """A note about missing numbers, if any."""
    span = (numbers[-1] - numbers[0]) // step_of(numbers) + 1
    missing = span - len(numbers)
    if not missing:
        return ()
    held = places_of(numbers)[-1] == span - 1
    what = "the frame before a gap lasts until the next one" if held else "the gaps are closed up"
    of_which = f"between {pictures[0].name} and {pictures[-1].name} {missing} of {span} numbers are missing"
    return (f"{of_which}; {what}, and pictures that are written keep their numbers",)
