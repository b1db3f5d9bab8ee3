"""Checks of what a person chooses by name: devices, precisions, a model's tunables. No torch, so that they come before any loading."""

import math
import re
from collections.abc import Mapping
from typing import Protocol

from mattecli.core.contract import Tunable
from mattecli.errors import UsageError

AUTO = "auto"
DEVICE_KINDS = ("cpu", "cuda", "mps")
PRECISION_NAMES = ("fp32", "tf32", "fp16", "bf16")
LARGEST = 10**7
"""The most that a tunable may be: sides, counts of pixels and weights are below it."""

_NUMBER = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{0,20})?(?:[eE][+-]?[0-9]{1,2})?")


class Tunables(Protocol):
    """What has tunables: the metadata of an export, or a model of the registry."""

    @property
    def name(self) -> str: ...
    @property
    def options(self) -> Mapping[str, Tunable]: ...


def check_device(name: str) -> None:
    """UsageError for a name that is no device's: auto, cpu, cuda, cuda:N or mps."""
    kind, _, index = name.partition(":")
    if name != AUTO and (kind not in DEVICE_KINDS or (":" in name and not (kind == "cuda" and index.isdecimal()))):
        raise UsageError(f"there is no device {name!r}; devices are auto, cpu, cuda, cuda:N and mps")


def check_precision(name: str) -> None:
    """UsageError for a name that is no precision's."""
    if name not in (AUTO, *PRECISION_NAMES):
        raise UsageError(f"there is no precision {name!r}; precisions are auto, fp32, tf32, fp16 and bf16")


def checked_options(model: Tunables, options: Mapping[str, Tunable]) -> dict[str, Tunable]:
    """The options converted to the declared types; UsageError naming the valid ones for an unknown name or a bad value."""
    checked: dict[str, Tunable] = {}
    for name, value in options.items():
        if name not in model.options:
            known = ", ".join(f"{key}={default}" for key, default in model.options.items()) or "none"
            raise UsageError(f"{model.name} has no option {name!r}; its options are: {known}")
        checked[name] = _as_type(name, value, model.options[name])
    return checked


def _as_type(name: str, value: Tunable, default: Tunable) -> Tunable:
    if isinstance(default, bool):
        if str(value).lower() not in ("true", "false"):
            raise UsageError(f"option {name} is true or false, not {value!r}")
        return str(value).lower() == "true"
    if isinstance(default, str):
        return str(value)
    number = _number(value)
    if number is None or number != type(default)(number) or not (0 if default >= 0 else -LARGEST) <= number <= LARGEST:
        raise UsageError(f"option {name} needs a value such as {default}, not {str(value)[:40]!r}")
    return type(default)(number)


def _number(value: Tunable) -> float | None:
    """A finite number, or the text of one; None for anything else."""
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value.strip()) else None
    return None if isinstance(value, bool) or not math.isfinite(value) else value
