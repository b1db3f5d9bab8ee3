"""The main subject of a picture, found without any weights: detectors of faces and people, border contrast, and GrabCut.

Three ideas are tried in turn, and each has to give a plausible mask, or the next one is tried: a face with the body that belongs
to it, a standing person, and whatever differs from the picture's border. Each idea only says where the subject
roughly is; GrabCut (Rother, Kolmogorov and Blake 2004) finds its outline in a small copy of the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.errors import EmptyError
from mattecli.matting.saliency import border_saliency, saliency_contrast
from mattecli.matting.trimap import subject_scale, trimap_from_mask

Kind = Literal["face", "person", "object"]
Box = tuple[int, int, int, int]
Bytes = NDArray[np.uint8]

NOT_FOUND = "no subject stands out in this picture; give a --trimap or --strokes, or pull a model: matte models pull modnet"
SMALLEST_SIDE = 16
# Detection and cutting happen in copies of the picture with at most these many pixels on the long side.
DETECTION_SIDE, CUTTING_SIDE = 640, 320
# The outline is rough, so the unknown band is wide: this share of the subject's scale.
ROUGH_BAND = 0.07
# How much more salient than the rest (0..1) a mask has to be; a face or a person is a reason of its own to believe in it.
LEAST_PROMINENCE: dict[Kind, float] = {"face": 0.05, "person": 0.05, "object": 0.22}
# The share of the picture's border that a mask may take, and the share of its area.
LARGEST_BORDER: dict[Kind, float] = {"face": 0.7, "person": 0.7, "object": 0.33}
AREA_RANGE = 0.01, 0.95


@dataclass(frozen=True)
class Subject:
    """A rough mask, uint8 [H, W] as 0 and 255, what it was found by, and how much it stands out from the picture's border (0..1)."""

    mask: Bytes
    kind: Kind
    confidence: float


def subject_trimap(image: Bytes) -> Bytes:
    """Make a trimap of the main subject of a picture, uint8 [H, W, 3] RGB; raises EmptyError when none stands out."""
    return rough_trimap(find_subject(image))


def rough_trimap(subject: Subject) -> Bytes:
    """A trimap, uint8 [H, W], of a subject that was found: a wide band around its mask is unknown."""
    return trimap_from_mask(subject.mask, band=ROUGH_BAND * subject_scale(subject.mask > 0))


def find_subject(image: Bytes) -> Subject:
    """Find the main subject of a picture, uint8 [H, W, 3] RGB; raises EmptyError when none stands out."""
    if min(image.shape[:2]) < SMALLEST_SIDE:
        raise EmptyError(NOT_FOUND)
    small = _shrunk(image, CUTTING_SIDE)
    saliency = border_saliency(small)
    for kind, odds in _ideas(image, saliency):
        mask = _cut(small, odds)
        if mask is not None and _plausible(mask, saliency, kind):
            return Subject(_grown(mask, image.shape[:2]), kind, min(1.0, 2 * _prominence(mask, saliency)))
    raise EmptyError(NOT_FOUND)


def _ideas(image: Bytes, saliency: NDArray[np.float32]) -> Iterator[tuple[Kind, NDArray[np.float32]]]:
    """What might be the subject, most telling first, as log odds for each pixel of the saliency, float32."""
    grey = np.asarray(cv2.cvtColor(_shrunk(image, DETECTION_SIDE), cv2.COLOR_RGB2GRAY), np.uint8)
    scale = saliency.shape[1] / grey.shape[1]
    contrast = SALIENCY_ODDS * saliency_contrast(saliency)
    faces = _scaled(_main_boxes(_faces(grey)), scale)
    if faces:
        yield "face", contrast + PLACE_ODDS[_ranks(saliency.shape, faces, _draw_body)]
    people = _scaled(_main_boxes(_people(grey)), scale)
    if people:
        yield "person", contrast + PLACE_ODDS[_ranks(saliency.shape, people, _draw_person)]
    yield "object", 1.2 * contrast


# Detectors: boxes are (left, top, width, height) in pixels.


