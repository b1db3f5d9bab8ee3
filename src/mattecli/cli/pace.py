"""Estimation of a clip's duration from its first frames."""

import os
import time
from collections.abc import Callable

WORTH_TELLING = 20.0
"""The pace of a clip that takes fewer seconds than this is not reported."""

OnFrame = Callable[[int, int | None], None]


def telling_pace(on_frame: OnFrame, tell: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> OnFrame:
    """`on_frame`, extended by one note about the pace, after the first frame and one more for each core.

    The first frame is left out, because a model warms up in it. Several frames are matted at once, so a few are needed.
    """
    after = 1 + (os.cpu_count() or 1)
    begun: list[float] = []

    def noted(done: int, total: int | None) -> None:
        on_frame(done, total)
        begun.append(clock())
        if len(begun) == 1 + after and total is not None:
            pace = (begun[-1] - begun[0]) / after
            left = pace * (total - done)
            if pace * total >= WORTH_TELLING:
                tell(f"{_readable(pace)} a frame, so the {total} frames take about {_readable(pace * total)}, {_readable(left)} from now")

    return noted


def _readable(seconds: float) -> str:
    """Seconds in readable units: 0.35 s, 12 s, 3 min, 2 h 10 min."""
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
