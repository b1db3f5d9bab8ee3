"""Scribbles become a trimap in which only what was painted is known."""

import re

import cv2
import numpy as np
import pytest

from mattecli.errors import InputError
from mattecli.matting.strokes import contradictions, missing_strokes, trimap_from_polylines, trimap_from_strokes

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


def test_wrong_sizes_are_refused():
    with pytest.raises(InputError, match=r"60x40 .* 40x60"):
        trimap_from_strokes(paper(()), size=(60, 40))


def test_missing_strokes_are_reported_one_by_one():
    trimap = trimap_from_strokes(paper(()), size=(40, 60))
    assert [sentence.split(";")[0] for sentence in missing_strokes(trimap)] == [
        "the strokes mark no foreground",
        "the strokes mark no background",
    ]
    trimap[0, :5] = 255
    assert len(missing_strokes(trimap)) == 1
    trimap[9, :5] = 0
    assert missing_strokes(trimap) == []


def test_strokes_of_both_kinds_that_cross_or_touch_contradict_each_other():
    strokes = paper(())
    strokes[18:22, 5:50] = 255
    strokes[30:34, 5:50] = 0
    assert contradictions(trimap_from_strokes(strokes, size=(40, 60))) == []
    strokes[2:34, 24:28] = 0
    (sentence,) = contradictions(trimap_from_strokes(strokes, size=(40, 60)))
    assert re.search(r"near \(26, \d+\)", sentence)
    crossing = {"foreground": [[5, 20], [50, 20]], "background": [[25, 5], [25, 35]], "width": 3}
    trimap = trimap_from_polylines(crossing, size=(40, 60))
    assert trimap[20, 25] == 128, "what both claim is unknown"
    assert len(contradictions(trimap)) == 1


def test_polylines_are_drawn_at_their_points():
    one = {"foreground": [[10, 5], [50, 5]], "background": [[[10, 30], [20, 30]], [[40, 35]]], "width": 3}
    trimap = trimap_from_polylines(one, size=(40, 60))
    assert (trimap[4:7, 10:51] == 255).all() and (trimap[[3, 7], 30] == 128).all()
    assert (trimap[30, 10:21] == 0).all() and trimap[35, 40] == 0 and trimap[30, 30] == 128


def test_the_pen_scales_with_the_picture():
    line = {"foreground": [[100, 0], [100, 300]], "background": [[5, 5]]}
    widths = [(trimap_from_polylines(line, size=size)[50] == 255).sum() for size in ((400, 600), (1600, 2400))]
    assert widths[0] == pytest.approx(5, abs=1) and widths[1] == pytest.approx(4 * widths[0], abs=3)


@pytest.mark.parametrize(
    ("strokes", "sentence"),
    [
        ([[1, 2]], "neither"),
        ({"foregrund": [[1, 2]]}, "neither"),
        ({"foreground": [[1, 2]], "foregrund": []}, "'foregrund'"),
        ({"foreground": [[60, 2]]}, r"\[60, 2\] of the foreground strokes lies outside the picture, which is 60x40"),
        ({"background": [[[3, 3]], [[5, -1]]]}, r"\[5, -1\] of the background"),
        ({"foreground": [5, 6]}, "5 in the foreground strokes is no point"),
        ({"foreground": [[10**23, 6]]}, r"\[1e\+23, 6\] of the foreground strokes lies outside the picture"),
        ({"foreground": [[10**400, 6]]}, r"\[10{10,30}\.\.\.0+, 6\] in the foreground strokes is no point"),
        ({"foreground": [[1, 2], [3, "4"]]}, "no point"),
        ({"foreground": [[1, float("nan")]]}, "no point"),
        ({"foreground": {"x": 1}}, "no list"),
        ({"foreground": [[1, 2]], "width": 0}, "width 0"),
        ({"foreground": [[1, 2]], "width": True}, "width True"),
    ],
)
def test_polylines_that_make_no_sense_are_refused_with_one_sentence(strokes, sentence):
    with pytest.raises(InputError, match=sentence):
        trimap_from_polylines(strokes, size=(40, 60))
