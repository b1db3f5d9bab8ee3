"""What several test modules share."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from typer.testing import Result

Run = Callable[..., Result]
"""Runs `matte ARGS...`."""


def read(path: Path) -> np.ndarray:
    """A picture as OpenCV sees it, independent of our own reader, in RGB(A) order."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None, f"{path} is no picture"
    return picture if picture.ndim == 2 else picture[..., [2, 1, 0, 3][: picture.shape[2]]]
