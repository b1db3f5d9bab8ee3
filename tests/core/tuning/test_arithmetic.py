"""Settings of torch hold for the calls that need them, and are put back after the last of them."""

import threading

import torch

from mattecli.core.tuning.arithmetic import rounding_as


def _settings() -> tuple[str, bool, bool]:
    return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, torch._C._jit_texpr_fuser_enabled()


def test_tf32_is_enabled_within_its_call_only_and_restored() -> None:
    before = _settings()
    with rounding_as("tf32"), rounding_as("tf32"):
        assert _settings() == ("high", True, False)
    assert _settings() == before
    with rounding_as("fp32"):
        assert _settings() == ("highest", False, False)
    assert _settings() == before


def test_a_call_in_another_precision_waits() -> None:
    entered = threading.Event()

    def call() -> None:
        with rounding_as("fp32"):
            entered.set()

    other = threading.Thread(target=call)
    with rounding_as("tf32"):
        other.start()
        assert not entered.wait(0.05)
    other.join(60)
    assert entered.is_set()
