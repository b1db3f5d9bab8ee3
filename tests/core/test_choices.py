"""Choices are checked by name, before anything is loaded."""

import pytest

from mattecli.core.choices import check_device, check_precision, checked_options
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
    for options, said in (({"side": "much"}, "such as 320"), ({"breadth": 3}, "no option 'breadth'")):
        with pytest.raises(UsageError, match=said):
            checked_options(subject, options)
