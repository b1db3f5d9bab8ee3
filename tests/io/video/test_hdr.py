"""PQ and HLG as light, by the numbers of ITU-R BT.2100 and BT.2408, and the SDR copy that has a way back."""

import numpy as np
import pytest

from mattecli.io.clip_types import Colour
from mattecli.io.video.hdr import Hdr, hdr_of

PQ, HLG = Hdr(Colour(9, 9, 16, False)), Hdr(Colour(9, 9, 18, False))


@pytest.mark.parametrize(
    ("hdr", "encoded", "nits"),
    [(PQ, 0.508, 100), (PQ, 0.581, 203), (PQ, 0.752, 1000), (PQ, 1.0, 10_000), (HLG, 0.75, 203), (HLG, 1.0, 1000), (HLG, 0.38, 26)],
)
def test_pq_and_hlg_values_match_the_light_of_the_standards(hdr: Hdr, encoded: float, nits: float) -> None:
    grey = np.full((1, 3), encoded, np.float32)
    assert 203 * hdr.to_light(grey) == pytest.approx(np.full((1, 3), nits), rel=0.02)


@pytest.mark.parametrize("hdr", [PQ, HLG])
def test_light_and_the_sdr_copy_survive_a_round_trip(hdr: Hdr) -> None:
    levels = np.random.default_rng(0).integers(0, 65536, (40, 50, 3)).astype(np.uint16)
    encoded = levels / np.float32(65535)
    assert np.abs(hdr.from_light(hdr.to_light(encoded)) - encoded).max() < 2e-3
    # Colours within Rec. 709 and below 600 cd/m2, so that the copy clips nothing.
    within = hdr.from_sdr(0.05 + 0.88 * encoded)
    again = hdr.from_sdr(hdr.to_sdr(np.rint(within * 65535).astype(np.uint16)) / np.float32(65535))
    assert np.abs(again - within).max() < 2e-3


@pytest.mark.parametrize("hdr", [PQ, HLG])
def test_the_sdr_copy_equals_sdr_greys_below_the_knee(hdr: Hdr) -> None:
    light = np.linspace(0.01, 0.74, 50)
    grey = np.repeat(light[None, :, None], 3, axis=2)
    copy = hdr.to_sdr(np.rint(hdr.from_light(grey) * 65535).astype(np.uint16)) / 65535
    assert np.abs(copy - grey ** (1 / 2.4)).max() < 2e-3
    white = hdr.from_srgb(np.ones((1, 1, 3)))
    assert hdr.to_light(white) == pytest.approx(np.ones((1, 1, 3)), abs=2e-3)


def test_sdr_clips_have_no_hdr_system() -> None:
    assert hdr_of(Colour(1, 1, 1)) is None
