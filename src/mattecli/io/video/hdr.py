"""PQ and HLG video (ITU-R BT.2100) as light, and as the SDR copy for models, plates and screens.

Light is display light in the clip's own primaries, 1 being the white of SDR pictures: 203 cd/m2 (ITU-R BT.2408), which is 58 % of PQ's
signal and 75 % of HLG's on a display of 1000 cd/m2. The copy has Rec. 709's primaries and BT.1886's curve. Up to three quarters of white
it equals the light; above, the brightest channel is rolled off towards white along a hyperbola (after Reinhard et al., 2002) and the
others keep their ratio to it, which preserves hues and makes the mapping invertible.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mattecli.io.clip_types import Colour
from mattecli.io.pictures.transfer import to_light as light_of_srgb

Plane = NDArray[np.float32]
Levels = NDArray[np.unsignedinteger[Any]]

WHITE = 203.0
PEAKS = {16: 10_000.0, 18: 1000.0}
"""Peak luminance in cd/m2, by the transfer characteristics of H.273."""
HLG, REC_709 = 18, 1
SDR = Colour(matrix=1, primaries=1, transfer=1, full_range=False)

KNEE = 0.75
DISPLAY_GAMMA = 2.4  # BT.1886
_SYSTEM_GAMMA = 1.2  # of HLG at 1000 cd/m2
_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073
_TO_709 = np.array([[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]])
"""BT.2020's primaries to BT.709's (ITU-R BT.2407, section 2)."""


@dataclass(frozen=True)
class Hdr:
    """The colours of a clip whose transfer characteristics are PQ's (16) or HLG's (18). Arrays have R, G and B last: [..., 3]."""

    colour: Colour

    def to_light(self, encoded: Any) -> Plane:
        """Encoded values in 0..1 as light."""
        values = np.asarray(encoded, np.float32)
        return self._displayed(_scene_light(values) if self._is_hlg else _pq_light(values))

    def from_light(self, light: Any) -> Plane:
        """Light as encoded values, 0..1, clipped at the system's peak."""
        values = np.asarray(light, np.float32).clip(0, self._peak)
        if not self._is_hlg:
            shared = (values * np.float32(WHITE / PEAKS[16])) ** np.float32(_M1)
            return np.asarray(((_C1 + _C2 * shared) / (1 + _C3 * shared)) ** _M2, np.float32)
        seen = values * np.float32(WHITE / PEAKS[HLG])
        luminance = np.maximum(seen @ _LUMINANCE, 1e-9)[..., None]
        scene = (seen * luminance ** np.float32((1 - _SYSTEM_GAMMA) / _SYSTEM_GAMMA)).clip(0, 1)
        upper = _A * np.log(np.maximum(12 * scene - _B, 1e-9)) + _C
        return np.asarray(np.where(scene <= 1 / 12, np.sqrt(3 * scene), upper), np.float32)

    def to_sdr(self, levels: Levels) -> Levels:
        """The SDR copy of levels [H, W, 3], in their dtype."""
        light = self._within_709(self._displayed(self._table(levels.dtype)[levels]))
        brightest = light.max(axis=-1, keepdims=True)
        light *= _rolled_off(brightest) / np.maximum(brightest, 1e-9)
        return _looked_up(_encoded_sdr(levels.dtype), light)

    def from_sdr(self, copy: Any) -> Plane:
        """Encoded values of the clip, 0..1, for values [..., 3] of its SDR copy."""
        light = np.asarray(copy, np.float32).clip(0, 1) ** np.float32(DISPLAY_GAMMA)
        brightest = light.max(axis=-1, keepdims=True)
        light = light * (_rolled_on(brightest, self._peak) / np.maximum(brightest, 1e-9))
        return self.from_light(self._from_709(light))

    def from_srgb(self, picture: Any) -> Plane:
        """Encoded values of the clip for those of an SDR picture [..., 3], whose white is WHITE (BT.2408)."""
        return self.from_light(self._from_709(np.asarray(light_of_srgb(np.asarray(picture, np.float32)), np.float32)))

    @property
    def _is_hlg(self) -> bool:
        return self.colour.transfer == HLG

    @property
    def _peak(self) -> float:
        return PEAKS[self.colour.transfer] / WHITE

    def _displayed(self, light: Plane) -> Plane:
        """PQ's light unchanged; HLG's scene light as a display of 1000 cd/m2 shows it."""
        if not self._is_hlg:
            return light
        luminance = np.maximum(light @ _LUMINANCE, 0)[..., None]
        return np.asarray(light * luminance ** np.float32(_SYSTEM_GAMMA - 1) * np.float32(PEAKS[HLG] / WHITE), np.float32)

    def _within_709(self, light: Plane) -> Plane:
        return np.asarray(np.maximum(_mixed(light, self._matrix), 0), np.float32)

    def _from_709(self, light: Plane) -> Plane:
        return _mixed(light, np.linalg.inv(self._matrix))

    @cached_property
    def _matrix(self) -> NDArray[np.float64]:
        return np.eye(3) if self.colour.primaries == REC_709 else _TO_709

    def _table(self, dtype: Any) -> Plane:
        """The light of each level, before HLG's channels are weighed against each other."""
        values = np.linspace(0, 1, np.iinfo(dtype).max + 1, dtype=np.float32)
        return _scene_light(values) if self._is_hlg else _pq_light(values)


def hdr_of(colour: Colour) -> Hdr | None:
    """The system of a clip's colours; None for SDR."""
    return None if colour.hdr is None else Hdr(colour)


def as_sdr(colour: Colour) -> Colour:
    """The tags of the SDR copy: BT.709, in the range of the clip."""
    return replace(SDR, full_range=colour.full_range)


def _pq_light(encoded: Plane) -> Plane:
    root = encoded ** np.float32(1 / _M2)
    return np.asarray((np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1) * (PEAKS[16] / WHITE), np.float32)


def _scene_light(encoded: Plane) -> Plane:
    return np.asarray(np.where(encoded <= 0.5, encoded**2 / 3, (np.exp((encoded - _C) / _A) + _B) / 12), np.float32)


def _rolled_off(light: Plane) -> Plane:
    above = (light - KNEE) / (1 - KNEE)
    return np.asarray(np.where(light <= KNEE, light, KNEE + (1 - KNEE) * above / (1 + np.maximum(above, 0))), np.float32)


def _rolled_on(light: Plane, most: float) -> Plane:
    above = np.minimum((light - KNEE) / (1 - KNEE), 1 - 1e-6)
    return np.asarray(np.minimum(np.where(light <= KNEE, light, KNEE + (1 - KNEE) * above / (1 - above)), most), np.float32)


def _mixed(light: Plane, matrix: NDArray[np.floating[Any]]) -> Plane:
    flat = np.ascontiguousarray(light, np.float32).reshape(1, -1, 3)
    return np.asarray(cv2.transform(flat, matrix), np.float32).reshape(light.shape)


def _encoded_sdr(dtype: Any) -> Levels:
    """Levels of the copy by the fourth root of light, in 65536 steps: dark steps are finer than a level."""
    top = np.iinfo(dtype).max
    roots = np.linspace(0, 1, 65536)
    return np.rint(roots ** (4 / DISPLAY_GAMMA) * top).astype(dtype)


def _looked_up(table: Levels, light: Plane) -> Levels:
    roots = np.sqrt(np.sqrt(np.clip(light, 0, 1)))
    return np.asarray(table[(roots * 65535 + 0.5).astype(np.uint16)])
