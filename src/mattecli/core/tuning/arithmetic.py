"""torch's global settings of a GPU's arithmetic, set for the duration of a call and restored after it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_turn = threading.Condition()
_inside: list[str] = []  # the precision of each running call; all are equal
_before: list[tuple[str, bool, bool]] = []


@contextmanager
def rounding_as(precision: str) -> Iterator[None]:
    """In the block a GPU multiplies float32 with the precision's mantissa: 24 bits in fp32, 11 in tf32.

    By default cuDNN's convolutions use 11 bits. TorchScript's fuser is off, because it compiles for seconds at every new picture size. The
    settings hold for the whole process, so calls in other precisions wait; the previous settings are restored when the last call ends.
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
