"""Lengths (12, 12px, 1.5%) and colours (orange, #ff8800, 255,136,0) as people write them."""

from dataclasses import dataclass

from PIL import ImageColor

from mattecli.errors import UsageError
from mattecli.requests.decimals import parse_decimal

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
    amount = parse_decimal(word.removesuffix("px").removesuffix("%"))
    if amount is not None and amount <= (most_percent if word.endswith("%") else MOST):
        return Length(float(amount), percent=word.endswith("%"))
    raise UsageError(f"{wrong} pixels such as 12, or a share of the longer side such as 1.5%")


def parse_colour(text: str) -> tuple[float, float, float]:
    """A colour as (red, green, blue) in 0..1, from a CSS name, `#rgb`, `#rrggbb`, or `r,g,b` with 0..255 each.

    Raises UsageError for anything else, colours with an alpha among it.
    """
    try:
        parts = [int(part) for part in text.split(",")] if "," in text and "(" not in text else list(ImageColor.getrgb(text.strip()))
    except ValueError:
        parts = []
    if len(parts) != 3 or not all(0 <= part <= 255 for part in parts):
        raise UsageError(f"'{text}' is not a colour; give a CSS name such as orange, or #rgb, #rrggbb, or r,g,b with 0 to 255 each")
    red, green, blue = (part / 255 for part in parts)
    return red, green, blue
