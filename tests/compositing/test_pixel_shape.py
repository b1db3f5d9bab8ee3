"""What lies behind frames of pixels that are not square looks as it is."""

from fractions import Fraction

import numpy as np
import pytest

from mattecli.compositing.backdrop import PictureBackdrop, Placing, plain_backdrop
from mattecli.compositing.pixel_shape import shaped
from mattecli.io.clip_types import display_size
from mattecli.io.pictures.photo import Photo


def _circle() -> Photo:
    rows, columns = np.mgrid[:200, :200]
    inside = np.hypot(rows - 100, columns - 100)[..., None] < 50
    return Photo(np.broadcast_to(inside * np.uint8(255), (200, 200, 3)).copy(), None, None)


@pytest.mark.parametrize("aspect", [Fraction(4, 3), Fraction(2), Fraction(16, 15), Fraction(1, 2), Fraction(1)])
def test_a_circle_is_as_wide_as_high_when_shown(aspect: Fraction) -> None:
    backdrop = shaped(PictureBackdrop(_circle(), Placing()), aspect)
    assert backdrop is not None
    seen = backdrop.at((160, 160))[..., 0] > 0.5
    assert seen.shape == (160, 160)
    assert seen.any(axis=0).sum() * float(aspect) == pytest.approx(seen.any(axis=1).sum(), abs=2 * float(max(aspect, 1 / aspect)))
    assert backdrop.at((160, 160)) is backdrop.at((160, 160))


def test_square_pixels_and_no_backdrop_are_left_alone() -> None:
    plain = plain_backdrop("red")
    assert shaped(plain, Fraction(1)) is plain and shaped(None, Fraction(2)) is None


def test_a_display_size_loses_no_pixels() -> None:
    assert display_size((576, 720), Fraction(64, 45)) == (576, 1024) and display_size((100, 100), Fraction(1, 2)) == (200, 100)
