"""The camera's motion between two pictures of one scene: a homography, estimated from features and refined with tracked corners.

ORB features (Rublee et al., ICCV 2011) that pass the ratio test (Lowe, IJCV 2004) give a similarity, which is robust to a few wrong
matches in one part of the picture. From there corners all over the plate (Shi and Tomasi, CVPR 1994) are tracked (Lucas and Kanade, in the
pyramid of Bouguet, 2000), and the inliers of MAGSAC++ (Barath et al., CVPR 2020) are fitted by least squares. All steps use pictures with
normalised contrast, so that exposure does not matter and a plain wall still has corners.

Pictures are uint8 [h, w] as `evened` makes them, both of one size; points are (x, y) in their pixels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.matting.registration.homography import Transform, bends, largest_shift, mapped, typical_shift

Grey = NDArray[np.uint8]
Points = NDArray[np.float32]

SMALLEST_SIDE = 64
# Contrast is normalised within this window; deviations well below the floor (of 255) are noise and stay small.
CONTRAST_WINDOW, CONTRAST_FLOOR, CONTRAST = 31, 6.0, 42.0
FEATURES = 1000
# The best match of a feature must be this much nearer than the second best.
RATIO = 0.8
# The inliers that a rough motion needs, and their largest error in pixels.
FEWEST_VOTES, VOTE_REACH = 10, 4.0
# Corners are taken evenly from the cells of a grid of 6 by 6.
GRID, CORNERS_A_CELL = 6, 14
TRACKING_WINDOW, PYRAMID_LEVELS = 25, 3
# Corners that moved farther than this on average are tracked once more from where they were found.
FAR = 3.0
# A corner tracked forwards and backwards must return to within the first; an inlier's error is at most the second.
RETURN_REACH, AGREEMENT_REACH = 1.0, 1.0
# A corner within this distance of where it was has not moved.
STAYED_REACH = 0.3
# A motion is accepted with this many inliers, and this share of the tracked corners. Pictures of different scenes reach 8 of 67.
FEWEST_CORNERS, SMALLEST_SHARE = 16, 0.3
# Inliers must lie in this many cells of the grid; those of a logo in a corner do not.
FEWEST_CELLS = 9
# How far the picture's corners may move, as a share of its longer side.
FARTHEST = 0.25
# A larger difference between evened pictures is the subject's.
LARGEST_DIFFERENCE = 40
# Swaying leaves suggest a motion that explains one or two hundredths of the difference; a moving camera explains far more.
WORTHWHILE = 0.98


@dataclass(frozen=True)
class Landmarks:
    """Landmarks of a picture: the picture, its corners [N, 2], and the keypoints [M, 2] and descriptors [M, 32] of its features."""

    picture: Grey
    corners: Points
    places: Points
    signs: Grey


@dataclass(frozen=True)
class Motion:
    """An estimated motion: the homography, or None where too few corners were tracked.

    inliers of matches: how many of the tracked corners agree on it. doubt: why it is rejected, empty when it is accepted.
    """

    homography: Transform | None
    inliers: int
    matches: int
    doubt: str


def evened(picture: NDArray[Any]) -> Grey:
    """The grey values of a picture, uint8 or uint16 [h, w, 3], with local mean and contrast normalised: uint8 [h, w] around 128."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) * np.float32(255 / np.iinfo(picture.dtype).max)
    window = (CONTRAST_WINDOW, CONTRAST_WINDOW)
    mean = cv2.boxFilter(grey, cv2.CV_32F, window)
    deviation = np.sqrt(np.maximum(cv2.sqrBoxFilter(grey, cv2.CV_32F, window) - mean * mean, 0))
    contrast = CONTRAST * (grey - mean) / (deviation + CONTRAST_FLOOR)
    return np.clip(contrast + 128.5, 0, 255).astype(np.uint8)


def find_landmarks(picture: Grey) -> Landmarks:
    """The landmarks of a plate."""
    return Landmarks(picture, _corners_to_track(picture), *_features(picture))


