"""The feathering block of Fast Deep Matting, which two networks share.

Zhu et al., "Fast Deep Matting for Portrait Animation on Mobile Phone", ACM Multimedia 2017 (arXiv 1707.08289).
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Feathering(nn.Module):
    """A matte from an image and a segmentation: alpha is the sigmoid of a * foreground + b * background + c, pixel by pixel.

    Takes the image [B, 3, H, W] and the probabilities of background and foreground [B, 2, H, W];
    returns alpha and the three coefficients, [B, 1, H, W] each.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv_1 = nn.Conv2d(11, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.conv_2 = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, image: Tensor, probabilities: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        background, foreground = probabilities[:, 0:1], probabilities[:, 1:2]
        evidence = torch.cat((image, probabilities, image * image, image * foreground), 1)
        coefficients = self.conv_2(torch.relu(self.norm(self.conv_1(evidence))))
        a, b, c = coefficients[:, 0:1], coefficients[:, 1:2], coefficients[:, 2:3]
        return torch.sigmoid(a * foreground + b * background + c), a, b, c


def with_feathering(state: Mapping[str, Tensor], first: str, norm: str, second: str) -> dict[str, Tensor]:
    """The state dict with the published names of the block's three layers replaced by ours."""
    names = {first: "feathering.conv_1", norm: "feathering.norm", second: "feathering.conv_2"}
    renamed = {}
    for key, value in state.items():
        layer, _, rest = key.partition(".")
        renamed[f"{names.get(layer, layer)}.{rest}"] = value
    return renamed
