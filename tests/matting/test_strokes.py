"""Scribbles become a trimap that knows only what was painted."""

import cv2
import numpy as np
import pytest

from mattecli.errors import InputError
from mattecli.matting.strokes import trimap_from_strokes

COLOURS = {"grey": (255, 0), "rgb": ((255, 255, 255), (0, 0, 0)), "green and red": ((20, 220, 40), (230, 10, 30))}


def paper(shape, level=128):
    return np.full((40, 60, *shape), level, np.uint8)


@pytest.mark.parametrize("name", COLOURS)
def test_strokes_on_grey_are_read_in_every_colouring(name):
    foreground, background = COLOURS[name]
    strokes = paper(() if name == "grey" else (3,))
    strokes[10:14, 10:30] = foreground
    strokes[30:34, 10:30] = background
    trimap = trimap_from_strokes(strokes, size=(40, 60))
    expected = np.full((40, 60), 128, np.uint8)
    expected[10:14, 10:30], expected[30:34, 10:30] = 255, 0
    assert np.array_equal(trimap, expected)


def test_transparent_pixels_bear_no_stroke_whatever_their_colour():
    strokes = paper((4,), 0)
    strokes[5:9, 5:9] = 255
    strokes[20:24, 5:9, 3] = 255
    trimap = trimap_from_strokes(strokes, size=(40, 60))
    assert (np.count_nonzero(trimap == 255), np.count_nonzero(trimap == 0)) == (16, 16)


@pytest.mark.parametrize("name", ["GT01", "GT07", "GT24"])
def test_real_scribbles_agree_with_the_true_matte(shared, name):
    strokes = cv2.imread(str(shared / f"data/strokes/alphamatting_{name}_strokes.png"), cv2.IMREAD_UNCHANGED)
    alpha = cv2.imread(str(shared / f"data/eval/alphamatting_{name}_alpha.png"), cv2.IMREAD_GRAYSCALE)
    trimap = trimap_from_strokes(strokes, size=alpha.shape)
    assert (trimap == 255).sum() > 10000 and (trimap == 0).sum() > 10000
    assert (alpha[trimap == 255] == 255).all() and (alpha[trimap == 0] == 0).all()


def test_missing_strokes_and_wrong_sizes_are_told():
    strokes = paper(())
    with pytest.raises(InputError, match=r"60x40 .* 40x60"):
        trimap_from_strokes(strokes, size=(60, 40))
    with pytest.raises(InputError, match="no foreground"):
        trimap_from_strokes(strokes, size=(40, 60))
    strokes[0, :5] = 255
    with pytest.raises(InputError, match="no background"):
        trimap_from_strokes(strokes, size=(40, 60))
