"""Time stamps that a container rounded, at the constant rate that its header declares."""

from fractions import Fraction
from math import gcd

_FINEST = 2**31 - 1  # ticks a second, a 32-bit field of .mov and .mp4
_SIMPLE = 1001  # the largest denominator of a rate that somebody chose; averages of uneven frames have larger ones


class SteadyRate:
    """Puts rounded time stamps where the declared rate has them, until one is not within a tick of it: from there on all are as stated.

    Matroska and FLV count milliseconds, which 24000/1001 frames a second do not come at. time_base: seconds a tick of the stamps given
    out; the file's own where that counts such frames exactly, or nothing is `rounded`.
    """

    def __init__(self, rate: Fraction, tick: Fraction, *, rounded: bool) -> None:
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
        """A stamp in the file's ticks, in those of `time_base`."""
        stated = stamp * self._tick
        if self._start is None:
            self._start = stated
        if self._holds:
            exact = self._start + round((stated - self._start) * self._rate) / self._rate
            self._holds = abs(exact - stated) <= self._tick
            stated = exact if self._holds else stated
        return int(stated / self.time_base)


def _common(a: Fraction, b: Fraction) -> Fraction:
    """The longest time that fits into both a whole number of times."""
    return Fraction(gcd(a.numerator * b.denominator, b.numerator * a.denominator), a.denominator * b.denominator)
