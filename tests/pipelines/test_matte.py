"""What the mattes of a clip cover, and how often which doubt came up."""

import torch

from mattecli.pipelines.matte import Seen
from mattecli.pipelines.tensors import Matted


def _matted(alpha: float, *notes: str) -> Matted:
    image = torch.zeros(1, 3, 4, 4)
    return Matted(image=image, seen=image, alpha=torch.full((1, 1, 4, 4), alpha), foreground=None, plate=None, notes=notes)


def test_coverage_is_the_mean_over_the_frames_and_doubts_are_counted() -> None:
    seen = Seen()
    for matted in (_matted(0.5), _matted(0.25, "the light was out"), _matted(0.0, "the light was out")):
        seen.look_at(matted)
    assert seen.coverage == 0.25 and seen.doubt[0] == "in 2 frames the light was out"
    assert seen.doubt[1].startswith("in 1 frame the matte is all but empty")


def test_nothing_seen_covers_nothing() -> None:
    assert Seen().coverage == 0.0 and Seen().doubt == ()
