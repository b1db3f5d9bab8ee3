"""A TorchScript file as its authors published it, adapted to the contract in sizes and outputs only.

Parameters of each file, in models.toml: `multiple`, to which both sides are padded, and which of the outputs are the
alpha and the foreground. Written for the release files of BackgroundMattingV2 (github.com/PeterL1n/BackgroundMattingV2, v1.0.0), whose
forward(src, bgr) returns (pha, fgr, pha_sm, fgr_sm, err_sm, ref_sm) for RGB in 0..1 and sides that are multiples of 4.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CompleteAuthorsScript(nn.Module):
    __constants__ = ("alpha", "foreground", "multiple")
    number: Tensor

    def __init__(self, network: nn.Module, multiple: int, alpha: int, foreground: int) -> None:
        super().__init__()
        self.network = network
        self.multiple = multiple
        self.alpha = alpha
        self.foreground = foreground
        self.register_buffer("number", torch.zeros(()), persistent=False)  # carries the dtype of the weights

    def forward(self, image: Tensor, background: Tensor) -> tuple[Tensor, Tensor | None]:
        """Image and background [B, 3, H, W], RGB, 0..1 -> alpha [B, 1, H, W] and foreground [B, 3, H, W] in 0..1.

        A side shorter than 256 is padded to 256, because the file refines a fixed number of patches and fails where there are fewer.
        """
        height, width = image.shape[2], image.shape[3]
        below = max(256, height + (-height) % self.multiple) - height
        right = max(256, width + (-width) % self.multiple) - width
        padding = [0, right, 0, below]
        dtype = self.number.dtype
        outputs = self.network(F.pad(image, padding, mode="replicate").to(dtype), F.pad(background, padding, mode="replicate").to(dtype))
        alpha: Tensor = outputs[self.alpha].float()
        foreground: Tensor = outputs[self.foreground].float()
        return alpha[:, :, :height, :width].clamp(0.0, 1.0), foreground[:, :, :height, :width].clamp(0.0, 1.0)


def wrap(network: Any, *, multiple: int, alpha: int, foreground: int) -> CompleteAuthorsScript:
    """The loaded TorchScript module under the contract."""
    return CompleteAuthorsScript(network, multiple, alpha, foreground)
