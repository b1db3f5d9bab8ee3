"""The subject finder finds people and things without weights, and says so when nothing stands out."""

import cv2
import numpy as np
import pytest

from mattecli.errors import InputError
from mattecli.matting.subject import find_subject, subject_trimap


def photo(shared, name):
    """At most 640 pixels wide, to be quick."""
    picture = cv2.cvtColor(cv2.imread(str(shared / f"data/{name}.jpg")), cv2.COLOR_BGR2RGB)
    scale = min(1, 640 / picture.shape[1])
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def overlap(mask, reference):
    mask, reference = mask > 0, cv2.resize(reference, mask.shape[::-1]) > 127
    return (mask & reference).sum() / (mask | reference).sum()


def disc_picture():
    return cv2.circle(np.full((120, 160, 3), 200, np.uint8), (80, 60), 30, (180, 40, 30), cv2.FILLED)


@pytest.mark.parametrize(("name", "kind"), [("people_112", "face"), ("people_216", "face"), ("people_201", "person")])
def test_people_are_found(shared, name, kind):
    subject = find_subject(photo(shared, f"portraits/{name}"))
    reference = cv2.imread(str(shared / f"data/portraits/{name}_mask.png"), cv2.IMREAD_GRAYSCALE)
    assert subject.kind == kind
    assert overlap(subject.mask, reference) > (0.85 if kind == "face" else 0.6)


def test_an_animal_is_found_as_what_differs_from_the_border(shared):
    reference = cv2.imread(str(shared / "data/portraits/animal_am2k_11_refalpha.png"), cv2.IMREAD_GRAYSCALE)
    subject = find_subject(photo(shared, "portraits/animal_am2k_11"))
    assert subject.kind == "object" and overlap(subject.mask, reference) > 0.9


def test_a_plain_object_is_found_exactly_and_the_same_each_time():
    picture = disc_picture()
    subject = find_subject(picture)
    assert overlap(subject.mask, np.where(picture[..., 1] < 100, 255, 0)) > 0.95
    assert subject.confidence > 0.9 and set(np.unique(subject.mask)) == {0, 255}
    assert np.array_equal(subject.mask, find_subject(picture).mask)


def test_grey_and_tiny_pictures_work():
    grey = cv2.cvtColor(cv2.cvtColor(disc_picture(), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    assert find_subject(grey).mask.shape == (120, 160)
    assert find_subject(cv2.resize(disc_picture(), (24, 16))).mask.shape == (16, 24)


def test_a_face_imagined_in_the_background_is_not_believed(shared):
    picture = photo(shared, "portraits/p3m_p_015cd10e")  # the true face is blurred; the detector sees one between the branches
    assert find_subject(picture).kind == "object"


def test_flat_and_too_small_pictures_have_no_subject():
    for picture in (np.full((80, 120, 3), 90, np.uint8), np.zeros((1, 1, 3), np.uint8), cv2.resize(disc_picture(), (20, 15))):
        with pytest.raises(InputError, match="no subject stands out"):
            find_subject(picture)


def test_noise_and_an_empty_landscape_have_no_subject(shared):
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    for picture in (noise, photo(shared, "plates/bgm_0001_plate")):
        with pytest.raises(InputError, match="models pull modnet"):
            find_subject(picture)


def test_the_trimap_of_a_subject_is_sure_of_the_middle_and_of_the_border():
    trimap = subject_trimap(disc_picture())
    assert trimap[60, 80] == 255 and trimap[60, 80 + 30] == 128 and (trimap[0] == 0).all()