def find_motion(landmarks: Landmarks, frame: Grey, *, guess: Transform | None = None) -> Motion:
    """The motion from a plate to a frame; guess: an initial motion, that to the frame before; None for a search without one."""
    if min(frame.shape) < SMALLEST_SIDE:
        return Motion(None, 0, 0, f"a side of the picture is shorter than {SMALLEST_SIDE} pixels")
    start = _rough_motion(landmarks, frame) if guess is None else guess
    resting = np.eye(3) if guess is None else guess
    motion = _motion_from(landmarks, frame, start, resting)
    if motion.homography is None or motion.doubt or typical_shift(motion.homography, start, frame.shape) < FAR:
        return motion
    return _motion_from(landmarks, frame, motion.homography, resting)


def _motion_from(landmarks: Landmarks, frame: Grey, start: Transform, resting: Transform) -> Motion:
    """The motion found from a start; the resting one where enough corners have not moved."""
    here, there = _tracked(landmarks, frame, start)
    homography, agreeing = _fitted(here, there)
    stayed = np.linalg.norm(mapped(here, resting) - there, axis=1) < STAYED_REACH
    if not _too_few(here, stayed & ~agreeing, frame.shape):
        # When enough corners rest the camera is still, and something textured moves in front of it.
        homography, agreeing = resting, stayed
    return Motion(homography, int(np.count_nonzero(agreeing)), len(here), _doubt(homography, here, agreeing, frame.shape))


def improves(plate: Grey, frame: Grey, homography: Transform, before: Transform) -> bool:
    """Whether the plate differs clearly less from the frame under `homography` than under `before`.

    Differences are truncated, because the large ones belong to the subject.
    """
    size = frame.shape[1::-1]
    shown = cv2.warpPerspective(np.full(plate.shape, 255, np.uint8), homography, size, flags=cv2.INTER_NEAREST)
    there, here = (
        cv2.absdiff(cv2.warpPerspective(plate, motion, size, borderMode=cv2.BORDER_REPLICATE), frame) for motion in (homography, before)
    )
    after, now = (cv2.mean(np.minimum(difference, LARGEST_DIFFERENCE), shown)[0] for difference in (there, here))
    return bool(after < WORTHWHILE * now)


def _corners_to_track(picture: Grey) -> Points:
    """The strongest corners of each cell of the grid, so that textured parts of a picture do not outweigh plain ones."""
    found = cv2.goodFeaturesToTrack(picture, 0, 0.005, max(picture.shape) / 60)
    corners = np.zeros((0, 2), np.float32) if found is None else np.asarray(found, np.float32).reshape(-1, 2)
    taken: Counter[int] = Counter()
    kept = []
    for index, cell in enumerate(_cells(corners, picture.shape)):
        taken[cell] += 1
        if taken[cell] <= CORNERS_A_CELL:
            kept.append(index)
    return corners[kept]


def _cells(places: Points, size: Sequence[int]) -> list[int]:
    """The number of the grid's cell that each place lies in."""
    across, down = (places * GRID / np.array(size[::-1])).astype(int).T
    return (GRID * down + across).tolist()


def _features(picture: Grey) -> tuple[Points, Grey]:
    # ORB's own pyramid fails on pictures of a few pixels.
    keypoints, signs = cv2.ORB.create(FEATURES).detectAndCompute(picture, None) if min(picture.shape) >= SMALLEST_SIDE else ((), None)
    if signs is None:
        return np.zeros((0, 2), np.float32), np.zeros((0, 32), np.uint8)
    return np.array([keypoint.pt for keypoint in keypoints], np.float32), np.asarray(signs, np.uint8)


