"""A pool's examples on the device, where every step takes its batch: a disk and a processor are too slow for a GPU."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
from torch import Tensor

from training.coarse import coarse_mattes
from training.pool import READERS, Maker, opened, picked, stacked, unpacked

BLOCK = 64
"""So many are read, and their closed-form mattes made, at once."""


class Shelf:
    """Examples as they lie in their files, but for the mattes, which are float16: planes [N, C, S, S] by name."""

    def __init__(self, maker: Maker, device: torch.device) -> None:
        self.maker, self.device = maker, device
        self.planes: dict[str, Tensor] = {}
        self.count = 0

    def take(self, known: int) -> None:
        """Takes in what is missing of the first `known` examples of the pool, in whole blocks, that each matte be the same whenever."""
        with ThreadPoolExecutor(READERS) as readers:
            for first in range(self.count - self.count % BLOCK, known, BLOCK):
                block = readers.map(partial(opened, self.maker), range(first, min(first + BLOCK, known)))
                self._put(first, stacked(list(block)), known)
        self.count = known

    def batch(self, number: int) -> dict[str, Tensor]:
        """The batch of this number, name -> float32 [B, C, S, S] in 0..1."""
        chosen = torch.from_numpy(picked(self.maker.run, number, self.count)).to(self.device)
        return unpacked({name: planes[chosen] for name, planes in self.planes.items()}, self.device)

    def _put(self, first: int, block: dict[str, Tensor], known: int) -> None:
        kept = {name: levels.to(self.device) for name, levels in block.items() if levels.dtype == torch.uint8}
        seen = unpacked(block, self.device)
        kept |= {name: seen[name].half() for name in block if name not in kept}
        if self.maker.coarse_is_made_later:
            kept["coarse"] = coarse_mattes(seen["image"], seen["trimap"]).half()
        for name, planes in kept.items():
            self.planes[name] = _with_room(self.planes.get(name, planes[:0]), max(known, self.maker.run.data.pool))
            self.planes[name][first : first + len(planes)] = planes


def _with_room(planes: Tensor, count: int) -> Tensor:
    """The planes, the first of `count`, where there is no room for as many yet."""
    if len(planes) >= count:
        return planes
    roomy = planes.new_empty(count, *planes.shape[1:])
    roomy[: len(planes)] = planes
    return roomy
