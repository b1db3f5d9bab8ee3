"""Small copies of frames, the optical flow between two of them, and what a picture shows at the places that a flow leads to."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Flow = NDArray[np.float32]
"""From each pixel of a frame to its place in another one, [h, w, 2] as x, y."""


def reduced(plane: NDArray[Any], longest: int, *, least: int = 1) -> Any:
    """A picture [H, W] or [H, W, C] whose longer side has at most `longest` pixels, and each at least `least`."""
    scale = min(1.0, longest / max(plane.shape[:2]))
    height, width = (max(least, round(side * scale)) for side in plane.shape[:2])
    return plane if (height, width) == plane.shape[:2] else cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)


def flow_between(now: Bytes, other: Bytes, *, begin: Flow | None = None, quick: bool = False) -> Flow:
    """The flow from a frame [h, w, 3] to another one, by DIS (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016).

    begin: an estimate to improve, None for none. quick: at a third of the cost, as accurate where frames follow each other.
    """
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST if quick else cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    if quick:  # one level finer than the preset, and without its variational step
        search.setFinestScale(1)
        search.setVariationalRefinementIterations(0)
    known = np.zeros((*now.shape[:2], 2), np.float32) if begin is None else np.ascontiguousarray(begin, np.float32)
    grey, other_grey = cv2.cvtColor(now, cv2.COLOR_RGB2GRAY), cv2.cvtColor(other, cv2.COLOR_RGB2GRAY)
    return np.asarray(search.calc(grey, other_grey, known), np.float32)


def warped(plane: NDArray[Any], flow: Flow) -> Any:
    """What a picture or matte shows at the places that the flow leads to."""
    rows, columns = (np.arange(side, dtype=np.float32) for side in flow.shape[:2])
    across, down = flow[..., 0] + columns, flow[..., 1] + rows[:, None]
    return cv2.remap(plane, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
