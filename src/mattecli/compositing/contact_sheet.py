"""A contact sheet: pictures side by side with captions, so that people choose by looking."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

TILE_WIDTH = 480
CAPTION_HEIGHT = 34
COLUMNS = 3
DARK, BRIGHT = 32, (235, 235, 235)


def contact_sheet(pictures: Sequence[NDArray[np.uint8]], captions: Sequence[str]) -> NDArray[np.uint8]:
    """Pictures uint8 [H, W, 3] of one size, in rows of three, each with its caption below: uint8 [height, width, 3]."""
    cells = [_cell(picture, caption) for picture, caption in zip(pictures, captions, strict=True)]
    columns = min(COLUMNS, len(cells))
    cells += [np.full_like(cells[0], DARK)] * (-len(cells) % columns)
    rows = [np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)]
    return np.vstack(rows)


def _cell(picture: NDArray[np.uint8], caption: str) -> NDArray[np.uint8]:
    height = max(1, round(picture.shape[0] * TILE_WIDTH / picture.shape[1]))
    method = cv2.INTER_AREA if height < picture.shape[0] else cv2.INTER_CUBIC
    cell = np.full((height + CAPTION_HEIGHT, TILE_WIDTH, 3), DARK, np.uint8)
    cell[:height] = cv2.resize(picture, (TILE_WIDTH, height), interpolation=method)
    cv2.putText(cell, caption, (8, height + CAPTION_HEIGHT - 12), cv2.FONT_HERSHEY_SIMPLEX, 0.45, BRIGHT, 1, cv2.LINE_AA)
    return cell
