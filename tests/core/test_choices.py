"""Choices are checked by name, before anything is loaded."""

import math

import pytest

from mattecli.core.choices import check_device, check_precision, checked_options
from mattecli.core.contract import Tunable
from mattecli.core.registry import registry
from mattecli.errors import UsageError


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cpu:1", "", "CUDA"])
def test_an_unknown_device_is_refused_with_the_list(name: str) -> None:
    with pytest.raises(UsageError, match="cuda:N"):
        check_device(name)


def test_devices_and_precisions_that_exist_pass() -> None:
    for name in ("auto", "cpu", "cuda", "cuda:1", "mps"):
        check_device(name)
    for name in ("auto", "fp32", "tf32", "fp16", "bf16"):
        check_precision(name)
    with pytest.raises(UsageError, match="fp32"):
        check_precision("fp13")


def test_tunables_have_the_types_of_their_defaults() -> None:
    subject = registry().find("subject")
    assert checked_options(subject, {"side": "288"}) == {"side": 288}
    with pytest.raises(UsageError, match="no option 'breadth'"):
        checked_options(subject, {"breadth": 3})


@pytest.mark.parametrize("value", ["much", "1_0", "\u0663", "-5", "1e9", "9" * 30, 2.7, "2.7", True, math.inf, math.nan, 10**30, ""])
def test_a_tunable_is_a_plain_number_in_bounds(value: Tunable) -> None:
    with pytest.raises(UsageError, match="side needs a value such as 320"):
        checked_options(registry().find("subject"), {"side": value})


def test_a_tunable_of_floats_may_be_small_and_no_infinity() -> None:
    model = registry().find("closed-form")
    assert checked_options(model, {"epsilon": "1e-6"}) == {"epsilon": 1e-6} and checked_options(model, {"epsilon": 0}) == {"epsilon": 0.0}
    for value in ("1e400", "nan", "inf"):
        with pytest.raises(UsageError, match="epsilon needs a value"):
            checked_options(model, {"epsilon": value})
