"""The closed-form matte from which this project's networks start: of one example on a CPU, or of many at once on a GPU."""

import math
import warnings
from zlib import crc32

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mattecli.nets.fusion import coarse_matte as closed_form

EPSILONS = (1e-8, 1e-6)
"""What models.toml says for photos from lossless and from lossy files."""

GAP = 2
"""Pixels between the pictures of a mosaic, so that no window of 3 x 3 touches two of them."""

FAR = -9.0
"""The colour of these gaps. Alpha is affine in colour within a window, so what is known of a colour that far off binds no other."""


def coarse_matte(image: NDArray[np.float32], trimap: NDArray[np.float32]) -> NDArray[np.float32]:
    """The closed-form matte [H, W], of one in two with the epsilon that suits lossy files: the trimap's bytes say which."""
    epsilon = EPSILONS[crc32(trimap.tobytes()) % 2]
    return _solved(torch.from_numpy(image).permute(2, 0, 1)[None], torch.from_numpy(trimap)[None, None], epsilon)[0, 0].numpy()


def coarse_mattes(images: Tensor, trimaps: Tensor) -> Tensor:
    """The closed-form mattes [B, 1, S, S] of pictures [B, 3, S, S] and trimaps [B, 1, S, S] in 0..1, every second with each epsilon."""
    mattes = torch.empty_like(trimaps)
    for start, epsilon in enumerate(EPSILONS):
        pictures, known = images[start::2], trimaps[start::2]
        if len(pictures):
            solved = _solved(mosaic(pictures, FAR), mosaic(known, 0.0), epsilon)
            mattes[start::2] = taken_apart(solved, len(pictures), known.shape[2])
    return mattes


def mosaic(planes: Tensor, between: float) -> Tensor:
    """Planes [B, C, S, S] side by side in rows with gaps of a colour between, as one picture [1, C, H, W]."""
    count, channels, side, _ = planes.shape
    across = math.ceil(math.sqrt(count))
    down = math.ceil(count / across)
    padded = F.pad(planes, [0, GAP, 0, GAP, 0, 0, 0, down * across - count], value=between)
    tiles = padded.view(down, across, channels, side + GAP, side + GAP).permute(2, 0, 3, 1, 4)
    return tiles.reshape(1, channels, down * (side + GAP), across * (side + GAP))


def taken_apart(picture: Tensor, count: int, side: int) -> Tensor:
    """The first planes [count, C, side, side] of a mosaic."""
    channels, step = picture.shape[1], side + GAP
    tiles = picture.view(channels, picture.shape[2] // step, step, picture.shape[3] // step, step).permute(1, 3, 0, 2, 4)
    return tiles.reshape(-1, channels, step, step)[:count, :, :side, :side]


@torch.no_grad()
def _solved(image: Tensor, trimap: Tensor, epsilon: float) -> Tensor:
    with torch.autocast(image.device.type, enabled=False), warnings.catch_warnings():  # torch warns that its sparse tensors are in beta
        warnings.filterwarnings("ignore", message="Sparse", category=UserWarning)
        return closed_form(image, trimap, epsilon)
