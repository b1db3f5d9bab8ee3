"""glibc's heap: freed memory is kept between pictures, instead of returned to the system after each tensor, unless memory is short."""

import contextlib
import ctypes
import os

# From glibc's malloc.h.
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
# The largest threshold that glibc accepts. Larger blocks, such as most tensors of a 4K picture, are allocated by mmap each time: kept in
# the heap, fragmentation would double the peak.
KEPT_BYTES = 32 << 20


def keep() -> None:
    """Keep freed memory in the process, in one arena for all threads, so that the next picture reuses it.

    By default glibc allocates each tensor from the system, which clears every page: a tenth of a network's time at 1080p. No effect with
    other C libraries, or when the environment configures the heap (MALLOC_...).
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return
    with contextlib.suppress(AttributeError, OSError, TypeError):  # TypeError: on Windows
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(ARENA_MAX, 1)
        mallopt(MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(TRIM_THRESHOLD, -1)


def give_back() -> None:
    """Return all freed pages of the heap to the system, which takes milliseconds."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
