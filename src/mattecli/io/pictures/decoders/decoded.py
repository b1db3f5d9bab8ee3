"""The types of a decoder's input and output."""

from dataclasses import dataclass, field
from typing import Any

from mattecli.errors import InputError
from mattecli.io.pictures.light import Light
from mattecli.io.pictures.metadata import Metadata
from mattecli.io.pictures.sizes import check_size


@dataclass(frozen=True)
class Pick:
    """Which of a file's pictures is read. page: its number, from 1. layer: of an EXR the name of a layer or part, None for the main one."""

    page: int = 1
    layer: str | None = None


FIRST = Pick()
FRAMES = "frames"


@dataclass(frozen=True)
class File:
    """A picture file. name: used in errors. path: or None. most: the limit in bytes for reading it, None for no limit.

    as_levels: its numbers are read as they are, not as colours.
    """

    name: str
    data: bytes
    path: str | None = None
    pick: Pick = FIRST
    most: int | None = None
    as_levels: bool = False

    def check(self, size: tuple[int, int], *, bits: int = 8) -> None:
        """Raise InputError where a picture of (height, width) and so many bits a channel is larger than this program opens."""
        check_size(self.name, size, most=self.most, bits=bits, length=len(self.data))


@dataclass(frozen=True)
class Decoded:
    """levels: uint8 or uint16, [H, W] or [H, W, C]: grey, RGB, or either with straight alpha; orientation not yet applied.

    light: the same picture as floats, for files of floats. lossy: whether it was compressed with loss.
    """

    levels: Any
    metadata: Metadata = field(default_factory=Metadata)
    lossy: bool = False
    notes: tuple[str, ...] = ()
    light: Light | None = None


def chosen_page(file: File, count: int) -> int:
    """The index of the requested page of `count`; InputError where there is no such page."""
    if not 1 <= file.pick.page <= count:
        there = "one picture" if count == 1 else f"{count} pictures"
        raise InputError(f"{file.name} holds {there}, and there is no page {file.pick.page}; choose another with `page`")
    return file.pick.page - 1


def refuse_layer(file: File) -> None:
    """InputError where a layer is requested of a file without layers."""
    if file.pick.layer is not None:
        raise InputError(f"{file.name} has no layers, so there is none called {file.pick.layer}; drop `layer`")


def pages_note(count: int, page: int, words: str) -> tuple[str, ...]:
    """A note about a file of `count` pictures, called `words`; empty for a single picture."""
    which = "the first" if page == 1 else f"number {page}"
    others = ", or all with `matte video`" if words == FRAMES else ""
    return (f"it has {count} {words}, of which {which} is taken; choose another with `page`{others}",) if count > 1 else ()
