"""The mixing of sRGB colours, for arrays and tensors of float32 in 0..1."""

from typing import Any, TypeVar

from mattecli.io.pictures.transfer import from_light, to_light

Values = TypeVar("Values", bound=Any)


def mixed(front: Values, share: Values, behind: Values, *, linear: bool) -> Values:
    """Encoded colours of which `front` has a share in 0..1: mixed as light, or as encoded values."""
    if linear:
        return from_light(mixed(to_light(front), share, to_light(behind), linear=False))
    return share * front + (1 - share) * behind
