"""The pace of a long clip is reported once, after its first frames."""

import os

import pytest

from mattecli.cli.pace import telling_pace


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def _told(seconds: list[float], total: int | None) -> list[str]:
    """The notes for frames that end at these seconds."""
    told: list[str] = []
    times = iter(seconds)
    seen: list[int] = []
    on_frame = telling_pace(lambda done, total: seen.append(done), told.append, clock=lambda: next(times))
    for index in range(len(seconds)):
        on_frame(index + 1, total)
    assert seen == list(range(1, len(seconds) + 1))
    return told


def test_the_pace_is_reported_once_and_leaves_out_the_first_frame() -> None:
    assert _told([9, 11, 12, 15, 18, 21], 122) == ["2 s a frame, so the 122 frames take about 4 min, 4 min from now"]


def test_the_pace_of_a_short_clip_or_one_of_unknown_length_is_not_reported() -> None:
    assert _told([0, 0.1, 0.2, 0.3, 0.4], 60) == [] and _told([0, 2, 4, 6, 8], None) == []
