"""Detection of uneven frame durations, for files without time stamps."""


class Pace:
    """Called with the time stamp of each frame."""

    def __init__(self) -> None:
        self._shortest = self._longest = 0
        self._last: int | None = None

    def __call__(self, pts: int) -> None:
        if self._last is not None:
            step = pts - self._last
            self._shortest, self._longest = min(self._shortest or step, step), max(self._longest, step)
        self._last = pts

    @property
    def is_uneven(self) -> bool:
        """Whether some frames last longer than others, by more than rounding."""
        return self._longest - self._shortest > max(2, self._shortest // 10)
