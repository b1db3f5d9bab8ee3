"""Backdrops for frames whose pixels are not square: placed as people see them, then squeezed as the frames are stored."""

from fractions import Fraction

from mattecli.compositing.backdrop import Backdrop
from mattecli.compositing.fit import fit
from mattecli.io.clip_types import display_size
from mattecli.matting.levels import Plane


class ShapedBackdrop:
    """A backdrop behind frames whose pixels are `aspect` times as wide as high. One that stays the very same array stays the same here."""

    def __init__(self, backdrop: Backdrop, aspect: Fraction) -> None:
        self._backdrop, self._aspect = backdrop, aspect
        self._last: tuple[tuple[int, int], Plane, Plane] | None = None

    def __repr__(self) -> str:
        return f"ShapedBackdrop({self._backdrop!r}, {self._aspect})"

    @property
    def notes(self) -> tuple[str, ...]:
        return self._backdrop.notes

    def at(self, size: tuple[int, int], seconds: float = 0.0, *, icc: bytes | None = None) -> Plane:
        """The backdrop at a (height, width) of stored pixels, as Backdrop.at has it."""
        seen = self._backdrop.at(display_size(size, self._aspect), seconds, icc=icc)
        last = self._last
        if last is None or last[0] != size or last[1] is not seen:
            self._last = last = (size, seen, fit(seen, *size, mode="stretch"))
        return last[2]

    def close(self) -> None:
        self._backdrop.close()


def shaped(backdrop: Backdrop | None, aspect: Fraction) -> Backdrop | None:
    """The backdrop for pixels of that shape; itself for square ones."""
    return backdrop if backdrop is None or aspect == 1 else ShapedBackdrop(backdrop, aspect)
