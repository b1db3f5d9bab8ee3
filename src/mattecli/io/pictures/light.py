"""Pictures of floats: linear scene light of any brightness, and its sRGB copy for models and screens."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattecli.io.pictures.transfer import from_light, to_light

Floats = NDArray[np.float32]

REC_709 = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
"""Rec. 709's and sRGB's chromaticities: x and y of red, green, blue and white."""
LARGEST_HALF = 65504.0
_ALIKE = 2e-3
# Lam's cone responses, by which Bradford's adaptation scales white into white (ICC.1, annex E).
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@dataclass(frozen=True)
class Light:
    """Linear light, upright.

    colours: float32 [H, W, 3], premultiplied; 1 is a screen's white. alpha: float32 [H, W] in 0..1, or None
    for an opaque picture. chromaticities: x and y of red, green, blue and white, or None for those of Rec. 709.
    """

    colours: Floats
    alpha: Floats | None = None
    chromaticities: tuple[float, ...] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)"""
        return self.colours.shape[0], self.colours.shape[1]

    @property
    def straight(self) -> Floats:
        """The colours divided by alpha, [H, W, 3]; unchanged where alpha is 0."""
        if self.alpha is None:
            return self.colours
        return np.asarray(self.colours / np.where(self.alpha > 0, self.alpha, 1)[..., None], np.float32)

    def within(self, chromaticities: tuple[float, ...] | None) -> "Light":
        """The same light in other chromaticities; None for those of Rec. 709."""
        matrix = between(self.chromaticities, chromaticities)
        changed = self.colours if matrix is None else np.asarray(self.colours @ matrix.T, np.float32)
        return replace(self, colours=changed, chromaticities=chromaticities)


def shown(light: Light) -> NDArray[np.uint16]:
    """Light as a screen shows it, [H, W, 3] or with straight alpha [H, W, 4]: sRGB in 16 bits, clipped at white."""
    seen = light.within(None)
    return _levels(from_light(seen.straight.clip(0, 1)), seen.alpha)


def counted(light: Light) -> NDArray[np.uint16]:
    """The numbers of a picture without colours (a matte, a trimap), scaled linearly to 16-bit levels."""
    return _levels(light.straight, light.alpha)


def light_of(levels: NDArray[np.unsignedinteger[Any]], alpha: NDArray[np.unsignedinteger[Any]] | None) -> Light:
    """sRGB levels [H, W, 3] and their straight alpha [H, W] as light."""
    top = np.float32(np.iinfo(levels.dtype).max)
    colours = np.asarray(to_light(levels / top), np.float32)
    if alpha is None:
        return Light(colours)
    share = np.asarray(alpha / top, np.float32)
    return Light(colours * share[..., None], share)


def mended(planes: Floats) -> tuple[Floats, int]:
    """Floats with NaN replaced by 0 and infinities by the largest half-precision number; and how many there were."""
    bad = int(np.count_nonzero(~np.isfinite(planes)))
    return (np.nan_to_num(planes, nan=0.0, posinf=LARGEST_HALF, neginf=0.0) if bad else planes), bad


def between(source: tuple[float, ...] | None, target: tuple[float, ...] | None) -> NDArray[np.float64] | None:
    """The matrix [3, 3] from RGB of some chromaticities to RGB of others, mapping white to white; None where they are equal."""
    first, second = np.array(source or REC_709), np.array(target or REC_709)
    if np.abs(first - second).max() < _ALIKE:
        return None
    white, wanted = (_BRADFORD @ _xyz(*chromaticities[6:]) for chromaticities in (first, second))
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(wanted / white) @ _BRADFORD
    return np.linalg.inv(_to_xyz(second)) @ adapted @ _to_xyz(first)


def are_sound(chromaticities: tuple[float, ...]) -> bool:
    """Whether chromaticities are linearly independent."""
    try:
        spanned = _to_xyz(np.array(chromaticities))
    except (np.linalg.LinAlgError, ZeroDivisionError, ValueError):
        return False
    return bool(np.isfinite(spanned).all() and abs(np.linalg.det(spanned)) > 1e-6)


def _to_xyz(chromaticities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix from RGB to XYZ (SMPTE RP 177)."""
    red, green, blue, white = (_xyz(*chromaticities[place : place + 2]) for place in (0, 2, 4, 6))
    primaries = np.stack([red, green, blue], axis=1)
    return primaries * np.linalg.solve(primaries, white)


def _xyz(x: float, y: float) -> NDArray[np.float64]:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _levels(colours: Any, alpha: Floats | None) -> NDArray[np.uint16]:
    return sixteen_bit(colours if alpha is None else np.dstack([colours, alpha]))


def sixteen_bit(values: Any) -> NDArray[np.uint16]:
    """Floats, clipped to 0..1, as 16-bit levels."""
    return np.rint(values.clip(0, 1) * np.float32(65535)).astype(np.uint16)