def _rough_motion(landmarks: Landmarks, frame: Grey) -> Transform:
    """The similarity with the most inliers among feature matches; the identity when there are too few."""
    places, signs = _features(frame)
    if len(landmarks.signs) < 2 or len(signs) < 2:
        return np.eye(3)
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(landmarks.signs, signs, k=2)
    good = [first for first, second in pairs if first.distance < RATIO * second.distance]
    if len(good) < FEWEST_VOTES:
        return np.eye(3)
    here, there = landmarks.places[[match.queryIdx for match in good]], places[[match.trainIdx for match in good]]
    similarity, votes = cv2.estimateAffinePartial2D(here, there, method=cv2.RANSAC, ransacReprojThreshold=VOTE_REACH)
    if similarity is None or votes.sum() < FEWEST_VOTES:
        return np.eye(3)
    return np.vstack([similarity, [0, 0, 1]])


def _tracked(landmarks: Landmarks, frame: Grey, start: Transform) -> tuple[Points, Points]:
    """The plate's corners that are found in the frame: their places in the plate and in the frame, [N, 2] each."""
    if not len(landmarks.corners):
        return landmarks.corners, landmarks.corners
    # Tracking compares upright squares, so the plate is first warped by the start.
    moved = np.asarray(cv2.warpPerspective(landmarks.picture, start, frame.shape[1::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8)
    begin = mapped(landmarks.corners, start).astype(np.float32)
    there, found = _follow(moved, frame, begin, begin, PYRAMID_LEVELS)
    # On the way back the start is exact already, so no coarse levels are needed.
    back, returned = _follow(frame, moved, there, begin, 1)
    sure = found & returned & (np.linalg.norm(back - begin, axis=1) < RETURN_REACH)
    return landmarks.corners[sure], there[sure]


def _follow(first: Grey, second: Grey, points: Points, guess: Points, levels: int) -> tuple[Points, NDArray[np.bool_]]:
    moved, found, _ = cv2.calcOpticalFlowPyrLK(
        first,
        second,
        points,
        guess.copy(),
        winSize=(TRACKING_WINDOW, TRACKING_WINDOW),
        maxLevel=levels,
        criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.01),
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    return np.asarray(moved, np.float32), found[:, 0] > 0


def _fitted(here: Points, there: Points) -> tuple[Transform | None, NDArray[np.bool_]]:
    """The homography with the most inliers, fitted to them by least squares, and which pairs they are."""
    none = np.zeros(len(here), bool)
    if len(here) < 8:
        return None, none
    _, kept = cv2.findHomography(here, there, cv2.USAC_MAGSAC, AGREEMENT_REACH, maxIters=2000, confidence=0.999)
    agreeing = none if kept is None else kept[:, 0] > 0
    exact = cv2.findHomography(here[agreeing], there[agreeing], 0)[0] if np.count_nonzero(agreeing) >= 8 else None
    return (None if exact is None else np.asarray(exact, np.float64)), agreeing


def _doubt(homography: Transform | None, here: Points, agreeing: NDArray[np.bool_], size: Sequence[int]) -> str:
    """Why a homography cannot be a camera's motion between two takes of one picture; empty when it can."""
    too_few = _too_few(here, agreeing, size)
    if homography is None or too_few:
        return too_few or "the details found in both pictures lie on a line"
    share = largest_shift(homography, size) / max(size)
    if share > FARTHEST:
        return f"the camera would have moved by {share:.0%} of the picture"
    if bends(homography, size):
        return "the picture would be mirrored or bent"
    return ""


def _too_few(here: Points, agreeing: NDArray[np.bool_], size: Sequence[int]) -> str:
    """Why the number or spread of inliers is not sufficient; empty when it is."""
    count = int(np.count_nonzero(agreeing))
    if count < max(FEWEST_CORNERS, SMALLEST_SHARE * len(here)):
        return f"{count} of {len(here)} details found in both pictures agree on a motion, which is too few"
    cells = set(_cells(here[agreeing], size))
    return "" if len(cells) >= FEWEST_CELLS else f"the {count} details that agree on a motion all lie in one part of the picture"
