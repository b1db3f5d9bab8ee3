"""Connected components of regions."""

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def parts_holding(seeds: Mask, region: Mask, *, least_share: float = 0.0, connectivity: int = 4) -> Mask:
    """The connected components of a region that hold enough seeds: all bool [H, W].

    Enough is at least one seed, and at least `least_share` of the seeds of the component that holds most. connectivity: 4 (shared edges)
    or 8 (shared corners too).
    """
    count, labels = cv2.connectedComponents(region.astype(np.uint8), connectivity=connectivity)
    held = np.bincount(labels[seeds & region], minlength=count)
    kept = held >= max(1, least_share * held.max())
    kept[0] = False  # outside the region
    parts: Mask = kept[labels]
    return parts
