"""What part of a result is shown, and how large."""

import numpy as np
import pytest

from mattecli.compositing.framing import framed, framed_light, window_of
from mattecli.io.pictures.light import Light
from mattecli.requests.pictures import Framing
from mattecli.requests.quantities import Length

ALPHA = np.zeros((20, 30), np.float32)
ALPHA[6:10, 12:20] = 1


@pytest.mark.parametrize(
    ("crop", "window"),
    [
        (None, (slice(0, 20), slice(0, 30))),
        (Length(0), (slice(6, 10), slice(12, 20))),
        (Length(25, percent=True), (slice(4, 12), slice(10, 22))),
        (Length(100), (slice(0, 110), slice(0, 120))),
    ],
)
def test_the_window_is_the_subject_and_its_margin(crop: Length | None, window: tuple[slice, slice]) -> None:
    assert window_of(ALPHA, Framing(crop)) == window
    assert window_of(np.zeros_like(ALPHA), Framing(crop)) == (slice(0, 20), slice(0, 30)), "nothing to cut to"


def test_a_size_is_exact_and_its_content_in_the_middle() -> None:
    square = framed(ALPHA[6:10, 12:20], Framing(size=(8, 8)))
    assert square.shape == (8, 8) and square[2:6].min() == 1 and square[:2].max() == 0 and square[6:].max() == 0


def test_a_longest_side_enlarges_nothing() -> None:
    assert framed(ALPHA, Framing(max_side=100)).shape == (20, 30)
    assert framed(ALPHA, Framing(max_side=15)).shape == (10, 15)


def test_scaling_keeps_the_mean_of_linear_light() -> None:
    light = Light(np.repeat(ALPHA[..., None] * 8, 3, axis=2), ALPHA)
    half = framed_light(light, window_of(ALPHA, Framing()), Framing(max_side=15))
    assert half.colours.max() == 8 and half.alpha is not None
    assert half.colours.sum() * 4 == pytest.approx(light.colours.sum()) and half.alpha.sum() * 4 == pytest.approx(ALPHA.sum())
