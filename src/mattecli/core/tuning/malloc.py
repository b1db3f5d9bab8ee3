"""The C library's heap: kept between pictures instead of given back to the system after each tensor, unless memory is short."""

import contextlib
import ctypes
import os

# From glibc's malloc.h.
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
# The most that glibc takes. What is larger, as most tensors of a 4K picture are, comes from the system each time: kept, memory in pieces
# that do not fit the next tensor would double the peak.
KEPT_BYTES = 32 << 20


def keep() -> None:
    """Keep freed memory in the process, in one arena for all threads, so that the next picture reuses it.

    By itself glibc asks the system for each tensor anew, which clears every page of it: a tenth of a network's time at 1080p. Other C
    libraries are left as they are, and so is a heap that the environment sets up (MALLOC_...).
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return
    with contextlib.suppress(AttributeError, OSError, TypeError):  # TypeError: on Windows nothing can be opened so
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(ARENA_MAX, 1)
        mallopt(MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(TRIM_THRESHOLD, -1)


def give_back() -> None:
    """Return all freed pages of the heap to the system; it takes milliseconds, and the next picture asks for them anew."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