def _faces(grey: Bytes) -> list[Box]:
    """Frontal faces, or else faces in profile to either side."""
    smallest = max(20, min(grey.shape) // 14)
    frontal = _detect("haarcascade_frontalface_alt2.xml", grey, smallest)
    if frontal:
        return frontal
    width = grey.shape[1]
    mirrored = _detect("haarcascade_profileface.xml", np.ascontiguousarray(grey[:, ::-1]), smallest)
    return _detect("haarcascade_profileface.xml", grey, smallest) + [(width - x - w, y, w, h) for x, y, w, h in mirrored]


def _detect(cascade: str, grey: Bytes, smallest: int) -> list[Box]:
    """Boxes of one of OpenCV's cascades, loaded anew each time (20 ms) because a loaded one may not serve two threads."""
    classifier = cv2.CascadeClassifier(str(Path(cv2.__file__).with_name("data") / cascade))
    boxes = classifier.detectMultiScale(grey, scaleFactor=1.1, minNeighbors=5, minSize=(smallest, smallest))
    return [(int(x), int(y), int(w), int(h)) for x, y, w, h in boxes]


def _people(grey: Bytes) -> list[Box]:
    """Large standing people (Dalal and Triggs 2005), one of them beyond doubt; the detector's window is 64x128 pixels."""
    if grey.shape[0] < 128 or grey.shape[1] < 64:
        return []
    detector = cv2.HOGDescriptor()
    detector.setSVMDetector(np.array(cv2.HOGDescriptor.getDefaultPeopleDetector()))
    boxes, weights = detector.detectMultiScale(grey, winStride=(8, 8), padding=(16, 16), scale=1.08)
    large = [(box, weight) for box, weight in zip(boxes, np.ravel(weights), strict=True) if box[3] > 0.4 * grey.shape[0]]
    if not any(weight > 1.2 for _, weight in large):
        return []
    return [(int(x), int(y), int(w), int(h)) for (x, y, w, h), weight in large if weight > 0.9]


def _main_boxes(boxes: list[Box]) -> list[Box]:
    """The largest box and those not much smaller: people who pose together, not passers-by."""
    largest = max((h for _, _, _, h in boxes), default=0)
    return [box for box in boxes if box[3] >= 0.6 * largest]


def _scaled(boxes: list[Box], scale: float) -> list[Box]:
    return [(round(x * scale), round(y * scale), round(w * scale), round(h * scale)) for x, y, w, h in boxes]


# Where a body is expected: ranks, so that overlapping bodies combine by the larger one, and what each adds to the log odds.
SURE_NOT, LIKELY_NOT, PERHAPS, LIKELY, VERY_LIKELY, SURE = range(6)
PLACE_ODDS = np.array([-4, -1, 0.5, 1, 2.5, 4], np.float32)
SALIENCY_ODDS = 2.0
# From these log odds on GrabCut may not change its mind.
SURE_ODDS = 2.0


def _ranks(size: tuple[int, int], boxes: list[Box], draw: Callable[[Bytes, Box], None]) -> Bytes:
    ranks = np.full(size, SURE_NOT, np.uint8)
    for box in boxes:
        one = np.full(size, SURE_NOT, np.uint8)
        draw(one, box)
        np.maximum(ranks, one, out=ranks)
    return ranks


def _draw_body(ranks: Bytes, face: Box) -> None:
    """Draw a head and the body under it, in units of the face's width: people are about seven faces tall, three wide."""
    x, y, w, h = face
    centre, middle = x + w // 2, y + h // 2
    bottom = ranks.shape[0]
    _ellipse(ranks, (centre, middle), (1.7 * w, 1.9 * h), LIKELY_NOT)
    _box(ranks, (centre - 3.2 * w, y + 0.6 * h, centre + 3.2 * w, bottom), LIKELY_NOT)
    _ellipse(ranks, (centre, middle + 0.1 * h), (1.2 * w, 1.4 * h), PERHAPS)  # hair and hats
    _ellipse(ranks, (centre, middle - 0.1 * h), (0.72 * w, 0.95 * h), LIKELY)
    _box(ranks, (centre - 1.3 * w, y + 1.8 * h, centre + 1.3 * w, min(bottom, y + 5.5 * h)), LIKELY)
    _ellipse(ranks, (centre, middle), (0.35 * w, 0.45 * h), SURE)
    _box(ranks, (centre - 0.2 * w, y + h, centre + 0.2 * w, y + 1.9 * h), VERY_LIKELY)
    _box(ranks, (centre - 0.4 * w, y + 1.9 * h, centre + 0.4 * w, min(bottom, y + 3 * h)), VERY_LIKELY)


def _draw_person(ranks: Bytes, box: Box) -> None:
    """Draw a standing person; the detector's box leaves a margin of about an eighth of its height around the person."""
    x, y, w, h = box
    centre = x + w / 2
    _box(ranks, (x - 0.1 * w, y - 0.02 * h, x + 1.1 * w, y + 1.05 * h), LIKELY_NOT)
    _ellipse(ranks, (centre, y + 0.18 * h), (0.14 * w, 0.09 * h), LIKELY)
    _ellipse(ranks, (centre, y + 0.4 * h), (0.24 * w, 0.2 * h), LIKELY)
    _box(ranks, (centre - 0.17 * w, y + 0.5 * h, centre + 0.17 * w, y + 0.9 * h), LIKELY)
    _box(ranks, (centre - 0.07 * w, y + 0.22 * h, centre + 0.07 * w, y + 0.55 * h), VERY_LIKELY)


def _ellipse(ranks: Bytes, centre: tuple[float, float], radii: tuple[float, float], rank: int) -> None:
    cv2.ellipse(ranks, (round(centre[0]), round(centre[1])), (round(radii[0]), round(radii[1])), 0, 0, 360, rank, cv2.FILLED)


def _box(ranks: Bytes, corners: tuple[float, float, float, float], rank: int) -> None:
    left, top, right, bottom = (max(0, round(value)) for value in corners)
    ranks[top:bottom, left:right] = rank


# Cutting and judging.


def _cut(small: Bytes, odds: NDArray[np.float32]) -> Bytes | None:
    """Run GrabCut from the log odds of being the subject, float32 [H, W]; None when it has nothing to tell apart."""
    bins = np.digitize(cv2.GaussianBlur(odds, (0, 0), 1.5), [-SURE_ODDS, 0, SURE_ODDS])
    seeds = np.array([cv2.GC_BGD, cv2.GC_PR_BGD, cv2.GC_PR_FGD, cv2.GC_FGD], np.uint8)[bins]
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(small, seeds, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    except cv2.error:
        return None
    return _main_parts(np.isin(seeds, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8))


def _main_parts(mask: Bytes) -> Bytes:
    """Smooth the mask, keep the largest part and those not much smaller, and fill small holes."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    mask = _parts(np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel), np.uint8), 0.25)
    holes = _parts(1 - mask, 0.05)
    return 1 - holes


def _parts(mask: Bytes, share: float) -> Bytes:
    """The connected parts with at least this share of the largest part's area."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count < 2:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    kept: Bytes = (areas >= max(1, share * areas.max()))[labels].astype(np.uint8)
    return kept


def _plausible(mask: Bytes, saliency: NDArray[np.float32], kind: Kind) -> bool:
    """A subject fills some, not all, of the picture, leaves most of the border free, and stands out from the rest."""
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).mean()
    if not AREA_RANGE[0] < mask.mean() < AREA_RANGE[1] or border > LARGEST_BORDER[kind]:
        return False
    return _prominence(mask, saliency) > LEAST_PROMINENCE[kind]


def _prominence(mask: Bytes, saliency: NDArray[np.float32]) -> float:
    return float(saliency[mask > 0].mean() - saliency[mask == 0].mean())


# Sizes.


def _shrunk(image: Bytes, side: int) -> Bytes:
    scale = side / max(image.shape[:2])
    if scale >= 1:
        return np.ascontiguousarray(image)
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _grown(mask: Bytes, size: tuple[int, ...]) -> Bytes:
    smooth = cv2.resize(mask * np.float32(1), size[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.where(smooth >= 0.5, 255, 0).astype(np.uint8)
