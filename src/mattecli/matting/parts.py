"""Connected components of regions."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


class Parts(NamedTuple):
    """The connected components of a region of [H, W] pixels; the others belong to none.

    labels: int32 [H, W], 1 for the first part, 0 outside. areas: pixels of each. lefts: the first column of each. centres: (x, y) of each.
    """

    labels: NDArray[np.int32]
    areas: NDArray[np.int32]
    lefts: NDArray[np.int32]
    centres: NDArray[np.float64]

    def union(self, chosen: Mask) -> Mask:
        """The parts for which `chosen` is True, as one mask [H, W]."""
        mask: Mask = np.concatenate(([False], chosen))[self.labels]
        return mask


def connected_parts(region: Mask, *, connectivity: int = 4) -> Parts:
    """The connected components of a region, bool [H, W]. connectivity: 4 (shared edges) or 8 (shared corners too)."""
    _, labels, boxes, centres = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=connectivity)
    measures = np.asarray(boxes, np.int32)[1:]  # without the pixels outside
    areas, lefts = measures[:, cv2.CC_STAT_AREA], measures[:, cv2.CC_STAT_LEFT]
    return Parts(np.asarray(labels, np.int32), areas, lefts, np.asarray(centres, np.float64)[1:])


def parts_holding(seeds: Mask, region: Mask, *, least_share: float = 0.0, connectivity: int = 4) -> Mask:
    """The connected components of a region that hold enough seeds: all bool [H, W].

    Enough is at least one seed, and at least `least_share` of the seeds of the component that holds most.
    """
    # Without the areas and centres of connected_parts, which would take three times as long.
    count, labels = cv2.connectedComponents(region.astype(np.uint8), connectivity=connectivity)
    held = np.bincount(labels[seeds & region], minlength=count)
    kept = held >= max(1, least_share * held.max())
    kept[0] = False  # outside the region
    parts: Mask = kept[labels]
    return parts
