"""A refined matte may move edges and open hair; regions that it turns over as a whole are disputed."""

import cv2
import numpy as np

from mattecli.matting.disputed import disputed


def body(*, arm: float = 1.0) -> np.ndarray:
    """A disc with an arm of a given alpha."""
    alpha = np.zeros((120, 160), np.float32)
    cv2.circle(alpha, (60, 60), 35, 1.0, cv2.FILLED)
    cv2.rectangle(alpha, (95, 45), (150, 75), arm, cv2.FILLED)
    return alpha


def test_an_arm_that_refinement_drops_is_disputed_and_only_that() -> None:
    regions = disputed(body(arm=0.0), body(arm=0.8))
    assert regions[50:70, 100:145].all(), "the arm"
    assert not regions[30:90, 30:85].any(), "the body"


def test_an_edge_that_moves_and_hair_that_opens_are_not_disputed() -> None:
    coarse = body()
    moved = cv2.erode(coarse, np.ones((5, 5)))
    hair = coarse.copy()
    hair[20:40, 30:90:4] = 0.0
    assert not disputed(moved, coarse).any()
    assert not disputed(hair, coarse).any()


def test_a_matte_of_nothing_disputes_nothing() -> None:
    assert not disputed(body(), np.zeros((120, 160), np.float32)).any()
