"""Numbers as people write them: plain decimals of bounded length. No exponents, signs, infinities or digits of other scripts."""

import re
from fractions import Fraction

_DECIMAL = re.compile(r"[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}")
_SHOWN = 40


def parse_decimal(text: str) -> Fraction | None:
    """The exact value of '12', '12.5' or '.5', below a thousand million; None for anything else."""
    word = text.strip()
    return Fraction(word) if _DECIMAL.fullmatch(word) else None


def parse_ratio(text: str) -> Fraction | None:
    """The exact value of a decimal or of a quotient of two, such as '30000/1001'; None for anything else."""
    over, slash, under = text.partition("/")
    above, below = parse_decimal(over), parse_decimal(under) if slash else Fraction(1)
    return above / below if above is not None and below else None


def shortened(text: str) -> str:
    """Typed text, shortened for a message."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
