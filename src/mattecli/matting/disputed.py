"""Regions, not edges, in which a refined matte contradicts the coarse one it was made from."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.matting.parts import parts_holding
from mattecli.matting.trimap import subject_scale

Alpha = NDArray[np.float32]

WINDOW = 0.2
"""Side of the neighbourhood whose mean alphas are compared, as a share of the subject's scale: several times the reach of hair."""

MEAN_APART, APART = 0.45, 0.35
"""In a disputed region the mean alphas differ somewhere by more than the first, and the alphas everywhere by more than the second."""


def disputed(refined: Alpha, coarse: Alpha) -> NDArray[np.bool_]:
    """The regions, bool [H, W], that are foreground in one of the two mattes and background in the other.

    refined, coarse: [H, W] in 0..1. Refinement should move edges and resolve hair. Where it removes or adds a whole arm, the colours were
    ambiguous, and the coarse matte's network, which recognises objects, is more reliable.
    """
    solid = coarse >= 0.5
    if not solid.any():
        return np.zeros(coarse.shape, np.bool_)
    side = max(3, int(WINDOW * subject_scale(solid)) | 1)
    apart = np.abs(cv2.blur(refined, (side, side)) - cv2.blur(coarse, (side, side))) > MEAN_APART
    regions = apart | (np.abs(refined - coarse) > APART)
    return parts_holding(apart, regions)
