"""Random numbers for a batch, drawn on its device and reproducible from a seed."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def seed_of(*numbers: int) -> int:
    """A seed derived from these numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


class Random:
    """Draws one number for each of `count` pictures: [count, channels, 1, 1], by default [count, 1, 1, 1]."""

    def __init__(self, count: int, seed: int, device: torch.device) -> None:
        self.count, self.device = count, device
        self._generator = torch.Generator(device).manual_seed(seed)

    def uniform(self, least: float, most: float, channels: int = 1) -> Tensor:
        """Uniform from `least` to `most`."""
        return least + (most - least) * torch.rand(self.count, channels, 1, 1, generator=self._generator, device=self.device)

    def scale(self, least: float, most: float) -> Tensor:
        """Log-uniform factors from `least` to `most`."""
        return torch.exp(self.uniform(math.log(least), math.log(most)))

    def normal(self, deviation: float, channels: int = 1) -> Tensor:
        """Normal, with mean 0."""
        return deviation * torch.randn(self.count, channels, 1, 1, generator=self._generator, device=self.device)

    def bernoulli(self, chance: float) -> Tensor:
        """1.0 with probability `chance`, else 0.0."""
        return (self.uniform(0.0, 1.0) < chance).float()

    def choices(self, count: int) -> Tensor:
        """A uniform index below `count` for each picture, [count] int64."""
        return torch.randint(count, (self.count,), generator=self._generator, device=self.device)

    def smooth_fields(self, cells: int, size: int) -> Tensor:
        """Smooth random planes [count, 1, size, size] with mean 0: `cells` x `cells` normal values, interpolated bicubically."""
        grid = torch.randn(self.count, 1, cells, cells, generator=self._generator, device=self.device)
        return F.interpolate(grid, size=[size, size], mode="bicubic", align_corners=False)

    def noise(self, like: Tensor) -> Tensor:
        """Normal noise of standard deviation 1 in a tensor's shape."""
        return torch.randn(like.shape, generator=self._generator, device=self.device)
