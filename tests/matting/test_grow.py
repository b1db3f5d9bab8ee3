"""Strokes spread until a narrow band along the outline is all that is unknown."""

import cv2
import numpy as np
import pytest

from mattecli.matting.affinity import foreground_share
from mattecli.matting.grow import spread_strokes
from mattecli.matting.strokes import trimap_from_strokes

GROWTHS = ["random-walk", "geodesic"]
REAL = ["GT01", "GT07", "GT24"]


def scene(side=160, texture=6):
    """A mottled orange disc of 45 pixels' radius before mottled blue, with its matte and strokes."""
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    distance = np.hypot(rows - side / 2, columns - side / 2)
    alpha = np.clip(45.5 - distance, 0, 1)[..., None]
    noise = cv2.GaussianBlur(np.random.default_rng(1).normal(0, 4 * texture, (side, side, 3)), (0, 0), 2)
    image = alpha * np.array([225, 130, 50]) + (1 - alpha) * np.array([50, 90, 170]) + noise
    strokes = np.full((side, side), 128, np.uint8)
    cv2.line(strokes, (60, 70), (100, 90), 255, 3)
    cv2.line(strokes, (10, 8), (150, 12), 0, 3)
    return np.clip(image, 0, 255).astype(np.uint8), alpha[..., 0], strokes


def real(shared, name):
    image = cv2.imread(str(shared / f"data/eval/alphamatting_{name}.png"))[..., ::-1].copy()
    alpha = cv2.imread(str(shared / f"data/eval/alphamatting_{name}_alpha.png"), cv2.IMREAD_GRAYSCALE) / 255
    picture = cv2.imread(str(shared / f"data/strokes/alphamatting_{name}_strokes.png"), cv2.IMREAD_UNCHANGED)
    return image, alpha, trimap_from_strokes(picture, size=alpha.shape)


def contradicted(trimap, alpha):
    return float((((alpha > 0.95) & (trimap == 0)) | ((alpha < 0.05) & (trimap == 255))).mean())


@pytest.mark.parametrize("growth", GROWTHS)
def test_two_strokes_find_a_subject_and_its_outline(growth):
    image, alpha, strokes = scene()
    trimap = spread_strokes(image, strokes, growth=growth)
    assert set(np.unique(trimap)) == {0, 128, 255}
    assert contradicted(trimap, alpha) == 0
    assert ((trimap == 128)[(alpha > 0) & (alpha < 1)]).mean() > 0.99
    assert 0.01 < (trimap == 128).mean() < 0.12


@pytest.mark.parametrize("growth", GROWTHS)
@pytest.mark.parametrize("name", REAL)
def test_real_strokes_never_contradict_the_true_matte(shared, name, growth):
    image, alpha, strokes = real(shared, name)
    trimap = spread_strokes(image, strokes, growth=growth)
    assert contradicted(trimap, alpha) < 0.005
    assert (trimap == 128).mean() < 0.2
    assert (trimap[strokes != 128] == strokes[strokes != 128]).all()


def test_hair_is_unknown_and_hard_edges_get_a_narrow_band(shared):
    image, alpha, strokes = real(shared, "GT07")
    trimap = spread_strokes(image, strokes)
    soft, unknown = (alpha > 0.1) & (alpha < 0.9), trimap == 128
    tuft = np.s_[:150, 360:440]  # white fur before trees
    paw = np.s_[400:, 60:140]  # a smooth outline before grass
    assert unknown[tuft][soft[tuft]].mean() > 0.95
    across = {name: unknown[crop].sum(axis=0).mean() for name, crop in (("tuft", tuft), ("paw", paw))}
    assert across["tuft"] > 2 * across["paw"]


def test_the_band_is_as_wide_as_asked():
    image, _, strokes = scene()
    widths = [(spread_strokes(image, strokes, band=band)[80, :80] == 128).sum() for band in (3, 8, 12)]
    assert widths == pytest.approx([6, 16, 24], abs=3)


def test_the_band_scales_with_the_picture():
    image, alpha, strokes = scene()
    shares = []
    for times in (3, 6):
        large = [np.repeat(np.repeat(array, times, axis=0), times, axis=1) for array in (image, alpha, strokes)]
        trimap = spread_strokes(large[0], large[2])
        assert contradicted(trimap, large[1]) == 0
        shares.append((trimap == 128).mean())
    assert shares[1] == pytest.approx(shares[0], rel=0.15)


def test_parts_that_no_stroke_touches_stay_unknown():
    image, _, strokes = scene()
    cv2.circle(image, (80, 130), 7, (40, 90, 180), cv2.FILLED)  # a hole in the disc, coloured like the background outside
    cv2.circle(image, (20, 140), 10, (225, 130, 50), cv2.FILLED)  # a ball beside it, coloured like the disc
    trimap = spread_strokes(image, strokes, band=2)
    assert (trimap[138:143, 18:23] == 128).all()
    assert trimap[80, 60] == 255 and trimap[150, 80] == 0


@pytest.mark.parametrize("growth", GROWTHS)
def test_shares_follow_edges_where_colours_are_ambiguous(growth):
    """Two fields of one grey, a dark line between them: only the way to the strokes tells them apart."""
    picture = np.full((60, 80, 3), 150, np.uint8)
    picture[:, 40] = 20
    foreground, background = np.zeros((2, 60, 80), bool)
    foreground[30, 5:9], background[30, 70:75] = True, True
    share = foreground_share(picture, foreground, background, growth=growth)
    assert share.dtype == np.float32 and share.min() >= 0 and share.max() <= 1
    assert (share[:, :38] > 0.5).all() and (share[:, 43:] < 0.5).all()


@pytest.mark.parametrize("size", [(1, 2), (2, 9), (16, 16)])
def test_pictures_of_any_size_are_accepted(size):
    image = np.zeros((*size, 3), np.uint8)
    image[:, 1:] = 200
    strokes = np.full(size, 128, np.uint8)
    strokes[0, 0], strokes[-1, -1] = 255, 0
    trimap = spread_strokes(image, strokes)
    assert trimap.shape == size and trimap[0, 0] == 255 and trimap[-1, -1] == 0
    everything = np.where(np.arange(size[1]) < 1, 255, 0).astype(np.uint8) * np.ones(size, np.uint8)
    assert np.array_equal(spread_strokes(image, everything), everything)
