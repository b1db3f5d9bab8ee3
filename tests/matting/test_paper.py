"""Strokes mean the same whatever they were drawn on, and what is none of strokes is refused."""

import cv2
import numpy as np
import pytest

from mattecli.errors import InputError
from mattecli.matting.strokes import trimap_from_strokes

WHITE, BLACK, GREEN, RED = (255, 255, 255), (0, 0, 0), (20, 220, 40), (230, 10, 30)
SIZE = (90, 120)


def _photo(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return cv2.resize(noise, SIZE[::-1], interpolation=cv2.INTER_CUBIC)


def _grey(photo: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def _jpeg(picture: np.ndarray) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1], cv2.IMREAD_COLOR)


def _drawn(paper: np.ndarray, foreground: tuple[int, ...], background: tuple[int, ...]) -> np.ndarray:
    picture = paper.copy()
    cv2.line(picture, (30, 30), (90, 40), foreground, 7, cv2.LINE_AA)
    cv2.line(picture, (10, 80), (110, 75), background, 7, cv2.LINE_AA)
    return picture


PAPERS = {
    "a copy of the photo": (_photo(), GREEN, RED),
    "a copy of the photo, in white and black": (_photo() // 2 + 64, WHITE, BLACK),
    "a grey copy": (_grey(_photo()), GREEN, RED),
    "white": (np.full((*SIZE, 3), 255, np.uint8), GREEN, RED),
    "white, with black": (np.full((*SIZE, 3), 255, np.uint8), GREEN, BLACK),
    "black": (np.zeros((*SIZE, 3), np.uint8), GREEN, RED),
    "black, with white": (np.zeros((*SIZE, 3), np.uint8), WHITE, RED),
    "light grey": (np.full((*SIZE, 3), 205, np.uint8), WHITE, BLACK),
    "blue": (np.full((*SIZE, 3), (40, 70, 200), np.uint8), GREEN, RED),
}


@pytest.mark.parametrize("lossy", [False, True])
@pytest.mark.parametrize("name", PAPERS)
def test_strokes_are_the_pixels_that_differ_from_their_paper(name: str, lossy: bool) -> None:
    paper, foreground, background = PAPERS[name]
    photo = paper if "copy of the photo, in" in name else _photo()
    drawn = _drawn(paper, foreground, background)
    trimap = trimap_from_strokes(_jpeg(drawn) if lossy else drawn, size=SIZE, photo=photo)
    wanted = _drawn(np.full((*SIZE, 3), 128, np.uint8), WHITE, BLACK)[..., 0]
    assert (trimap[wanted == 255] == 255).mean() > 0.95 and (trimap[wanted == 0] == 0).mean() > 0.95
    near = cv2.dilate((wanted != 128).astype(np.uint8), np.ones((9, 9), np.uint8)) == 1
    assert (trimap[~near] == 128).mean() > 0.998
    mixed = (trimap == 255) & (cv2.dilate((wanted == 255).astype(np.uint8), np.ones((5, 5), np.uint8)) == 0)
    assert mixed.mean() < 0.002, "the edge of a red stroke is no foreground"


def test_another_photo_is_no_picture_of_strokes() -> None:
    with pytest.raises(InputError, match="no picture of strokes"):
        trimap_from_strokes(_photo(1), size=SIZE, photo=_photo())


def test_the_photo_itself_bears_no_stroke() -> None:
    assert (trimap_from_strokes(_photo(), size=SIZE, photo=_photo()) == 128).all()


def test_a_trimap_is_accepted_as_strokes() -> None:
    trimap = np.zeros(SIZE, np.uint8)
    cv2.circle(trimap, (60, 45), 32, 128, -1)
    cv2.circle(trimap, (60, 45), 30, 255, -1)
    np.testing.assert_array_equal(trimap_from_strokes(trimap, size=SIZE, photo=_photo()), trimap)
