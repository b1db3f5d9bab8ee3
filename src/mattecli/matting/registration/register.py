"""Registration of a clean plate onto a frame: camera motion (motion.py), exposure (exposure.py), and whether both show one scene.

Plates and frames are uint8 or uint16 [H, W, 3] RGB, of one size, each over its dtype's full range.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError
from mattecli.matting.registration.exposure import NEUTRAL, Exposure, Picture, lab_distance, match_exposure
from mattecli.matting.registration.homography import Transform, largest_shift, scaled, typical_shift
from mattecli.matting.registration.motion import Landmarks, Motion, find_landmarks, find_motion, improves
from mattecli.matting.registration.stillness import rests
from mattecli.matting.registration.thumbnails import Pixels, Thumbnails, colours_of, thumbnails_of

ALIGNMENTS = AUTO, NONE, HOMOGRAPHY = "auto", "none", "homography"
# A camera that moved by less than this on average, in pixels of the matched picture, is still: resampling would blur the plate more than
# the motion is worth, and a plate that jitters with the noise is visible.
STILL = 0.2
# An exposure that changes every value by less than this is not applied.
STEADY = 2 / 255
# Two takes of one scene leave a difference of 0.5 to 2 Lab units; another scene leaves 5.7 when both are white, and else 9 to 100.
OTHER_SCENE = 5.0
# A camera that cannot be tracked is searched for once the difference has grown by this factor and by these Lab units.
GROWN, GROWN_BY = 1.3, 0.5


@dataclass(frozen=True, eq=False)
class Registration:
    """How a plate is laid onto a frame, and how well it fits.

    homography: 3x3 from the plate's pixels to the frame's, None where the plate is not moved; reason: why it is not.
    inliers of matches: how many of the details found in both pictures agree on a motion; is_sure: whether that determines the motion (a
    plain wall has too few). shift: the largest displacement of the picture's corners by that motion, in pixels, used or not. exposure:
    from the plate's colours to the frame's. residual: the remaining difference in CIE Lab units (1 is just noticeable): the median of the
    two thirds of the picture that differ least, which are mostly background.
    """

    homography: Transform | None
    inliers: int
    matches: int
    shift: float
    exposure: Exposure
    residual: float
    is_sure: bool
    reason: str

    @property
    def fits(self) -> bool:
        """Whether the plate shows the frame's scene: details agree, or hardly anything differs."""
        return self.is_sure or self.residual < OTHER_SCENE

    def inverse(self) -> Registration:
        """The registration of the frame onto the plate."""
        homography = None if self.homography is None else np.asarray(np.linalg.inv(self.homography), np.float64)
        return replace(self, homography=homography, exposure=self.exposure.inverse())

    def lays_like(self, other: Registration | None) -> bool:
        """Whether the other has the same homography and exposure, so that a plate laid by it can be reused."""
        return other is not None and self.homography is other.homography and self.exposure == other.exposure


# The registration of a plate onto the picture it was taken from.
AT_REST = Registration(None, 0, 0, 0.0, NEUTRAL, 0.0, True, "it is the same picture")


@dataclass(frozen=True, eq=False)
class Plate:
    """A clean plate prepared for many frames: its pixels, and what is computed once."""

    pixels: Pixels
    small: Thumbnails
    landmarks: Landmarks


def prepare(plate: Pixels) -> Plate:
    """Find a plate's landmarks, computed once for all frames it is registered onto."""
    small = thumbnails_of(plate)
    return Plate(plate, small, find_landmarks(small.grey))


def register(plate: Pixels | Plate, frame: Pixels, *, align: str = AUTO) -> Registration:
    """Register a plate onto a frame.

    align: "none" matches the exposure alone. "auto" also moves the plate by a homography when a plausible one is found that lessens the
    difference; otherwise `reason` says why not. "homography" requires one.
    Raises InputError when the sizes differ, and when "homography" finds none.
    """
    ready, small = _both(plate, frame)
    motion = find_motion(ready.landmarks, small.grey)
    if align == HOMOGRAPHY and motion.doubt:
        raise InputError(
            f"the plate cannot be aligned: {motion.doubt} ({motion.inliers} of {motion.matches} agree, and the corners would move by "
            f"{_shift(motion, small):.0f} pixels); take it from the same place, or align automatically"
        )
    homography, reason = _placed(ready, small, motion, align)
    exposure, residual = _compared(ready, small, homography)
    return _registration(small, motion, homography, exposure, residual, reason)


