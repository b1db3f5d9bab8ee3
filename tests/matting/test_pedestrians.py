"""Beside a person who is known by shape, another one is known, too; nothing else is."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mattecli.matting.pedestrians import Bytes, Place, pedestrian_beside

TALL = 137


@pytest.fixture(scope="module")
def couple(shared: Path) -> tuple[Bytes, Place, Place]:
    """Two people who walk side by side, RGB, and the places of the man and of the woman."""
    picture = cv2.cvtColor(cv2.imread(str(shared / "data/portraits/people_236.jpg")), cv2.COLOR_BGR2RGB)
    scale = TALL / 278
    places = [tuple(round(scale * length) for length in place) for place in ((82, 298, 278, 110), (102, 219, 262, 76))]
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), *places


def test_the_other_of_two_walkers_is_known(couple: tuple[Bytes, Place, Place]) -> None:
    picture, man, woman = couple
    window = pedestrian_beside(picture, man)
    assert window is not None
    top, left, height, width = window
    assert abs(left + width / 2 - (woman[1] + woman[3] / 2)) < 0.3 * woman[3], "the window is beside her"
    assert top < woman[0] and top + height > woman[0] + woman[2] - 10


def test_one_who_walks_alone_has_no_company(couple: tuple[Bytes, Place, Place]) -> None:
    picture, man, _ = couple
    alone = picture.copy()
    alone[:, : man[1]] = picture[:, :1]  # lines of one colour each, so no shapes
    assert pedestrian_beside(alone, man) is None


def test_beside_what_is_not_known_as_a_person_nobody_is_looked_for(couple: tuple[Bytes, Place, Place]) -> None:
    picture, man, _ = couple
    assert pedestrian_beside(picture, (man[0], man[1] - 160, man[2], man[3])) is None
    assert pedestrian_beside(np.full((200, 300, 3), 128, np.uint8), (30, 100, TALL, 50)) is None
