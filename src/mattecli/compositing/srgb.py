"""The mixing of encoded colours, sRGB unless said otherwise, for arrays and tensors of float32 in 0..1."""

from typing import Any, Protocol, TypeVar

from mattecli.io.pictures.transfer import from_light, to_light

Values = TypeVar("Values", bound=Any)


class Encoding(Protocol):
    """How colours [..., 3] are encoded."""

    def to_light(self, encoded: Any) -> Any: ...

    def from_light(self, light: Any) -> Any: ...


class _Srgb:
    def to_light(self, encoded: Any) -> Any:
        return to_light(encoded)

    def from_light(self, light: Any) -> Any:
        return from_light(light)


SRGB = _Srgb()


def mixed(front: Values, share: Values, behind: Values, *, linear: bool, encoding: Encoding = SRGB) -> Values:
    """Encoded colours of which `front` has a share in 0..1: mixed as light, or as encoded values."""
    if linear:
        light: Values = mixed(encoding.to_light(front), share, encoding.to_light(behind), linear=False)
        encoded: Values = encoding.from_light(light)
        return encoded
    return share * front + (1 - share) * behind
