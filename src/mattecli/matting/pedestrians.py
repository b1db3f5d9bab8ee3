"""A person seen from head to foot beside one that was found.

The linear classifier over histograms of oriented gradients of Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection",
CVPR 2005, with the weights that OpenCV contains. It judges shapes alone, so its answer is independent of a network's. It is run around the
person that was found, for people of about the same height on the same ground, and counts only where it knows the first one, too.
"""

from functools import cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

STEP, SCALES = 1.05, 15
"""The picture is searched at so many scales, each smaller than the one before by the step."""

WINDOW, PERSON, ROOM = (64, 128), 0.75, 0.125
"""A window's (width, height) in pixels, and the shares of its height that its person has, and that are above and below."""

SURE = 1.0
"""The least weight of the person that was found, and of one beside."""

HITS = 2
"""So many windows must hold a person beside, within AGREEING of the found one's height."""

AGREEING = 0.1

SAME_PLACE = 0.15
"""How far the middle and the feet of the found person may be from its window's, in shares of its height."""

NEAREST, FARTHEST, GROUND = 0.22, 1.0, 0.12
"""How far another's middle is at least and at most from the found one's, and its feet from its feet, in shares of its height."""

SHORTEST, TALLEST = 0.75, 1.33
"""How tall another is, in shares of the found one's height."""


Place = tuple[int, int, int, int]
"""(top, left, height, width) in pixels; may reach beyond the picture."""


class _Person(NamedTuple):
    """The middle of a person's width, its feet and its height, in pixels, and how sure that is."""

    weight: float
    middle: float
    feet: float
    height: float


def pedestrian_beside(picture: Bytes, found: Place) -> Place | None:
    """The window around a person beside the found one, or None; the picture is uint8 [H, W, 3], RGB.

    The window has an eighth of its height above the person and below. People from 96 to 200 pixels tall are known.
    """
    people = _people(picture)
    top, left, height, width = found
    middle, feet = left + width / 2, top + height
    if not any(
        person.weight >= SURE
        and max(abs(person.middle - middle), abs(person.feet - feet)) < SAME_PLACE * height
        and _is_as_tall(person, height)
        for person in people
    ):
        return None
    others = [
        person
        for person in people
        if NEAREST * height <= abs(person.middle - middle) < FARTHEST * height
        and abs(person.feet - feet) < GROUND * height
        and _is_as_tall(person, height)
    ]
    best = max(others, default=None)
    if best is None or best.weight < SURE or sum(_is_near(person, best, AGREEING * height) for person in others) < HITS:
        return None
    return _window(best)


def _people(picture: Bytes) -> list[_Person]:
    """All people who are known in a picture; none with an OpenCV that lacks the classifier, as `matte doctor` says."""
    if not hasattr(cv2, "HOGDescriptor"):
        return []
    padded = cv2.copyMakeBorder(picture, *(4 * (WINDOW[0] // 2,)), cv2.BORDER_REPLICATE)
    windows, weights = _detector().detectMultiScale(np.ascontiguousarray(padded[..., ::-1]), winStride=(8, 8), scale=STEP, groupThreshold=0)
    return [_person(window, float(weight)) for window, weight in zip(windows, np.ravel(weights), strict=True)]


@cache
def _detector() -> Any:
    detector = cv2.HOGDescriptor(WINDOW, (16, 16), (8, 8), (8, 8), 9, 1, -1, cv2.HOGDESCRIPTOR_L2HYS, 0.2, True, SCALES)
    detector.setSVMDetector(np.array(cv2.HOGDescriptor.getDefaultPeopleDetector(), np.float32))
    return detector


def _person(window: NDArray[np.int32], weight: float) -> _Person:
    left, top, width, height = (float(length) for length in window)
    border = WINDOW[0] // 2
    return _Person(weight, left + width / 2 - border, top + (1 - ROOM) * height - border, PERSON * height)


def _window(person: _Person) -> Place:
    height = person.height / PERSON
    width = height * WINDOW[0] / WINDOW[1]
    return round(person.feet - (1 - ROOM) * height), round(person.middle - width / 2), round(height), round(width)


def _is_as_tall(person: _Person, height: float) -> bool:
    return SHORTEST < person.height / height < TALLEST


def _is_near(person: _Person, other: _Person, distance: float) -> bool:
    return max(abs(person.middle - other.middle), abs(person.feet - other.feet)) < distance
