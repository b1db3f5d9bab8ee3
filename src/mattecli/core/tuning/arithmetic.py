"""Global settings of torch that decide what a GPU computes, made for the time of a call and restored after it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_turn = threading.Condition()
_inside: list[str] = []  # the precisions of the calls that are going on, all alike
_before: list[tuple[str, bool, bool]] = []


@contextmanager
def rounding_as(precision: str) -> Iterator[None]:
    """In the block a GPU multiplies float32 as a precision means it: all 24 bits in fp32, the first 11 in tf32.

    cuDNN's convolutions would otherwise round to 11 bits unasked. TorchScript's own kernels are off, which are compiled anew for picture
    after picture of another size, for seconds. These are settings of the whole process: calls in other precisions wait, and what the
    settings were is restored when the last call ends.
    """
    with _turn:
        _turn.wait_for(lambda: precision in _inside or not _inside)
        if not _inside:
            _before.append((torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, torch._C._jit_texpr_fuser_enabled()))
            _set("high" if precision == "tf32" else "highest", precision == "tf32", False)
        _inside.append(precision)
    try:
        yield
    finally:
        with _turn:
            _inside.pop()
            if not _inside:
                _set(*_before.pop())
            _turn.notify_all()


def _set(matmul: str, tf32: bool, fuser: bool) -> None:
    torch.set_float32_matmul_precision(matmul)
    torch.backends.cudnn.allow_tf32 = tf32
    torch._C._jit_set_texpr_fuser_enabled(fuser)
