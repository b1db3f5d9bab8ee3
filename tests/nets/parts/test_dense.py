"""The dense encoder's reduced images are those of its authors' pooling."""

import torch
import torch.nn.functional as F

from mattecli.nets.parts.dense import Cascade


def test_the_cascade_averages_as_pooling_does() -> None:
    torch.manual_seed(0)
    image = torch.randn(2, 3, 8, 6)
    assert torch.allclose(Cascade()(image), F.avg_pool2d(image, 3, 2, 1), atol=1e-6)
