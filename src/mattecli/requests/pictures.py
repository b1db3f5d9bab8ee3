"""Options of pictures besides their matte: which picture of a file is read, framing and storage. No torch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mattecli.errors import UsageError
from mattecli.io.pictures.decoders.decoded import FIRST, Pick
from mattecli.io.pictures.file_options import PLAIN, FileOptions
from mattecli.io.pictures.sizes import LONGEST_SIDE, MAX_MEGAPIXELS
from mattecli.requests.quantities import Length, parse_length

WORDS = ("page", "layer", "crop", "size", "max_side", "invert", "depth", "file_quality", "straight", "strip")
"""Columns of manifests and options of commands; --max-side is max_side there."""
SWITCHES = ("invert", "straight", "strip")
_SIZE = re.compile(r"(\d{1,5})(?:[xX](\d{1,5}))?")


@dataclass(frozen=True)
class Framing:
    """The part of a result that is shown, and its size.

    crop: cut it to the subject, with so much margin, as "12px" or "5%" of the subject's longer side; None for no cut. size: (height, width)
    of the result, into whose middle all of it is fitted, enlarged where it is smaller. max_side: pixels that no side exceeds; nothing is
    enlarged for that.
    """

    crop: Length | str | None = None
    size: tuple[int, int] | None = None
    max_side: int | None = None

    @property
    def margin(self) -> Length | None:
        """The crop as a length; UsageError for a text that is none."""
        if not isinstance(self.crop, str):
            return self.crop
        return parse_length(self.crop, wrong=f"a margin of {self.crop} is no length; give", most_percent=100)

    @property
    def is_plain(self) -> bool:
        """Whether it leaves the picture unchanged."""
        return self.crop is None and not self.scales

    @property
    def scales(self) -> bool:
        """Whether it may change a picture's scale."""
        return self.size is not None or self.max_side is not None


WHOLE = Framing()


@dataclass(frozen=True)
class PictureOptions:
    """pick: which picture of a file is read. framing, file: what is shown of a result, and how it is stored.

    invert: the background instead of the subject.
    """

    pick: Pick = FIRST
    framing: Framing = WHOLE
    file: FileOptions = PLAIN
    invert: bool = False


def picture_options(words: Mapping[str, Any]) -> PictureOptions:
    """The options from the texts of WORDS, each optional. Raises UsageError."""
    pick = Pick(_whole("page", words.get("page", 1)), words.get("layer"))
    quality = None if words.get("file_quality") is None else _whole("file quality", words["file_quality"])
    depth = None if words.get("depth") is None else str(words["depth"])
    file = FileOptions(depth, quality, straight=bool(words.get("straight")), strip=bool(words.get("strip")))
    return PictureOptions(pick, _framing(words), file, bool(words.get("invert")))


def _framing(words: Mapping[str, Any]) -> Framing:
    crop, size, side = words.get("crop"), words.get("size"), words.get("max_side")
    if size is not None and side is not None:
        raise UsageError("a size is exact and a longest side is not, so they do not go together; drop one of them")
    margin = Framing(None if crop is None else str(crop)).margin
    return Framing(margin, None if size is None else parse_size(str(size)), None if side is None else _whole("longest side", side))


def parse_size(text: str) -> tuple[int, int]:
    """A (height, width) from '1080x1350' (width first, as screens are named) or '1000' for a square; UsageError for anything else."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise UsageError(f"a size of {text} is not known; give WIDTHxHEIGHT, as 1080x1350, or one number for a square")
    width, height = int(found[1]), int(found[2] or found[1])
    if not (0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE) or width * height > MAX_MEGAPIXELS * 1e6:
        raise UsageError(f"a size of {text} is none this program makes; give sides from 1 to {LONGEST_SIDE}, {MAX_MEGAPIXELS} megapixels")
    return height, width


def _whole(name: str, value: Any) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = 0
    if number < 1:
        raise UsageError(f"a {name} of {value} is not known; give a whole number from 1")
    return number
