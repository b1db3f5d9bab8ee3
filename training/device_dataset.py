"""A pool's examples in device memory, because disk and CPU are too slow for a GPU's steps."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
from torch import Tensor

from training.coarse import coarse_mattes
from training.pool import READERS, ExamplePool, opened, picked, stacked, unpacked

BLOCK = 64
"""Examples that are read, and whose closed-form mattes are made, at once."""


class DeviceDataset:
    """Examples as stored in their files, except mattes, which are float16: planes [N, C, S, S] by name."""

    def __init__(self, pool: ExamplePool, device: torch.device) -> None:
        self.pool, self.device = pool, device
        self.planes: dict[str, Tensor] = {}
        self.count = 0

    def take(self, known: int) -> None:
        """Load the missing ones of the pool's first `known` examples, in whole blocks, so that mattes are reproducible."""
        with ThreadPoolExecutor(READERS) as readers:
            for first in range(self.count - self.count % BLOCK, known, BLOCK):
                block = readers.map(partial(opened, self.pool), range(first, min(first + BLOCK, known)))
                self._put(first, stacked(list(block)), known)
        self.count = known

    def batch(self, number: int) -> dict[str, Tensor]:
        """The batch of this number, name -> float32 [B, C, S, S] in 0..1."""
        chosen = torch.from_numpy(picked(self.pool.run, number, self.count)).to(self.device)
        return unpacked({name: planes[chosen] for name, planes in self.planes.items()}, self.device)

    def _put(self, first: int, block: dict[str, Tensor], known: int) -> None:
        kept = {name: levels.to(self.device) for name, levels in block.items() if levels.dtype == torch.uint8}
        seen = unpacked(block, self.device)
        kept |= {name: seen[name].half() for name in block if name not in kept}
        if self.pool.coarse_is_made_later:
            kept["coarse"] = coarse_mattes(seen["image"], seen["trimap"]).half()
        for name, planes in kept.items():
            self.planes[name] = _with_room(self.planes.get(name, planes[:0]), max(known, self.pool.run.data.pool))
            self.planes[name][first : first + len(planes)] = planes


def _with_room(planes: Tensor, count: int) -> Tensor:
    """The planes with room for `count` of them."""
    if len(planes) >= count:
        return planes
    roomy = planes.new_empty(count, *planes.shape[1:])
    roomy[: len(planes)] = planes
    return roomy
