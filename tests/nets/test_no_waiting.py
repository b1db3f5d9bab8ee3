"""What a network is asked on a GPU it does without making the host wait: no value is read back, nothing is fetched from the host.

A tensor on torch's device "meta" has a shape and no values, so reading one is an error; and every tensor that is not there is noticed.
"""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mattecli.core.contract import Tunable
from mattecli.core.random_weights import build_random
from mattecli.core.registry import registry

NETWORKS = ["modnet", "shm-fast", "shm", "fdm-erd", "fdm", "dim", "dim-skip", "dim-foamliu", "mmnet", "hattmatting"]
CASES = [(name, {}) for name in ["bgmv2", *NETWORKS]] + [("bgmv2", {"mode": "full"})]


class Strangers(TorchDispatchMode):
    """Notes the operators that take or give a tensor that lies on the host."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if any(isinstance(leaf, torch.Tensor) and leaf.device.type == "cpu" for leaf in tree_leaves((args, kwargs, result))):
            self.found.add(str(func))
        return result


def _ask(name: str, options: dict[str, Tunable], dtype: torch.dtype = torch.float32) -> tuple[torch.Size, set[str]]:
    spec = registry().models[name]
    with torch.device("meta"):
        model = build_random(spec).to("meta").to(dtype)
    image, plane = torch.empty(2, 3, 135, 241, device="meta"), torch.empty(2, 1, 135, 241, device="meta")
    guides = {"trimap": plane, "mask": plane, "background": image}
    with torch.inference_mode(), Strangers() as strangers:
        alpha, _ = model(image, *(guides[guide] for guide in spec.guides), **options)
    return alpha.shape, strangers.found


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=["float32", "float16"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=[" ".join([name, *map(str, options.values())]) for name, options in CASES])
def test_a_network_never_makes_the_host_wait(name: str, options: dict[str, Tunable], dtype: torch.dtype) -> None:
    assert _ask(name, options, dtype) == ((2, 1, 135, 241), set())


def test_a_solver_that_tests_its_progress_synchronises_and_is_detected() -> None:
    with pytest.raises(RuntimeError, match=r"[Mm]eta"):
        _ask("closed-form", {})
    with pytest.raises(RuntimeError, match=r"[Mm]eta"):
        _ask("bgmv2", {"mode": "thresholding"})
