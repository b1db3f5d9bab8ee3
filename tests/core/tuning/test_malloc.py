"""Freed memory is found again without asking the system."""

import os
import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
from mattecli.core.tuning import malloc

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(16 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

malloc.keep()
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the heap is set up for glibc alone")
@pytest.mark.parametrize("threshold", [None, "65536"])
def test_memory_is_reused_between_pictures_unless_the_environment_configures_malloc(threshold: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    if threshold is not None:
        environment["MALLOC_MMAP_THRESHOLD_"] = threshold
    told = subprocess.run([sys.executable, "-c", FAULTS], env=environment, capture_output=True, text=True, check=True).stdout
    assert (int(told) < 4) is (threshold is None)
