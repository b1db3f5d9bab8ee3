"""Specs, weights, exports and the runtime that runs them."""

import os

# torch's threads spin while they wait for each other. On a machine that has other work to do, two spinning threads made closed-form
# matting ten times slower; waiting passively costs nothing measurable on an idle one. It must be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Large tensors in large pages, on Linux: a picture of 50 MB is 25 pages to fetch from the system instead of 12,000, which took a tenth
# of a network's time.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
