"""The connected parts of regions."""

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def parts_holding(seeds: Mask, region: Mask, *, least_share: float = 0.0, connectivity: int = 4) -> Mask:
    """The connected parts of a region that hold enough seeds: all bool [H, W].

    A part holds enough with at least one seed, and with `least_share` of the seeds in the part that holds most. connectivity: 4 where
    pixels of one part share an edge, 8 where a corner is enough.
    """
    count, labels = cv2.connectedComponents(region.astype(np.uint8), connectivity=connectivity)
    held = np.bincount(labels[seeds & region], minlength=count)
    kept = held >= max(1, least_share * held.max())
    kept[0] = False  # what lies outside of the region
    parts: Mask = kept[labels]
    return parts
