"""Random numbers for a batch, drawn on its device from one seed: the same seed gives the same numbers there."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def seed_of(*numbers: int) -> int:
    """A seed that only these numbers decide."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


class Dice:
    """Each throw gives every one of `count` pictures a number of its own: [count, *shape, 1, 1], by default [count, 1, 1, 1]."""

    def __init__(self, count: int, seed: int, device: torch.device) -> None:
        self.count, self.device = count, device
        self._generator = torch.Generator(device).manual_seed(seed)

    def uniform(self, least: float, most: float, channels: int = 1) -> Tensor:
        """Evenly from `least` to `most`."""
        return least + (most - least) * torch.rand(self.count, channels, 1, 1, generator=self._generator, device=self.device)

    def scale(self, least: float, most: float) -> Tensor:
        """Factors from `least` to `most`, halving as likely as doubling."""
        return torch.exp(self.uniform(math.log(least), math.log(most)))

    def normal(self, deviation: float, channels: int = 1) -> Tensor:
        """Around 0."""
        return deviation * torch.randn(self.count, channels, 1, 1, generator=self._generator, device=self.device)

    def often(self, chance: float) -> Tensor:
        """1.0 with this chance, else 0.0."""
        return (self.uniform(0.0, 1.0) < chance).float()

    def picks(self, count: int) -> Tensor:
        """One of so many things for each picture, [count] int64."""
        return torch.randint(count, (self.count,), generator=self._generator, device=self.device)

    def hills(self, cells: int, size: int) -> Tensor:
        """Smooth random planes [count, 1, size, size] around 0, about `cells` hills along a side."""
        grid = torch.randn(self.count, 1, cells, cells, generator=self._generator, device=self.device)
        return F.interpolate(grid, size=[size, size], mode="bicubic", align_corners=False)

    def grains(self, like: Tensor) -> Tensor:
        """Noise of standard deviation 1 for each value of a tensor."""
        return torch.randn(like.shape, generator=self._generator, device=self.device)
