"""The transfer function of sRGB (IEC 61966-2-1), for arrays and tensors of floats; light above 1 continues along the same curve."""

from typing import Any, TypeVar

import numpy as np

Values = TypeVar("Values", bound=Any)


def to_light(encoded: Values) -> Values:
    """Encoded sRGB values as light."""
    return _where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def from_light(light: Values) -> Values:
    """Light as encoded sRGB values."""
    return _where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def _where(condition: Any, one: Any, other: Any) -> Any:
    return np.where(condition, one, other) if isinstance(one, np.ndarray) else one.where(condition, other)
