"""Specs, weights, exports and the runtime that runs them."""

import os

# torch's threads spin while they wait for each other. On a machine that has other work to do, two spinning threads made closed-form
# matting ten times slower; waiting passively costs nothing measurable on an idle one. It must be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
