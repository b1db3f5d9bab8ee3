"""A coarse matte, a mask or a drawn file becomes a trimap whose known pixels are right."""

import cv2
import numpy as np
import pytest

from mattecli.errors import InputError
from mattecli.matting.given_trimap import check_trimap, one_sided, read_trimap_levels, too_unknown, trimap_shares
from mattecli.matting.trimap import trimap_from_alpha, trimap_from_mask


def disc(side=200, radius=60, softness=0.0, centre=None):
    alpha = np.zeros((side, side), np.float32)
    cv2.circle(alpha, centre or (side // 2, side // 2), radius, 1, cv2.FILLED)
    return cv2.GaussianBlur(alpha, (0, 0), softness) if softness else alpha


def unknown_width(trimap):
    """Of the row through the middle, to one side."""
    row = trimap[trimap.shape[0] // 2]
    return int(np.count_nonzero(row == 128) / 2)


def test_the_band_lies_around_the_outline_and_only_three_levels_occur():
    trimap = trimap_from_alpha(disc(softness=2), band=6)
    assert set(np.unique(trimap)) == {0, 128, 255}
    assert trimap[100, 100] == 255 and trimap[100, 100 + 60] == 128 and trimap[0, 0] == 0


def test_the_band_scales_with_the_picture_and_widens_where_the_matte_is_soft():
    width = unknown_width(trimap_from_alpha(disc(softness=2)))
    assert unknown_width(trimap_from_alpha(disc(400, 120, softness=4))) == pytest.approx(2 * width, abs=2)
    assert unknown_width(trimap_from_alpha(disc(softness=8))) > width + 6


def test_faint_ghosts_become_background_and_pinholes_unknown():
    alpha = disc(softness=2)
    alpha[10:30, 10:30] = 0.4  # a veil without anything solid
    alpha[180:183, 180:183] = 1.0  # a speck
    alpha[99:102, 99:102] = 0.0  # a pinhole
    trimap = trimap_from_alpha(alpha)
    assert (trimap[:32, :32] == 0).all() and (trimap[175:, 175:] == 0).all()
    assert trimap[100, 100] == 128


def test_thin_subjects_and_narrow_gaps_keep_known_pixels():
    alpha = disc()
    alpha[140:200, 96:105] = 1  # a stalk of nine pixels under the disc
    alpha[60:140, 98:107] = 0  # a slit in it
    trimap = trimap_from_alpha(alpha, band=12)
    assert (trimap[180:, 100] == 255).all()
    assert (trimap[80:120, 102] == 0).all()


def test_a_blurred_true_matte_never_gives_a_wrong_known_pixel(shared):
    alpha = cv2.imread(str(shared / "data/eval/alphamatting_GT01_alpha.png"), cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255
    small = cv2.GaussianBlur(cv2.resize(alpha, (200, 125), interpolation=cv2.INTER_AREA), (0, 0), 2)
    trimap = trimap_from_alpha(cv2.resize(small, alpha.shape[::-1]))
    wrong = ((alpha > 0.9) & (trimap == 0)) | ((alpha < 0.1) & (trimap == 255))
    assert wrong.mean() < 0.002
    assert (trimap == 128).mean() < 0.3


@pytest.mark.parametrize(("value", "level"), [(0.0, 0), (0.3, 0), (1.0, 255)])
def test_uniform_mattes_of_any_size_are_accepted(value, level):
    for size in ((1, 1), (1, 9), (40, 30)):
        assert (trimap_from_alpha(np.full(size, value, np.float32)) == level).all()


def test_masks_may_be_bool_or_labels_or_bytes():
    solid = disc() > 0
    expected = trimap_from_mask(solid)
    assert {0, 128, 255} == set(np.unique(expected))
    for mask in (solid.astype(np.uint8), solid.astype(np.uint8) * 255):
        assert np.array_equal(trimap_from_mask(mask), expected)
    assert (trimap_from_mask(np.zeros((5, 5), bool)) == 0).all()


def test_dim_masks_are_read_and_the_noise_of_an_empty_one_is_not():
    solid = disc() > 0
    assert np.array_equal(trimap_from_mask((solid * 200).astype(np.uint8)), trimap_from_mask(solid))
    assert np.array_equal(trimap_from_mask((solid * 65535).astype(np.uint16)), trimap_from_mask(solid))
    noise = np.random.default_rng(0).integers(0, 9, (60, 80)).astype(np.uint8)
    assert (trimap_from_mask(noise) == 0).all()


def test_a_soft_mask_is_unknown_as_far_as_it_is_soft_and_a_little_farther_there():
    matte = (disc(softness=0.7) * 255).astype(np.uint8)
    rows, columns = np.mgrid[0:200, 0:200]
    rays = np.hypot(rows - 100, columns - 100)
    matte[(rays > 55) & (rays < 70) & (columns > 150) & (rows % 6 < 2)] |= 110  # strands to the right
    trimap = trimap_from_mask(matte)
    assert (trimap[(matte > 13) & (matte < 242)] == 128).all()
    right, left = (trimap[100, 100:] == 128).sum(), (trimap[100, :100] == 128).sum()
    assert right > 2 * left
    assert (trimap[(rays > 70) & (rays < 72) & (columns > 160)] == 128).mean() > 0.9, "the fainter ends of the strands have room"


@pytest.mark.parametrize("name", ["GT07", "GT11", "GT24"])
def test_a_true_matte_as_mask_leaves_nothing_soft_known(shared, name):
    levels = cv2.imread(str(shared / f"data/eval/alphamatting_{name}_alpha.png"), cv2.IMREAD_GRAYSCALE)
    trimap = trimap_from_mask(levels)
    alpha = levels / 255
    assert ((alpha > 0.02) & (alpha < 0.98) & (trimap != 128)).mean() < 0.0005
    assert (trimap == 128).mean() < 0.25


def test_shares_are_measured_and_doubtful_trimaps_reported():
    trimap = np.zeros((10, 10), np.uint8)
    assert one_sided(trimap) == ["the trimap has no foreground, so a model has nothing to go by"]
    trimap[:7] = 128
    trimap[:1] = 255
    assert trimap_shares(trimap) == pytest.approx((0.1, 0.3, 0.6))
    assert one_sided(trimap) == too_unknown(trimap) == []
    trimap[7] = 128
    assert "70 % of the picture" in too_unknown(trimap)[0]


def drawn():
    return trimap_from_alpha(disc(softness=2), band=8)


def encodings(trimap):
    grey = trimap.copy()
    grey[grey == 128] = 127
    dark = trimap.copy()
    dark[dark == 128] = 85
    opaque = np.full((*trimap.shape, 1), 255, np.uint8)
    jpeg = cv2.imdecode(cv2.imencode(".jpg", trimap, [cv2.IMWRITE_JPEG_QUALITY, 85])[1], cv2.IMREAD_GRAYSCALE)
    return {
        "127": grey,
        "85": dark,
        "labels": (trimap // 127).astype(np.uint8),
        "rgb": np.dstack([trimap] * 3),
        "rgba": np.dstack([trimap, trimap, trimap, opaque]),
        "16 bit": trimap.astype(np.uint16) * 257,
        "wide 8 bit": trimap.astype(np.uint16),
        "jpeg": jpeg,
    }


@pytest.mark.parametrize("encoding", list(encodings(drawn())))
def test_the_usual_encodings_are_read(encoding):
    trimap = drawn()
    read = read_trimap_levels(encodings(trimap)[encoding])
    assert read.dtype == np.uint8 and set(np.unique(read)) == {0, 128, 255}
    assert (read == trimap).mean() > (0.98 if encoding == "jpeg" else 0.9999)


def test_a_trimap_that_was_resized_smoothly_is_read_and_transparent_pixels_are_unknown():
    trimap = drawn()
    read = read_trimap_levels(cv2.resize(trimap, (300, 300), interpolation=cv2.INTER_LINEAR))
    assert (read == cv2.resize(trimap, (300, 300), interpolation=cv2.INTER_NEAREST)).mean() > 0.98
    hidden = np.dstack([trimap] * 4)
    hidden[..., 3] = 255
    hidden[:20, :20, 3] = 0
    assert (read_trimap_levels(hidden)[:20, :20] == 128).all() and read_trimap_levels(hidden)[30, 30] == 0


def test_two_levels_without_unknown_are_a_trimap():
    assert set(np.unique(read_trimap_levels((disc() * 255).astype(np.uint8)))) == {0, 255}


def test_photos_and_mattes_are_refused(shared):
    photo = cv2.imread(str(shared / "data/portraits/astronaut.jpg"))
    with pytest.raises(InputError, match="colours"):
        read_trimap_levels(photo)
    with pytest.raises(InputError, match="levels of grey"):
        read_trimap_levels(cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY))
    with pytest.raises(InputError, match="levels of grey"):
        read_trimap_levels((disc(softness=8) * 255).astype(np.uint8))


def test_given_trimaps_of_another_size_or_without_known_pixels_are_refused():
    trimap = drawn()
    check_trimap(trimap, size=(200, 200))
    with pytest.raises(InputError, match=r"200x200 .* 300x100"):
        check_trimap(trimap, size=(100, 300))
    with pytest.raises(InputError, match="no foreground"):
        check_trimap(np.minimum(trimap, 128), size=(200, 200))
    with pytest.raises(InputError, match="no background"):
        check_trimap(np.maximum(trimap, 128), size=(200, 200))
    with pytest.raises(InputError, match="neither"):
        check_trimap(np.full((200, 200), 128, np.uint8), size=(200, 200))


@pytest.mark.parametrize("levels", [(16, 128, 235), (0, 127, 235), (30, 90, 255), (16, 180, 220)])
@pytest.mark.parametrize("lossy", [False, True])
def test_three_levels_short_of_black_and_white_are_a_trimap(levels: tuple[int, int, int], lossy: bool) -> None:
    drawn = np.zeros((60, 80), np.uint8)
    cv2.circle(drawn, (40, 30), 24, 128, -1)
    cv2.circle(drawn, (40, 30), 16, 255, -1)
    own = np.select([drawn == 0, drawn == 128], levels[:2], levels[2]).astype(np.uint8)
    if lossy:
        own = cv2.imdecode(cv2.imencode(".jpg", own)[1], cv2.IMREAD_GRAYSCALE)
    assert (read_trimap_levels(own) == drawn).mean() > (0.97 if lossy else 0.999)


def test_two_levels_that_are_not_black_and_white_are_not_guessed() -> None:
    half = np.full((40, 40), 16, np.uint8)
    half[:, 20:] = 200
    with pytest.raises(InputError):
        check_trimap(read_trimap_levels(half), size=(40, 40))


def test_small_parts_and_veils_of_a_drawn_mask_stay() -> None:
    mask = np.zeros((300, 400), np.uint8)
    cv2.circle(mask, (160, 180), 100, 255, -1)
    cv2.circle(mask, (332, 52), 12, 255, -1)
    mask[10:40, 10:200] = 90
    mask[290, 390] = 255
    trimap = trimap_from_mask(mask)
    assert (trimap[mask == 255] != 0).all() and (trimap[20:30, 20:190] == 128).all()
    assert trimap[52, 332] == 255
