"""Options with a fixed set of words, shown by --help and completed by bash and zsh."""

from collections.abc import Callable
from typing import Any

from mattecli.core.choices import AUTO, DEVICE_KINDS, PRECISION_NAMES
from mattecli.core.registry import registry

Shown = dict[str, Any]
"""Arguments of typer.Option."""

SCREENS = ("green", "blue", "auto", "white", "black")
ON_OFF = ("on", "off")
PRECISIONS = (AUTO, *PRECISION_NAMES)


def one_of(*words: str, beside: str = "") -> Shown:
    """An option that takes one of these words, or a value that `beside` names in capitals, such as "#HEX"."""
    return {"metavar": "|".join([*words, *([beside] if beside else [])]), "autocompletion": lambda: list(words)}


def a_device() -> Shown:
    """An option that takes a device."""
    return one_of(AUTO, *DEVICE_KINDS, beside="cuda:N")


def model_or(*words: str, metavar: str) -> Shown:
    """An option that takes a model's name or one of these words."""
    return {"metavar": metavar, "autocompletion": model_names(*words)}


def model_names(*words: str) -> Callable[[], list[str]]:
    """A function that returns these words and the names of all models."""
    return lambda: [*words, *registry().models]


def refiner_names() -> list[str]:
    """The names of the models that refine a coarse matte, with "auto" and "none"."""
    return ["auto", "none", *(name for name, spec in registry().models.items() if tuple(spec.guides) == ("trimap",))]
