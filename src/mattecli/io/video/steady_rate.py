"""Correction of time stamps that a container rounded, by the constant rate that its header declares."""

from fractions import Fraction
from math import gcd

_FINEST = 2**31 - 1  # ticks a second, a 32-bit field of .mov and .mp4
_ROUNDED = Fraction(1, 2_000_000)
_SIMPLE = 1001  # the largest denominator of a chosen rate; averages of uneven frames have larger ones


class SteadyRate:
    """Replaces rounded time stamps by those of the declared rate, until one differs by more than a tick; from there on all are unchanged.

    Matroska and FLV count milliseconds, which do not fit 24000/1001 frames a second. time_base: seconds per tick of the returned stamps;
    the file's own where that represents such frames exactly, or nothing is `rounded`.
    """

    def __init__(self, rate: Fraction, tick: Fraction, *, rounded: bool) -> None:
        rate = _usual(rate)
        self._rate, self._tick = rate, tick
        exact = _common(tick, 1 / rate)
        self._holds = rounded and exact != tick and rate.denominator <= _SIMPLE and exact.denominator <= _FINEST
        self.time_base = exact if self._holds else tick
        self._start: Fraction | None = None

    @property
    def step(self) -> int | None:
        """Ticks from frame to frame, while the rate holds."""
        return int(1 / self._rate / self.time_base) if self._holds else None

    def __call__(self, stamp: int) -> int:
        """A stamp in the file's ticks, converted to those of `time_base`."""
        stated = stamp * self._tick
        if self._start is None:
            self._start = stated
        if self._holds:
            exact = self._start + round((stated - self._start) * self._rate) / self._rate
            self._holds = abs(exact - stated) <= self._tick
            stated = exact if self._holds else stated
        return int(stated / self.time_base)


def _usual(rate: Fraction) -> Fraction:
    """The rate N * 1000/1001 that a rounded duration of a frame stands for: WebM states 60000/1001 frames a second as 19001/317."""
    television = Fraction(round(rate * _SIMPLE / 1000) * 1000, _SIMPLE)
    return television if rate.denominator > 1 and abs(television / rate - 1) < _ROUNDED else rate


def _common(a: Fraction, b: Fraction) -> Fraction:
    """The longest time that fits into both a whole number of times."""
    return Fraction(gcd(a.numerator * b.denominator, b.numerator * a.denominator), a.denominator * b.denominator)
