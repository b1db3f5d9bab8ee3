"""How many frames are in work at once is judged by their size before they are made."""

from dataclasses import replace
from fractions import Fraction

import pytest

from mattecli.core.tuning.memory import Budget
from mattecli.core.tuning.queues import AHEAD, BEHIND
from mattecli.errors import OutOfMemoryError
from mattecli.io.clip_types import Clip
from mattecli.pipelines.clip_memory import Depths, depths_within

HD = Clip("a.mp4", (1080, 1920), Fraction(1, 25), Fraction(25))
HUGE = replace(HD, source="a.gif", size=(15000, 15000))


def test_usual_frame_sizes_keep_the_usual_queue_depth() -> None:
    assert depths_within(HD, Budget(8 * 10**9), at_once=2) == Depths(AHEAD, BEHIND, 2)
    assert depths_within(HUGE, None, at_once=2) == Depths(AHEAD, BEHIND, 2)


@pytest.mark.parametrize("left", [5 * 10**8, 10**9, 2 * 10**9, 10**10])
def test_fewer_frames_are_in_flight_when_memory_is_short(left: int) -> None:
    depths = depths_within(HD, Budget(left), at_once=8)
    assert depths.memory(HD) <= left and (depths.at_once < 8 or left == 10**10)


def test_frames_too_large_for_the_memory_are_refused_with_numbers() -> None:
    with pytest.raises(OutOfMemoryError, match=r"15000x15000 pixels take about \d+\.\d GB .* 16\.0 GB are free; .* larger machine"):
        depths_within(HUGE, Budget(16 * 10**9))
    with pytest.raises(OutOfMemoryError, match="of the 20\\.0 GB are left; scale the clip down, or raise `max_memory`"):
        depths_within(HUGE, Budget(16 * 10**9, 4 * 10**9, asked=20 * 10**9))
