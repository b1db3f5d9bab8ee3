"""Numbers in names are places in time; a missing number is a missing frame."""

from pathlib import Path

import pytest

from mattecli.io.video.numbering import missing_note, numbers_of, places_of


def _named(*names: str) -> list[Path]:
    return [Path("frames", name) for name in names]


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (("shot.1001.png", "shot.1002.png", "shot.1006.png"), (1001, 1002, 1006)),
        (("v2_take3_0009.exr.png", "v2_take3_0010.exr.png"), (9, 10)),
        (("9.png", "10.png"), (9, 10)),
        (("a1.png", "b2.png"), None),
        (("cover.png", "1.png"), None),
        (("1.png", "01.png"), None),
        (("7.png",), (7,)),
    ],
)
def test_frames_are_numbered_by_the_last_number_when_names_differ_in_nothing_else(
    names: tuple[str, ...], numbers: tuple[int, ...] | None
) -> None:
    assert numbers_of(_named(*names)) == numbers


@pytest.mark.parametrize(
    ("numbers", "places", "told"),
    [
        ((1001, 1002, 1003, 1006), [0, 1, 2, 5], "2 of 6 numbers are missing; the frame before a gap lasts"),
        ((0, 10, 20), [0, 1, 2], None),
        ((5,), [0], None),
        ((12, 50, 99), [0, 1, 2], "85 of 88 numbers are missing; the gaps are closed up"),
    ],
)
def test_missing_numbers_leave_gaps_when_most_frames_exist(numbers: tuple[int, ...], places: list[int], told: str | None) -> None:
    assert places_of(numbers) == places
    notes = missing_note(_named(*(f"{number}.png" for number in numbers)), numbers)
    assert (told in notes[0]) if told else notes == ()
