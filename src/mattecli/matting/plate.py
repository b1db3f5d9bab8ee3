"""What stands before a clean plate: the parts of a picture that differ from a photograph of the same scene without the subject."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.errors import InputError
from mattecli.matting.trimap import trimap_from_alpha

# Differences are in CIE Lab units (1 is just noticeable). No camera is quieter than this floor once JPEG is added.
NOISE_FLOOR = 1.0
# A plate is another scene when even the most similar third of its pixels differs by this much.
OTHER_SCENE = 9.0
# In units of the noise: below the first a pixel belongs to the plate, above the second it surely does not.
SAME, DIFFERENT = 3.0, 7.0
# Two pictures of one scene, by a hand or a tripod, are aligned to about this many pixels per thousand.
MISALIGNMENT = 1.0
SMALLEST_FOR_ALIGNMENT = 64
# A shadow leaves at least this share of the light.
DEEPEST_SHADOW = 0.45
# The unknown band's reach to either side, as a share of the square root of the picture's area, and in pixels at least.
BAND, NARROWEST_BAND = 0.006, 3.0


def trimap_from_plate(image: NDArray[np.uint8], plate: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Make a trimap, uint8 [H, W], of what stands before a clean plate; image and plate are uint8 [H, W, 3] RGB.

    Raises InputError when the sizes differ, when nothing differs, and when everything does.
    """
    difference = plate_difference(image, plate)
    mask = _mask(difference) > 0
    reach = max(NARROWEST_BAND, float(BAND * np.sqrt(difference.size)))
    bridged = cv2.morphologyEx(difference, cv2.MORPH_CLOSE, _disc(reach / 2))
    alpha = np.where(mask, np.maximum(bridged, 0.5), np.minimum(difference, 0.4))
    return trimap_from_alpha(alpha.astype(np.float32), band=reach)


