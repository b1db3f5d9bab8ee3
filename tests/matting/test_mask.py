"""A mask that is none, or says nothing, is refused; labels of one class are read."""

import cv2
import numpy as np
import pytest

from mattecli.errors import InputError
from mattecli.matting.mask import check_mask, mask_levels

DISC = cv2.circle(np.zeros((60, 80), np.uint8), (40, 30), 20, 1, -1)
SOFT = cv2.GaussianBlur(DISC * 255, (0, 0), 4)


def _jpeg(picture: np.ndarray) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_UNCHANGED)


def _coloured(colour: tuple[int, int, int]) -> np.ndarray:
    return DISC[..., None] * np.array(colour, np.uint8)


GOOD = {
    "hard": DISC * 255,
    "soft": SOFT,
    "soft in sixteen levels": SOFT // 17 * 17,
    "video levels": (16 + SOFT.astype(float) * 219 / 255).astype(np.uint8),
    "dim": DISC * 90,
    "jpeg": _jpeg(DISC * 255),
    "labels 0 and 1": DISC,
    "labels 0 and 15": DISC * 15,
    "labels of 16 bits": DISC.astype(np.uint16),
    "sixteen bits": SOFT.astype(np.uint16) * 257,
    "eight bits in sixteen": SOFT.astype(np.uint16),
    "red": _coloured((128, 0, 0)),
    "red, jpeg": _jpeg(_coloured((200, 30, 40))),
    "in its transparency": np.dstack([_coloured((9, 9, 9)), DISC * 255]),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_mask_is_read_whatever_its_levels(name: str) -> None:
    levels = mask_levels(GOOD[name])
    check_mask(levels)
    inside = levels >= levels.max() / 2
    assert np.abs(inside.astype(int) - DISC).mean() < 0.02
    assert levels.max() >= 85 * np.iinfo(levels.dtype).max / 255


OTHER = np.zeros_like(DISC)
OTHER[50:, :30] = 1
NOISE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
BAD = {
    "empty": (DISC * 0, "empty"),
    "nearly empty": ((NOISE[..., 0] < 20).astype(np.uint8) * 20, "empty"),
    "white": (DISC * 0 + 255, "covers the whole picture"),
    "grey photo": (cv2.resize(NOISE[::6, ::8, 0], (80, 60)), "neither black nor white"),
    "photo": (cv2.resize(NOISE[::6, ::8], (80, 60)), "colours of a photo"),
    "labels of two classes": (DISC + 2 * OTHER, r"labels of several classes \(1, 2\)"),
    "labels with white borders": (np.where(cv2.dilate(DISC, np.ones((5, 5))) > DISC, 255, DISC * 15).astype(np.uint8), r"\(15, 255\)"),
    "two colours": (_coloured((128, 0, 0)) + OTHER[..., None] * np.array([0, 128, 0], np.uint8), "several colours"),
}


@pytest.mark.parametrize("name", BAD)
def test_pictures_that_are_no_masks_are_refused_with_their_kind(name: str) -> None:
    picture, said = BAD[name]
    with pytest.raises(InputError, match=said):
        check_mask(mask_levels(picture))
