"""What stands before a clean plate is found in spite of exposure, noise, shadow and a moved camera."""

import cv2
import numpy as np
import pytest

from mattecli.errors import InputError
from mattecli.matting.plate_trimap import mask_from_plate, plate_difference, trimap_from_plate


def read(path, height=None):
    picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    return picture if height is None else cv2.resize(picture, (round(picture.shape[1] * height / picture.shape[0]), height))


def contradictions(trimap, alpha):
    return (((alpha > 242) & (trimap == 0)) | ((alpha < 13) & (trimap == 255))).mean()


@pytest.fixture(scope="module")
def swing(shared):
    folder = shared / "data/video/synth_swing"
    return read(folder / "frame_0008.jpg"), read(folder / "plate.jpg"), cv2.imread(str(folder / "alpha_0008.png"), cv2.IMREAD_GRAYSCALE)


def test_a_composited_person_is_found_without_contradictions(swing):
    image, plate, alpha = swing
    trimap = trimap_from_plate(image, plate)
    assert contradictions(trimap, alpha) < 0.005
    assert (trimap == 128).mean() < 0.08 and (trimap == 255).mean() > 0.25, "also in a small picture the band is narrow"


def test_moving_subjects_have_a_wider_band_in_a_small_picture(swing):
    image, plate, alpha = swing
    at_rest, moving = (trimap_from_plate(image, plate, moving=moves) for moves in (False, True))
    assert (at_rest == 128).sum() < 0.7 * (moving == 128).sum()
    soft = (alpha > 13) & (alpha < 242)
    assert (moving == 128)[soft].mean() > (at_rest == 128)[soft].mean(), "for its edges are smeared"


def test_a_plate_of_other_exposure_and_more_noise_still_serves(swing):
    image, plate, alpha = swing
    noise = np.random.default_rng(1).normal(0, 3, plate.shape)
    other = np.clip(plate * np.array([0.85, 0.8, 0.9]) + noise, 0, 255).astype(np.uint8)
    assert contradictions(trimap_from_plate(image, other), alpha) < 0.01


def test_before_a_black_plate_every_bright_pixel_is_foreground(swing):
    plate = np.zeros_like(swing[1])
    image = np.full_like(plate, 8)
    cv2.circle(image, (200, 130), 50, (40, 200, 60), cv2.FILLED)
    assert trimap_from_plate(image, plate)[130, 200] == 255


def test_a_moved_camera_is_followed(swing):
    image, plate, alpha = swing
    moved = cv2.warpAffine(plate, np.array([[1, 0.004, 5], [-0.004, 1, -3]], np.float64), plate.shape[1::-1], borderMode=cv2.BORDER_REFLECT)
    assert contradictions(trimap_from_plate(image, moved), alpha) < 0.01


def test_pixels_outside_the_plate_are_decided_by_their_neighbours(swing):
    image, plate, alpha = swing
    lower = cv2.warpAffine(plate, np.array([[1, 0, 0], [0, 1, 14]], np.float64), plate.shape[1::-1])
    difference = plate_difference(image, lower)
    assert difference[-13:][alpha[-13:] > 242].mean() > 0.9 and difference[-13:][alpha[-13:] == 0].mean() < 0.05


def test_a_shadow_is_not_certain_to_be_the_subject(swing):
    plate = swing[1]
    image = plate.copy()
    image[150:200, 300:400] = (image[150:200, 300:400] * 0.7).astype(np.uint8)
    cv2.circle(image, (200, 130), 50, (40, 200, 60), cv2.FILLED)
    difference = plate_difference(image, plate)
    assert difference[130, 200] == 1 and difference[155:195, 305:395].max() <= 0.6
    assert (trimap_from_plate(image, plate)[160:190, 310:390] != 255).all()


def before_a_textured_and_a_plain_wall(rng):
    """(image, plate): something green before a wall whose left half has a texture."""
    plate = cv2.GaussianBlur(rng.integers(0, 256, (240, 320, 3)).astype(np.uint8), (0, 0), 1.5)
    plate[:, 160:] = 120
    image = plate.copy()
    cv2.rectangle(image, (40, 40), (280, 200), (20, 200, 60), cv2.FILLED)
    return image, plate


def test_a_gap_in_the_subject_is_background_where_the_plates_texture_shows_in_it():
    image, plate = before_a_textured_and_a_plain_wall(np.random.default_rng(0))
    gaps = np.zeros(plate.shape[:2], np.uint8)
    for middle in ((90, 100), (230, 100)):
        cv2.circle(gaps, middle, 12, 255, cv2.FILLED)
    image[gaps > 0] = plate[gaps > 0]
    cv2.rectangle(image, (80, 150), (100, 170), tuple(int(level) for level in plate[150:170, 80:100].mean(axis=(0, 1))), cv2.FILLED)
    trimap = trimap_from_plate(image, plate)
    assert trimap[100, 90] == 0
    assert trimap[100, 230] == 128, "a plain wall is no proof"
    assert (trimap[145:175, 75:105] != 0).all(), "nor is a colour without the texture"


def test_clothes_of_the_plates_colour_are_foreground_where_its_texture_is_hidden():
    rng = np.random.default_rng(0)
    image, plate = before_a_textured_and_a_plain_wall(rng)
    alike = np.zeros(plate.shape[:2], bool)
    alike[100:150, 70:120] = alike[100:150, 200:250] = True
    image[alike] = cv2.GaussianBlur(rng.integers(0, 256, plate.shape).astype(np.uint8), (0, 0), 4.0)[alike]
    trimap = trimap_from_plate(image, plate)
    assert (trimap[105:145, 75:115] == 255).mean() > 0.7
    assert (trimap[105:145, 205:245] == 255).mean() < 0.3, "before a plain wall nobody can tell"


def test_the_mask_covers_the_flowers(shared):
    folder = shared / "data/plates"
    mask = mask_from_plate(read(folder / "triang_flowers.jpg", 500), read(folder / "triang_flowers_plate.jpg", 500))
    alpha = cv2.resize(cv2.imread(str(folder / "triang_flowers_alpha.png"), cv2.IMREAD_GRAYSCALE), mask.shape[::-1])
    assert (mask[alpha > 200] == 255).mean() > 0.98 and (mask[alpha < 5] == 0).mean() > 0.95


def test_wrong_plates_are_distinguished(swing, shared):
    image, plate, _ = swing
    with pytest.raises(InputError, match=r"100x50 .* 480x270"):
        trimap_from_plate(image, plate[:50, :100])
    with pytest.raises(InputError, match="nothing differs"):
        trimap_from_plate(plate, plate)
    elsewhere = cv2.resize(read(shared / "data/plates/bgm_0001_plate.jpg"), plate.shape[1::-1])
    with pytest.raises(InputError, match="another scene"):
        trimap_from_plate(image, elsewhere)
