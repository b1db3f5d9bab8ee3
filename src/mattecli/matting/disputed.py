"""Where a refined matte and the coarse one it was made of dispute whole regions, not edges."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.matting.parts import parts_holding
from mattecli.matting.trimap import subject_scale

Alpha = NDArray[np.float32]

WINDOW = 0.2
"""Side of the neighbourhood whose mean alphas are compared, as a share of the subject's scale: several times as wide as hair reaches."""

MEAN_APART, APART = 0.45, 0.35
"""So far apart must both means be somewhere in a disputed region, and the alphas in all of it."""


def disputed(refined: Alpha, coarse: Alpha) -> NDArray[np.bool_]:
    """The regions, bool [H, W], that refinement turns over as a whole: parts that only it finds, or only the coarse matte.

    refined, coarse: [H, W] in 0..1. A refinement moves an edge or opens hair; what it does to a whole arm it does for want of colours to
    tell it by, while the network behind the coarse matte has seen what the picture shows.
    """
    solid = coarse >= 0.5
    if not solid.any():
        return np.zeros(coarse.shape, np.bool_)
    side = max(3, int(WINDOW * subject_scale(solid)) | 1)
    apart = np.abs(cv2.blur(refined, (side, side)) - cv2.blur(coarse, (side, side))) > MEAN_APART
    regions = apart | (np.abs(refined - coarse) > APART)
    return parts_holding(apart, regions)