def track(previous: Registration | None, plate: Pixels | Plate, frame: Pixels, *, align: str = AUTO) -> Registration:
    """Register a plate onto the next frame of a clip, given its registration onto the one before, or None at the first.

    A camera on a tripod keeps the identical registration from frame to frame, so the plate does not jitter and need not be laid again
    (see Registration.lays_like); for a prepared `Plate` a cheap test finds this. A moving camera is tracked from its last position. Where
    tracking fails and the difference has grown, the motion is searched without a guess; where that fails too the plate stays where it
    was, and `reason` says so.
    Raises InputError as `register` does; a missing homography is an error at the first frame only.
    """
    if previous is None:
        return register(plate, frame, align=align)
    if isinstance(plate, Plate) and previous.fits and _rests(previous, plate, frame):
        return previous
    ready, small = _both(plate, frame)
    if align == NONE:
        exposure, residual = _compared(ready, small, None, previous.exposure)
        return replace(previous, exposure=_steady(exposure, previous), residual=residual)
    motion, homography, reason = _followed(ready, small, previous)
    exposure, residual = _compared(ready, small, homography, previous.exposure)
    return _registration(small, motion, homography, _steady(exposure, previous), residual, reason)


def apply(registration: Registration, plate: Pixels) -> Pixels:
    """The plate as the frame would show it: moved, its exposure matched, of the same size and dtype.

    Parts of the frame outside the plate take the colour of the plate's nearest edge, which is closer to the truth than its mirror image
    or the unmoved plate. They never take the frame's own pixels, because a network would find no subject there.
    """
    moved = plate
    if registration.homography is not None:
        size = plate.shape[1::-1]
        # Bicubic: bilinear resampling blurs the plate enough to make its own edges differ from the frame's.
        warped = cv2.warpPerspective(plate, registration.homography, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        moved = warped.astype(plate.dtype, copy=False)
    return _exposed(moved, registration.exposure)


def covered(registration: Registration, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Where a frame of (height, width) lies within the plate that is laid onto it: bool [H, W]."""
    if registration.homography is None:
        return np.ones(size, bool)
    return _shown(registration.homography, size)


def check_same_scene(registration: Registration) -> None:
    """Raise InputError, with numbers, when a plate shows another scene than the frame it was registered onto."""
    if not registration.fits:
        raise InputError(
            f"the plate shows another scene: only {registration.inliers} of {registration.matches} details found in it and in the picture "
            f"agree, and most of the picture differs by {registration.residual:.0f} Lab units (the same scene leaves less than "
            f"{OTHER_SCENE:.0f}); give a plate taken from the same place"
        )


def _both(plate: Pixels | Plate, frame: Pixels) -> tuple[Plate, Thumbnails]:
    size = plate.small.size if isinstance(plate, Plate) else plate.shape[:2]
    if size != frame.shape[:2]:
        raise InputError(
            f"the plate is {size[1]}x{size[0]} pixels but the picture is {frame.shape[1]}x{frame.shape[0]}; "
            "take both with the same camera from the same place"
        )
    return plate if isinstance(plate, Plate) else prepare(plate), thumbnails_of(frame)


def _rests(previous: Registration, plate: Plate, frame: Pixels) -> bool:
    """Whether the registration of the frame before still holds for this one."""
    seen = colours_of(frame)
    laid, shown = _laid(plate, seen.shape[:2], previous.homography)
    # The colours are smaller than the pictures in which motions are measured.
    step = max(plate.small.grey.shape) / max(seen.shape)
    return rests(seen, previous.exposure(laid), shown, shift=STILL / step, change=STEADY)


def _placed(plate: Plate, small: Thumbnails, motion: Motion, align: str) -> tuple[Transform | None, str]:
    """The homography at the first frame, or None and the reason."""
    if align == NONE:
        return None, "it is not to be moved"
    if motion.homography is None or motion.doubt:
        return None, motion.doubt
    if typical_shift(motion.homography, np.eye(3), small.grey.shape) < STILL:
        return None, "the camera has not moved"
    if align == AUTO and not improves(plate.landmarks.picture, small.grey, motion.homography, np.eye(3)):
        return None, "the plate fits better where it is"
    return scaled(motion.homography, small.grey.shape, small.size), ""


def _followed(plate: Plate, small: Thumbnails, previous: Registration) -> tuple[Motion, Transform | None, str]:
    """The motion and homography tracked from the frame before, and the reason when the plate is not moved."""
    before = np.eye(3) if previous.homography is None else scaled(previous.homography, small.size, small.grey.shape)
    motion = find_motion(plate.landmarks, small.grey, guess=before)
    if motion.doubt and _has_changed(previous, _compared(plate, small, previous.homography)[1]):
        motion = find_motion(plate.landmarks, small.grey)
    if motion.homography is None or motion.doubt:
        return motion, previous.homography, f"it stays where it was: {motion.doubt}"
    if typical_shift(motion.homography, before, small.grey.shape) < STILL:
        return motion, previous.homography, "the camera has not moved"
    if not improves(plate.landmarks.picture, small.grey, motion.homography, before):
        return motion, previous.homography, "the plate fits better where it was"
    return motion, scaled(motion.homography, small.grey.shape, small.size), ""


def _has_changed(previous: Registration, residual: float) -> bool:
    """Whether a plate that keeps its place fits worse than before, or did not fit before either."""
    return not previous.fits or residual > GROWN * previous.residual + GROWN_BY


def _compared(plate: Plate, small: Thumbnails, homography: Transform | None, usual: Exposure = NEUTRAL) -> tuple[Exposure, float]:
    """The exposure of a plate laid by a homography, the usual one where it cannot be fitted, and the residual."""
    size = (small.colours.shape[0], small.colours.shape[1])
    colours, shown = _laid(plate, size, homography)
    exposure = match_exposure(small.colours, colours, shown) or usual
    distance = lab_distance(small.colours, exposure(colours))[shown]
    return exposure, float(np.quantile(distance, 1 / 3)) if distance.size else float("inf")


def _laid(plate: Plate, size: tuple[int, int], homography: Transform | None) -> tuple[Picture, NDArray[np.bool_]]:
    """The plate's colours at the compared size, warped by a homography, and which part of the frame they cover."""
    if homography is None:
        return plate.small.colours, np.ones(size, bool)
    there = scaled(homography, plate.small.size, size)
    moved = cv2.warpPerspective(plate.small.colours, there, size[::-1], borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32), _shown(there, size)


def _steady(exposure: Exposure, previous: Registration) -> Exposure:
    return previous.exposure if exposure.differs_from(previous.exposure) < STEADY else exposure


def _registration(
    small: Thumbnails, motion: Motion, homography: Transform | None, exposure: Exposure, residual: float, reason: str
) -> Registration:
    shift = _shift(motion, small)
    return Registration(homography, motion.inliers, motion.matches, shift, exposure, residual, not motion.doubt, reason)


def _shift(motion: Motion, small: Thumbnails) -> float:
    """The largest displacement of the picture's corners by a motion, in pixels; 0 without one."""
    if motion.homography is None:
        return 0.0
    return largest_shift(scaled(motion.homography, small.grey.shape, small.size), small.size)


def _exposed(plate: Pixels, exposure: Exposure) -> Pixels:
    if exposure == NEUTRAL:
        return plate
    top = np.iinfo(plate.dtype).max
    lines = np.column_stack([np.diag(exposure.gains), np.array(exposure.bias) * top])
    return cv2.transform(plate, lines).astype(plate.dtype, copy=False)


def _shown(homography: Transform, size: tuple[int, int]) -> NDArray[np.bool_]:
    whole = np.full(size, 255, np.uint8)
    return np.asarray(cv2.warpPerspective(whole, homography, size[::-1]) == 255)
