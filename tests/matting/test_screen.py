"""Green and blue screens: found, rebuilt without the subject, keyed and despilled."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mattecli.errors import EmptyError, InputError
from mattecli.matting.levels import from_levels
from mattecli.matting.screen.despill import despill
from mattecli.matting.screen.key import hold_to_key, trimap_from_screen
from mattecli.matting.screen.plate import find_screen, plate_from_colour, plate_from_screen

HEIGHT, WIDTH = 120, 160
SKIN, MAGENTA, LEAVES = (np.array(colour, np.float32) for colour in ((0.8, 0.6, 0.5), (0.9, 0.1, 0.9), (0.25, 0.5, 0.2)))
Plane = np.ndarray


def uneven(colour: tuple[float, float, float] = (0.25, 0.7, 0.3)) -> Plane:
    """A screen lit from the left, with a soft shadow below."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    light = (1.1 - 0.4 * x / WIDTH) * (1 - 0.25 * np.exp(-(((x - 80) / 40) ** 2 + ((y - 120) / 30) ** 2)))
    return light[..., None] * np.array(colour, np.float32)


def disc(radius: float = 34.0) -> Plane:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    return np.clip((radius - np.hypot(y - 60, x - 80)) / 4 + 0.5, 0, 1)


def before(screen: Plane, colour: Plane, alpha: Plane, noise: float = 0.01) -> Plane:
    share = alpha[..., None]
    grain = np.random.default_rng(1).normal(0, noise, screen.shape)
    return np.clip(share * colour + (1 - share) * screen + grain, 0, 1).astype(np.float32)


def test_the_screen_of_either_colour_is_found_by_the_border_it_covers() -> None:
    blue = uneven((0.2, 0.3, 0.7))
    assert find_screen(before(uneven(), SKIN, disc())) == "green"
    assert find_screen(before(blue, LEAVES, disc())) == "blue"
    with pytest.raises(InputError, match="no green screen was found"):
        find_screen(blue, "green")
    with pytest.raises(InputError, match=r"green or blue .*a trimap"):
        find_screen(before(np.full((HEIGHT, WIDTH, 3), 0.5, np.float32), LEAVES, disc()))


def test_the_plate_is_the_screen_with_its_uneven_light_also_behind_the_subject() -> None:
    screen, alpha = uneven(), disc()
    plate = plate_from_screen(before(screen, SKIN, alpha), "green")
    apart = np.abs(plate - screen).max(axis=2)
    assert apart[alpha == 0].mean() < 0.008, "less than the noise"
    assert apart[alpha > 0].max() < 0.06, "behind the subject it can only be carried on"


@pytest.mark.parametrize("colour", [SKIN, MAGENTA])
def test_the_trimap_is_right_wherever_it_claims_to_know(colour: Plane) -> None:
    alpha = disc()
    image = before(uneven(), colour, alpha)
    trimap = trimap_from_screen(image, plate_from_screen(image, "green"))
    # Not so easy: what is less green than red hides all of the green before it hides all of the screen.
    assert (alpha[trimap == 255] > 0.88).all() and (alpha[trimap == 0] < 0.01).all()
    assert (trimap == 128).mean() < 0.15, "noise and shading leave little unknown"


def test_an_empty_screen_and_foliage_are_distinguished_from_a_subject_in_front_of_a_screen() -> None:
    empty = before(uneven(), SKIN, disc() * 0)
    with pytest.raises(EmptyError, match="nothing before it"):
        trimap_from_screen(empty, plate_from_screen(empty, "green"))
    foliage = np.random.default_rng(2).random((HEIGHT, WIDTH, 1)) * np.array([0.4, 1.0, 0.3])
    with pytest.raises(InputError, match="too uneven"):
        plate_from_screen(foliage.astype(np.float32), "green")


