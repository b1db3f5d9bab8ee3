"""The processor's cores, shared out among pictures that are matted at the same time."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from mattecli.core.runtime import Device

# Each picture more takes a model's memory once more, and from here on hardly saves time.
MOST = 4


def pictures_at_once(device: Device) -> int:
    """How many pictures to matte at the same time: on a processor one a core, while a GPU takes one after the other.

    Two pictures on a core each take less time than one after the other on both: no core waits for another at the end of each layer,
    and what is read, composed and written beside them takes time from one picture instead of from both cores.
    """
    return min(torch.get_num_threads(), MOST) if device.torch.type == "cpu" else 1


@contextmanager
def shared_out(pictures: int) -> Iterator[None]:
    """In here, threads that are begun have their share of the cores for each of so many pictures at once."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before // pictures))
    try:
        yield
    finally:
        torch.set_num_threads(before)
