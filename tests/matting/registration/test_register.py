"""A plate is laid onto a frame to a fraction of a pixel, stays still when the camera does, and is refused when it is of another scene."""

import cv2
import numpy as np
import pytest

from mattecli.errors import InputError
from mattecli.matting.registration.homography import bends
from mattecli.matting.registration.register import apply, check_same_scene, covered, prepare, register, track

SIZE = (270, 480)
SCENES = {
    "bgm_0001": "town",
    "cup_cloth": "cloth",
    "synthperson_arms": "loft",
    "synthperson_group": "wood",
    "triang_flowers": "white wall",
    "triang_flowers_b": "dark curtain",
    "triang_glassmug": "red card",
    "triang_glassmug_b": "green card",
}


def read(path, size=SIZE):
    return cv2.resize(cv2.imread(str(path))[..., ::-1], size[::-1], interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def wide(shared):
    """A scene with room around the frame."""
    return read(shared / "data/plates/bgm_0001_plate.jpg", (360, 640))


@pytest.fixture(scope="module")
def pairs(shared):
    """Each scene's (photo, plate)."""
    folder = shared / "data/plates"
    return {name: (read(folder / f"{name}.jpg"), read(folder / f"{name}_plate.jpg")) for name in SCENES}


def plate_of(wide):
    return np.ascontiguousarray(wide[45:-45, 80:-80])


def seen_by(wide, motion, *, gain=1.0, bias=0.0, subject=120, seed=0):
    """The scene as a camera that moved by `motion` takes it, with a textured subject, noise and another exposure."""
    window = np.array([[1, 0, 80], [0, 1, 45], [0, 0, 1]], np.float64)
    picture = cv2.warpPerspective(
        wide, np.linalg.inv(window) @ (window @ motion @ np.linalg.inv(window)), SIZE[::-1], flags=cv2.INTER_CUBIC
    )
    rng = np.random.default_rng(seed)
    fur = cv2.GaussianBlur(rng.integers(0, 256, (*SIZE, 3)).astype(np.uint8), (0, 0), 1.5)
    person = cv2.ellipse(np.zeros(SIZE, np.uint8), (240 + 10 * seed, 170), (subject * 2 // 3, subject), 0, 0, 360, 1, cv2.FILLED) > 0
    picture = np.where(person[..., None], fur, picture)
    return np.clip(picture * gain + bias + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8), person


def camera(x, y, turn=0.0, tilt=0.0):
    return np.array([[1, -turn, x], [turn, 1, y], [tilt, 0, 1]], np.float64)


def corner_error(found, true):
    corners = np.array([[[x, y]] for x in (0, SIZE[1]) for y in (0, SIZE[0])], np.float64)
    return np.linalg.norm(cv2.perspectiveTransform(corners, found) - cv2.perspectiveTransform(corners, true), axis=2).max()


@pytest.mark.parametrize("motion", [camera(3.4, -2.3), camera(-14, 9, 0.01, 2e-5), camera(47, -84, 0.35)])
def test_a_moved_camera_is_found_to_a_third_of_a_pixel(wide, motion):
    found = register(plate_of(wide), seen_by(wide, motion)[0])
    assert corner_error(found.homography, motion) < 0.35
    assert found.inliers > 100 and found.shift == pytest.approx(corner_error(motion, np.eye(3)), abs=0.35) and found.is_sure


def test_an_exposure_is_matched_where_nothing_stands(wide):
    frame, person = seen_by(wide, camera(6, 4), gain=0.8, bias=8, subject=230)
    plate = plate_of(wide)
    found = register(plate, frame)
    laid = apply(found, plate)
    free = covered(found, SIZE) & ~cv2.dilate(person.astype(np.uint8), np.ones((5, 5))).astype(bool)
    assert found.exposure.gains == pytest.approx([0.8] * 3, abs=0.02) and found.exposure.bias == pytest.approx([8 / 255] * 3, abs=0.01)
    assert abs(laid.astype(float) - frame)[free].mean() < 3 and found.residual < 1.5


def test_a_camera_on_a_tripod_leaves_the_plate_untouched(wide):
    plate, where = prepare(plate_of(wide)), None
    for seed in range(4):
        before, where = where, track(where, plate, seen_by(wide, camera(0, 0), seed=seed)[0])
        assert where.homography is None and where.reason == "the camera has not moved"
        assert before is None or where.lays_like(before)


def test_a_camera_in_a_hand_is_followed_from_frame_to_frame_and_found_again(wide):
    plate, where = prepare(plate_of(wide)), None
    for seed, motion in enumerate([camera(2, 1), camera(4.5, 2, 0.003), camera(47, -84, 0.35), camera(46, -83, 0.35)]):
        before, where = where, track(where, plate, seen_by(wide, motion, seed=seed)[0])
        assert corner_error(where.homography, motion) < 1
        assert not where.lays_like(before)


def test_a_frame_in_which_nothing_is_recognised_keeps_the_plate_where_it_was(wide):
    plate = plate_of(wide)
    first = track(None, plate, seen_by(wide, camera(5, 3))[0])
    lost = track(first, plate, np.random.default_rng(0).integers(0, 256, (*SIZE, 3)).astype(np.uint8))
    assert lost.homography is first.homography and "stays where it was" in lost.reason and not lost.is_sure


def test_a_light_that_changes_is_followed_and_one_that_flickers_is_not(wide):
    plate, motion = prepare(plate_of(wide)), camera(0, 0)
    first = track(None, plate, seen_by(wide, motion)[0])
    assert track(first, plate, seen_by(wide, motion, gain=1.004)[0]).lays_like(first)
    darker = track(first, plate, seen_by(wide, motion, gain=0.9)[0])
    assert not darker.lays_like(first) and darker.exposure.gains == pytest.approx([0.9] * 3, abs=0.02)


def test_every_photo_matches_its_own_plate_and_no_other(pairs):
    plates = {name: prepare(plate) for name, (_, plate) in pairs.items()}
    for name, (photo, _) in pairs.items():
        for other, plate in plates.items():
            found = register(plate, photo)
            assert found.fits == (name == other), f"{name} with the plate of {other}: {found}"


def test_a_refused_plate_is_reported_with_numbers(pairs):
    found = register(pairs["cup_cloth"][1], pairs["synthperson_arms"][0])
    with pytest.raises(InputError, match=r"another scene: only \d+ of \d+ details .* differs by \d+ Lab units"):
        check_same_scene(found)
    check_same_scene(register(pairs["cup_cloth"][1], pairs["cup_cloth"][0]))


def test_leaves_that_sway_do_not_move_a_clip_s_own_plate(shared):
    capture = cv2.VideoCapture(str(shared / "data/video/street_static.mp4"))
    frames = [capture.read()[1][..., ::-1] for _ in range(46)]
    capture.release()
    plate = prepare(cv2.imread(str(shared / "data/video/street_static_plate.png"))[..., ::-1])
    for frame in frames[::15]:
        found = register(plate, frame)
        assert found.is_sure and found.homography is None and found.residual < 2.5


def test_a_logo_in_every_frame_does_not_make_two_scenes_one(pairs):
    photo, plate = pairs["triang_glassmug_b"][0].copy(), pairs["synthperson_group"][1].copy()
    for picture in (photo, plate):
        for line in range(2):
            cv2.putText(picture, "example.com", (290, 225 + 30 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (255, 255, 255), 2)
    found = register(plate, photo)
    assert found.inliers > 16 and not found.fits and "in one part" in found.reason


def test_a_textured_subject_does_not_drag_a_plain_scene_along(pairs):
    wall = pairs["triang_flowers"][1]
    fur = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (200, 280, 3)).astype(np.uint8), (0, 0), 1.5)
    before, after = wall.copy(), wall.copy()
    before[40:240, 100:380], after[40:240, 106:386] = fur, fur
    assert register(before, after).homography is None


def test_alignment_can_be_forced_and_turned_off(wide, pairs):
    plate, (frame, _) = plate_of(wide), seen_by(wide, camera(9, -5))
    assert register(plate, frame, align="none").homography is None and register(plate, frame, align="none").fits
    assert register(plate, frame, align="homography").homography is not None
    with pytest.raises(InputError, match=r"cannot be aligned: \d+ of \d+ details .* corners would move by \d+ pixels"):
        register(pairs["triang_glassmug"][1], pairs["triang_glassmug"][0], align="homography")


def test_a_plate_keeps_its_depth_and_what_it_does_not_show_takes_its_edge(wide):
    plate = plate_of(wide)
    found = register(plate, seen_by(wide, camera(12, 0))[0])
    deep = apply(found, plate.astype(np.uint16) * 257)
    assert deep.dtype == np.uint16 and abs(deep / 257 - apply(found, plate)).max() <= 1
    hidden = ~covered(found, SIZE)
    assert hidden[:, :11].all() and not hidden[20:-20, 14:].any()
    assert abs(deep[20:-20, 3].astype(int) - deep[20:-20, 14]).mean() < 12 * 257


def test_a_frame_is_laid_onto_the_plate_by_the_inverse(wide):
    plate, (frame, person) = plate_of(wide), seen_by(wide, camera(8, -6, 0.01), gain=0.85)
    back = register(plate, frame).inverse()
    free = covered(back, SIZE) & (apply(back, (person * np.uint8(255))[..., None].repeat(3, axis=2)).max(axis=2) < 40)
    assert abs(apply(back, frame).astype(float) - plate)[free].mean() < 4


@pytest.mark.parametrize(
    "motion",
    [np.diag([-1.0, 1, 1]) + np.eye(3)[[0]].T @ [[0, 0, 479]], np.diag([1.4, 1.4, 1]), camera(0, 0, tilt=6e-4)],
    ids=["mirrored", "zoomed", "tilted"],
)
def test_implausible_camera_motion_is_rejected(motion):
    assert bends(motion, SIZE) and not bends(camera(30, -20, 0.1, 1e-4), SIZE)


def test_any_size_is_registered_but_both_must_have_it(wide):
    for size in ((1, 1), (5, 40), (63, 63), (64, 70)):
        grey = np.full((*size, 3), 90, np.uint8)
        assert register(grey, grey).homography is None
    with pytest.raises(InputError, match=r"480x270 .* 640x360"):
        register(plate_of(wide), wide)