def mask_from_plate(image: NDArray[np.uint8], plate: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Make a rough mask, uint8 [H, W] as 0 and 255, of what stands before a clean plate; errors as in trimap_from_plate."""
    return _mask(plate_difference(image, plate))


def plate_difference(image: NDArray[np.uint8], plate: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How surely each pixel differs from the plate: float32 [H, W], 0 within the noise and 1 beyond doubt.

    The plate's exposure is matched first; edges of the plate count less, because no two pictures align to a fraction of a
    pixel, and so does darkening without a change of colour, because subjects cast shadows (Horprasert et al., ICCV-FRAME 1999).
    """
    if image.shape != plate.shape:
        raise InputError(
            f"the plate is {plate.shape[1]}x{plate.shape[0]} pixels but the picture is {image.shape[1]}x{image.shape[0]}; "
            "take both with the same camera from the same place"
        )
    scale = np.sqrt(image.shape[0] * image.shape[1]) / 1000
    picture, scene = _smooth(image, scale), _smooth(_aligned(plate, image), scale)
    scene = np.clip(scene * _gains(picture, scene), 0, 1)
    light = _light(picture, scene)
    half_shaded = _distance(picture, scene * (1 + light) / 2)
    noise = _noise(half_shaded) + 0.3 * MISALIGNMENT * scale * _edges(_lab(scene), scale)
    difference = np.clip((half_shaded / noise - SAME) / (DIFFERENT - SAME), 0, 1)
    perhaps_shadow = (light[..., 0] < 0.97) & (_distance(picture, scene * light) < SAME * noise)
    return np.where(perhaps_shadow, np.minimum(difference, 0.5), difference).astype(np.float32)


def _aligned(plate: NDArray[np.uint8], image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The plate moved onto the picture when enough of their details agree on how; a camera in a hand moves between two shots.

    What the moved plate does not cover is taken from the picture, so that it counts as not differing.
    """
    transform = _motion(plate, image)
    if transform is None:
        return plate
    size = image.shape[1::-1]
    moved = np.asarray(cv2.warpPerspective(plate, transform, size, flags=cv2.INTER_LINEAR), np.uint8)
    covered = cv2.warpPerspective(np.full(plate.shape[:2], 255, np.uint8), transform, size)
    moved[covered < 255] = image[covered < 255]
    return moved if _median_difference(moved, image) < _median_difference(plate, image) else plate


def _median_difference(plate: NDArray[np.uint8], image: NDArray[np.uint8]) -> float:
    """A finely graded median of the differences of all values."""
    return float(np.mean(np.sort(cv2.absdiff(plate, image)[::2, ::2].ravel())[: plate.size // 8]))


def _motion(plate: NDArray[np.uint8], image: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """The homography from plate to picture by ORB features and RANSAC; None when it is nothing, or not trustworthy."""
    if min(image.shape[:2]) < SMALLEST_FOR_ALIGNMENT:
        return None
    cv2.setRNGSeed(0)
    orb = cv2.ORB.create(2000)
    (points, marks), (places, signs) = (orb.detectAndCompute(cv2.cvtColor(one, cv2.COLOR_RGB2GRAY), None) for one in (plate, image))
    if marks is None or signs is None:
        return None
    reach = 0.05 * max(image.shape[:2])
    pairs = [(points[m.queryIdx].pt, places[m.trainIdx].pt) for m in cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(marks, signs)]
    near = np.array([pair for pair in pairs if np.hypot(pair[0][0] - pair[1][0], pair[0][1] - pair[1][1]) < reach])
    if len(near) < 30:
        return None
    transform, agreeing = cv2.findHomography(near[:, 0], near[:, 1], cv2.RANSAC, 2.0)
    if transform is None or agreeing.sum() < max(30, 0.3 * len(near)):
        return None
    homography = np.asarray(transform, np.float64)
    return homography if 0.5 < _corner_shift(homography, image.shape[:2]) < reach else None


def _corner_shift(transform: NDArray[np.float64], size: tuple[int, ...]) -> float:
    """How far, in pixels, the picture's corners move at most."""
    corners = np.array([[[x, y]] for x in (0, size[1]) for y in (0, size[0])], np.float64)
    return float(np.abs(cv2.perspectiveTransform(corners, transform) - corners).max())


def _smooth(image: NDArray[np.uint8], scale: float) -> NDArray[np.float32]:
    sigma = 0.6 + 0.8 * scale
    return np.asarray(cv2.GaussianBlur(image.astype(np.float32) / 255, (0, 0), sigma), np.float32)


def _lab(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB), np.float32)


def _gains(picture: NDArray[np.float32], scene: NDArray[np.float32]) -> NDArray[np.float32]:
    """The plate's exposure per channel: the most frequent ratio of picture to plate, which what the subject leaves free has."""
    usable = (scene > 0.08) & (scene < 0.9) & (picture > 0.04) & (picture < 0.96)
    gains = np.ones(3, np.float32)
    for channel in range(3):
        chosen = usable[..., channel]
        ratios = np.log(picture[..., channel][chosen] / scene[..., channel][chosen])
        if ratios.size > 100:
            gains[channel] = np.exp(_mode(ratios, span=0.5))
    return gains


def _mode(values: NDArray[np.float32], *, span: float) -> float:
    """The most frequent value between -span and span, from a smoothed histogram."""
    counts, edges = np.histogram(values, bins=200, range=(-span, span))
    smooth = np.convolve(counts, np.hanning(11), mode="same")
    peak = (edges[:-1] + edges[1:])[int(smooth.argmax())] / 2
    near = values[np.abs(values - peak) < 0.04]
    return float(np.median(near)) if near.size else 0.0


def _light(picture: NDArray[np.float32], scene: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much of the plate's light the shadow leaves that explains the picture best, [H, W, 1]; 1 where no shadow is so deep."""
    light = np.sum(picture * scene, axis=2, keepdims=True) / np.maximum(np.sum(scene * scene, axis=2, keepdims=True), 1e-4)
    return np.where(light < DEEPEST_SHADOW, 1, np.minimum(light, 1)).astype(np.float32)


def _distance(picture: NDArray[np.float32], scene: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.linalg.norm(_lab(picture) - _lab(scene), axis=2), np.float32)


def _noise(distance: NDArray[np.float32]) -> float:
    """The scale of the differences where nothing stands, from the most similar third of the pixels."""
    third = float(np.quantile(distance, 0.33))
    if third > OTHER_SCENE:
        raise InputError("nearly everything differs from the plate; it seems to show another scene, give one taken from the same place")
    return max(NOISE_FLOOR, third / 0.9)


def _edges(lab: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """The strongest gradient near each pixel, in Lab units per pixel."""
    across, down = cv2.Sobel(lab, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(lab, cv2.CV_32F, 0, 1, scale=1 / 8)
    side = 2 * round(1.5 * scale) + 3
    steepness = np.sqrt(np.sum(np.square(across) + np.square(down), axis=2))
    return np.asarray(cv2.dilate(steepness, np.ones((side, side), np.uint8)), np.float32)


def _mask(difference: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Join what differs, keep the parts that surely differ, fill small holes; uint8 0 and 255."""
    area = difference.size
    kernel = _disc(0.003 * np.sqrt(area))
    joined = cv2.morphologyEx((difference > 0.2).astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    joined = cv2.morphologyEx(joined, cv2.MORPH_OPEN, kernel)
    kept = _parts(np.asarray(joined, np.uint8), difference >= 1, 0.05)
    mask = 1 - _parts(1 - kept, kept == 0, 0.01)
    if mask.mean() < 0.0005:
        raise InputError("nothing differs from the plate; give the plate without the subject, and the picture with it")
    if mask.mean() > 0.95:
        raise InputError("nearly everything differs from the plate; it seems to show another scene, give one taken from the same place")
    return mask * np.uint8(255)


def _disc(radius: float) -> NDArray[np.uint8]:
    side = 2 * round(radius) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _parts(region: NDArray[np.uint8], counted: NDArray[np.bool_], share: float) -> NDArray[np.uint8]:
    """The connected parts of a region whose counted pixels are at least this share of the largest part's."""
    count, labels = cv2.connectedComponents(region, connectivity=4)
    areas = np.bincount(labels[counted & (region > 0)], minlength=count)
    kept = areas >= max(1, share * areas.max())
    kept[0] = False
    chosen: NDArray[np.bool_] = kept[labels]
    return chosen.astype(np.uint8)
