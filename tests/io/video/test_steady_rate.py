"""Time stamps rounded by a container become exact again where the declared rate explains them, and only there."""

from fractions import Fraction

import pytest

from mattecli.io.video.steady_rate import SteadyRate

MILLISECOND = Fraction(1, 1000)
FILM = Fraction(24000, 1001)
RATES = [FILM, Fraction(30000, 1001), Fraction(60000, 1001), Fraction(24), Fraction(30), Fraction(120), Fraction(15, 2)]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("origin", [0, 42, 3_600_000])
def test_rounded_timestamps_become_exact_over_hours_and_gaps(rate: Fraction, origin: int) -> None:
    steady = SteadyRate(rate, MILLISECOND, rounded=True)
    numbers = [*range(100), 205, 206, 250_000, 250_001]
    stamps = [steady(round(origin + number / rate * 1000)) for number in numbers]
    seconds = [(stamp - stamps[0]) * steady.time_base for stamp in stamps]
    assert seconds == [number / rate for number in numbers]


def test_a_rate_from_rounded_durations_snaps_to_the_broadcast_rate() -> None:
    steady = SteadyRate(Fraction(19001, 317), MILLISECOND, rounded=True)
    assert steady.step is not None and steady.step * steady.time_base == Fraction(1001, 60000)


def test_timestamps_are_unchanged_from_the_first_that_the_rate_does_not_explain() -> None:
    steady = SteadyRate(FILM, MILLISECOND, rounded=True)
    stated = [0, 42, 83, 130, 167, 209]
    assert [steady(stamp) * steady.time_base for stamp in stated] == [0, 1 / FILM, 2 / FILM, *(stamp * MILLISECOND for stamp in stated[3:])]
    assert steady.step is None


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(99_991, 3337)])
def test_exact_rates_and_average_rates_change_nothing(rate: Fraction) -> None:
    steady = SteadyRate(rate, MILLISECOND, rounded=True)
    assert steady.time_base == MILLISECOND and [steady(stamp) for stamp in (5, 44, 85)] == [5, 44, 85]
