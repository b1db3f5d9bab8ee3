"""CPU threads and CUDA streams for pictures that are matted concurrently."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

from mattecli.core.runtime import Device

# Each further picture takes a model's memory once more and hardly saves time.
MOST = 4
# One frame of a clip is copied to or from the GPU while the other is computed.
FRAMES_ON_GPU = 2

_of_this_thread = threading.local()
_one_at_a_time = threading.Lock()


def frames_at_once(device: Device) -> int:
    """The number of frames of a clip to matte concurrently: on a CPU one per core.

    One core for each of two pictures is faster than both cores for one after the other: cores do not wait for each other after every
    layer, and concurrent reading, composing and writing slow down only one picture.
    """
    if device.torch.type == "cpu":
        return min(torch.get_num_threads(), MOST)
    return FRAMES_ON_GPU if device.torch.type == "cuda" else 1


def limit_threads(count: int) -> None:
    """Limit torch to `count` CPU threads in the calling thread only.

    torch.set_num_threads also sets the default of threads that have not used torch yet, so that is restored at once.
    """
    if torch.get_num_threads() == count:
        return
    with _one_at_a_time, ThreadPoolExecutor(1) as other:
        default = other.submit(torch.get_num_threads).result()
        torch.set_num_threads(count)
        other.submit(torch.set_num_threads, default).result()


@contextmanager
def own_stream(device: Device) -> Iterator[None]:
    """Run the block on a CUDA stream of this thread; synchronise it before another thread reads the result. No effect on a CPU."""
    if device.torch.type != "cuda":
        yield
        return
    if not hasattr(_of_this_thread, "stream"):
        _of_this_thread.stream = torch.cuda.Stream(device.torch)
    stream = _of_this_thread.stream
    stream.wait_stream(torch.cuda.default_stream(device.torch))  # on which the weights were brought there
    with torch.cuda.stream(stream):
        yield
