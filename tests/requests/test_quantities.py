"""Colours as people write them."""

import pytest

from mattecli.errors import MatteError
from mattecli.requests.quantities import parse_colour


@pytest.mark.parametrize(
    ("text", "expected"),
    [("orange", (255, 165, 0)), ("Grey", (128, 128, 128)), ("#f0a", (255, 0, 170)), ("#102030", (16, 32, 48)), ("1, 2,255", (1, 2, 255))],
)
def test_a_colour_is_a_name_or_hexadecimal_or_three_numbers(text: str, expected: tuple[int, int, int]) -> None:
    assert parse_colour(text) == pytest.approx([part / 255 for part in expected])


@pytest.mark.parametrize("text", ["", "blurple", "#12", "1,2", "1,2,256", "-1,2,3", "1,2,x", "#11223344"])
def test_unreadable_colours_are_refused_with_the_accepted_forms(text: str) -> None:
    with pytest.raises(MatteError, match="#rgb, #rrggbb, or r,g,b"):
        parse_colour(text)
