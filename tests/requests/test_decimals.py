"""Numbers from people are plain and bounded."""

from fractions import Fraction

import pytest

from mattecli.errors import UsageError
from mattecli.requests.clip import parse_rate, parse_time
from mattecli.requests.decimals import parse_decimal, parse_ratio
from mattecli.requests.quantities import parse_length

NONE = ["", " ", "1e9", "1e9999999999", "nan", "inf", "-1", "+1", "1_0", "0x10", "1/3", "1.2.3", "\u0661", "9" * 10, "1." + "0" * 99, "1 2"]


@pytest.mark.parametrize("text", NONE)
def test_text_that_is_no_plain_number_is_refused(text: str) -> None:
    assert parse_decimal(text) is None


@pytest.mark.parametrize(("text", "value"), [("12", 12), ("12.5", Fraction(25, 2)), (".5", Fraction(1, 2)), (" 7 ", 7), ("0", 0)])
def test_a_plain_number_is_exact(text: str, value: Fraction) -> None:
    assert parse_decimal(text) == value


def test_a_quotient_is_of_two_plain_numbers() -> None:
    assert parse_ratio("30000/1001") == Fraction(30000, 1001)
    assert [parse_ratio(text) for text in ("1/0", "1/", "/2", "1/2/3", "1e5/2")] == [None] * 5


def test_times_rates_and_lengths_are_parsed_from_plain_numbers() -> None:
    assert parse_time("1:02:03.5", "`start`") == Fraction(7447, 2) and parse_rate("29.97") == Fraction(30000, 1001)
    assert parse_length("1.5%", wrong="x").percent
    for parse in (lambda: parse_time("1:1e9", "`end`"), lambda: parse_rate("1e2"), lambda: parse_length("1e2", wrong="x")):
        with pytest.raises(UsageError):
            parse()
