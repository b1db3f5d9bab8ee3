"""Lengths as people write them for pictures of any size: 12, 12px or 1.5%."""

from contextlib import suppress
from dataclasses import dataclass

from mattecli.errors import UsageError

MOST = 10_000


@dataclass(frozen=True)
class Length:
    """Pixels, or percent of a picture's longer side."""

    amount: float
    percent: bool = False

    def pixels(self, size: tuple[int, ...]) -> float:
        """The length in pixels in a picture of (height, width)."""
        return self.amount / 100 * max(size) if self.percent else self.amount


def parse_length(text: str, *, wrong: str, most_percent: float = MOST) -> Length:
    """'12' or '12px' is pixels, '1.5%' percent of the longer side; UsageError for anything else, `wrong` the beginning of its sentence."""
    word = text.strip()
    with suppress(ValueError):
        amount = float(word.removesuffix("px").removesuffix("%"))
        if 0 <= amount <= (most_percent if word.endswith("%") else MOST):
            return Length(amount, percent=word.endswith("%"))
    raise UsageError(f"{wrong} pixels such as 12, or a share of the longer side such as 1.5%")
