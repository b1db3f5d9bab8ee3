"""The numbers in the names of a sequence's pictures, and the places in time that they give them."""

import re
from collections.abc import Sequence
from itertools import pairwise
from math import gcd
from pathlib import Path

_LAST_NUMBER = re.compile(r"(.*?)(\d{1,15})(\D*)")


def numbers_of(pictures: Sequence[Path]) -> tuple[int, ...] | None:
    """The number in each name, where the names differ in nothing else and the numbers grow; None where they do not."""
    parts = [_LAST_NUMBER.fullmatch(picture.name) for picture in pictures]
    if any(part is None for part in parts) or len({(part[1], part[3]) for part in parts if part}) > 1:
        return None
    numbers = tuple(int(part[2]) for part in parts if part)
    return numbers if all(one < other for one, other in pairwise(numbers)) else None


def step_of(numbers: Sequence[int]) -> int:
    """The largest step that leads to all of the numbers from the first: 10 for a sequence of each tenth frame."""
    return gcd(*(number - numbers[0] for number in numbers)) or 1


def places_of(numbers: Sequence[int]) -> list[int]:
    """Each picture's place in time, counted in frames from the first.

    Missing numbers stay missing, as long as most are there; numbers with more holes than pictures count no frames.
    """
    step = step_of(numbers)
    places = [(number - numbers[0]) // step for number in numbers]
    return places if places[-1] < 2 * len(places) else list(range(len(places)))


def missing_note(pictures: Sequence[Path], numbers: Sequence[int]) -> tuple[str, ...]:
    """What to tell of numbers that are missing, if any are."""
    span = (numbers[-1] - numbers[0]) // step_of(numbers) + 1
    missing = span - len(numbers)
    if not missing:
        return ()
    held = places_of(numbers)[-1] == span - 1
    what = "the frame before a gap lasts until the next one" if held else "the gaps are closed up"
    of_which = f"between {pictures[0].name} and {pictures[-1].name} {missing} of {span} numbers are missing"
    return (f"{of_which}; {what}, and pictures that are written keep their numbers",)