def test_a_matte_that_is_too_full_in_a_gap_is_held_to_the_key_and_a_little_spill_is_not_a_gap() -> None:
    screen, alpha = uneven(), np.full((HEIGHT, WIDTH), 0.2, np.float32)
    gap = before(screen, np.full(3, 0.5, np.float32), alpha, noise=0)
    np.testing.assert_allclose(hold_to_key(np.full_like(alpha, 0.6), gap, screen), alpha, atol=0.02)
    assert hold_to_key(np.full_like(alpha, 0.02), gap, screen).max() > 0.04, "nor may a hair be too thin"
    assert hold_to_key(np.zeros_like(alpha), gap, screen).max() == 0
    spilt = np.clip(np.broadcast_to(SKIN, screen.shape) + np.array([0, 0.25, 0], np.float32), 0, 1)
    assert (hold_to_key(np.ones_like(alpha), spilt, screen) == 1).all()


def test_spill_at_the_edge_goes_and_the_subjects_own_colours_inside_stay() -> None:
    alpha, screen = disc(), uneven()
    spilt = np.where((alpha < 0.9)[..., None], SKIN + np.array([0, 0.3, 0], np.float32), SKIN).astype(np.float32)
    cleaned = despill(spilt, alpha, screen)
    soft = (alpha > 0) & (alpha < 0.8)
    assert (cleaned[soft][:, 1] < (cleaned[soft][:, 0] + cleaned[soft][:, 2]) / 2 + 0.08).all(), "no more green than brown hair has"
    luma = np.array([0.2126, 0.7152, 0.0722], np.float32)
    np.testing.assert_allclose(cleaned[soft] @ luma, spilt[soft] @ luma, atol=0.03)
    inside = alpha == 1
    np.testing.assert_allclose(cleaned[inside], spilt[inside], atol=0.01)


def test_green_cloth_stays_green_away_from_the_edge() -> None:
    alpha = disc(50)
    cloth = np.broadcast_to(LEAVES, (HEIGHT, WIDTH, 3)).astype(np.float32)
    cleaned = despill(cloth, alpha, uneven())
    assert np.array_equal(cleaned[55:65, 75:85], cloth[55:65, 75:85])


def test_the_flying_hair_of_a_real_green_screen_keeps_none_of_it(shared: Path) -> None:
    pixels = cv2.imread(str(shared / "data/greenscreen/green_hair.jpg"))[::3, ::3, ::-1]
    image = from_levels(np.ascontiguousarray(pixels))
    plate = plate_from_screen(image, find_screen(image))
    trimap = trimap_from_screen(image, plate)
    assert trimap[:20].max() == 0 and (trimap[200:240, 220:260] == 255).all(), "the screen above the head, and the chin"
    soft = trimap == 128
    assert 0.1 < soft.mean() < 0.4
    alpha = hold_to_key(np.where(soft, 0.7, trimap / 255).astype(np.float32), image, plate)
    colours = despill(image, alpha, plate)
    seen = (colours[..., 1] - colours[..., [0, 2]].max(axis=2))[soft & (alpha > 0.1)]
    assert np.quantile(seen, 0.99) < 0.02


@pytest.mark.parametrize("colour", [(0.96, 0.96, 0.95), (0.05, 0.05, 0.06), (0.5, 0.51, 0.5)])
def test_a_screen_of_any_colour_is_rebuilt_behind_the_subject(colour: tuple[float, float, float]) -> None:
    rows, columns = np.mgrid[0:90, 0:120].astype(np.float32)
    alpha = np.clip((30 - np.hypot(rows - 50, columns - 60)) / 4 + 0.5, 0, 1)[..., None]
    lit = np.array(colour, np.float32) * (1.04 - 0.0012 * columns)[..., None]
    noise = np.random.default_rng(0).normal(0, 0.006, lit.shape)
    image = np.asarray(alpha * (0.78, 0.47, 0.24) + (1 - alpha) * lit + noise, np.float32).clip(0, 1)
    assert np.abs(plate_from_colour(image, colour, "paper") - lit.clip(0, 1)).max() < 0.03
    with pytest.raises(InputError, match="no green paper screen was found: such colours cover 0%"):
        plate_from_colour(image, (0, 1, 0), "green paper")
