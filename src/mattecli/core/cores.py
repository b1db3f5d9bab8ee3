"""The processor's cores and a GPU's streams, shared out among pictures that are matted at the same time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from mattecli.core.runtime import Device

# Each picture more takes a model's memory once more, and from here on hardly saves time.
MOST = 4
# One is on its way to or from the GPU while the other is computed.
ON_GPU = 2

_of_this_thread = threading.local()


def pictures_at_once(device: Device) -> int:
    """How many pictures to matte at the same time: on a processor one a core.

    Two pictures on a core each take less time than one after the other on both: no core waits for another at the end of each layer,
    and what is read, composed and written beside them takes time from one picture instead of from both cores.
    """
    if device.torch.type == "cpu":
        return min(torch.get_num_threads(), MOST)
    return ON_GPU if device.torch.type == "cuda" else 1


@contextmanager
def shared_out(pictures: int) -> Iterator[None]:
    """In here, threads that are begun have their share of the cores for each of so many pictures at once."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before // pictures))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def own_stream(device: Device) -> Iterator[None]:
    """In here, a GPU does this thread's work beside that of other threads; wait for it before other threads use the result."""
    if device.torch.type != "cuda":
        yield
        return
    if not hasattr(_of_this_thread, "stream"):
        _of_this_thread.stream = torch.cuda.Stream(device.torch)
    stream = _of_this_thread.stream
    stream.wait_stream(torch.cuda.default_stream(device.torch))  # on which the weights were brought there
    with torch.cuda.stream(stream):
        yield
