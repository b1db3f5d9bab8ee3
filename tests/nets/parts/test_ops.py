"""Arithmetic that is done in another way than torch's own functions do it."""

import torch
import torch.nn.functional as F

from mattecli.nets.parts.ops import double_softmax


def test_the_softmax_of_enlarged_scores_needs_their_difference_alone() -> None:
    torch.manual_seed(0)
    scores = 5.0 * torch.randn(2, 2, 4, 3).contiguous(memory_format=torch.channels_last)
    enlarged = F.interpolate(scores, scale_factor=2.0, mode="bilinear", align_corners=False)
    assert torch.allclose(double_softmax(scores), torch.softmax(enlarged, 1), atol=1e-6)
