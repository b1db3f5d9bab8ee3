"""Foreground colours: known ones are found again, and the awkward sizes and alphas work."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from mattecli.compositing.foreground import estimate_foreground

RED, GREEN = torch.tensor([0.8, 0.1, 0.1]).view(1, 3, 1, 1), torch.tensor([0.1, 0.7, 0.2]).view(1, 3, 1, 1)


def _disc(height: int, width: int) -> Tensor:
    """A soft disc: 1 inside, 0 outside, a ramp of about ten pixels between."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return ((0.6 - (x**2 + y**2).sqrt()) * min(height, width) / 20 + 0.5).clamp(0, 1)[None, None]


def _read(path: Path, flags: int = cv2.IMREAD_COLOR) -> Tensor:
    pixels = torch.from_numpy(cv2.imread(str(path), flags)).float() / 255
    return pixels[None, None] if pixels.ndim == 2 else pixels.flip(2).permute(2, 0, 1)[None]


def _mix(foreground: Tensor, alpha: Tensor, background: Tensor) -> Tensor:
    return alpha * foreground + (1 - alpha) * background


def test_a_red_disc_on_green_is_red_all_over_with_no_green_edge() -> None:
    alpha = _disc(90, 121)
    foreground = estimate_foreground(_mix(RED, alpha, GREEN), alpha)
    # Known exactly, so only the sweeps' rest remains; half an 8-bit step is 0.002, and nobody sees 0.02.
    assert (foreground - RED)[alpha.expand_as(foreground) > 0.05].abs().max() < 0.02
    assert (foreground - RED).abs().max() < 0.05, "clear pixels extend the foreground"


def test_solid_pixels_are_the_photo_to_the_bit() -> None:
    alpha = _disc(64, 64)
    photo = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    solid = (alpha == 1).expand_as(photo)
    assert solid.any() and torch.equal(estimate_foreground(photo, alpha)[solid], photo[solid])


def test_with_a_plate_the_cutout_over_it_equals_the_photo() -> None:
    alpha = _disc(80, 80)
    plate = torch.rand(1, 3, 80, 80, generator=torch.Generator().manual_seed(2))
    photo = _mix(RED, alpha, plate)
    guided, alone = estimate_foreground(photo, alpha, background=plate), estimate_foreground(photo, alpha)
    guided_error, alone_error = ((_mix(found, alpha, plate) - photo).abs().mean() * 255 for found in (guided, alone))
    assert guided_error < 0.1
    assert guided_error < alone_error / 3, "a noisy background cannot be guessed as well as it can be known"


@pytest.mark.parametrize("level", [0.0, 1.0, 0.5])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (65, 1), (37, 70)])
def test_any_size_and_any_constant_alpha_give_colours_in_range(height: int, width: int, level: float) -> None:
    photo = torch.rand(1, 3, height, width)
    foreground = estimate_foreground(photo, torch.full((1, 1, height, width), level))
    assert foreground.shape == photo.shape and foreground.min() >= 0 and foreground.max() <= 1
    if level == 1:
        assert torch.equal(foreground, photo)


@pytest.mark.parametrize("with_plate", [False, True])
def test_photos_in_a_batch_are_independent_and_inputs_unchanged(with_plate: bool) -> None:
    alpha = torch.cat([_disc(40, 55), 1 - _disc(40, 55), torch.zeros(1, 1, 40, 55)])
    photo = torch.rand(3, 3, 40, 55, generator=torch.Generator().manual_seed(3))
    plate = torch.rand(3, 3, 40, 55, generator=torch.Generator().manual_seed(4)) if with_plate else None
    before = [photo.clone(), alpha.clone(), None if plate is None else plate.clone()]
    together = estimate_foreground(photo, alpha, background=plate)
    for i in range(3):
        alone = estimate_foreground(photo[i : i + 1], alpha[i : i + 1], background=None if plate is None else plate[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-5, rtol=0)
    for tensor, copy in zip((photo, alpha, plate), before, strict=True):
        assert tensor is None or copy is None or torch.equal(tensor, copy)


def test_real_hair_keeps_little_of_the_old_background(shared: Path) -> None:
    files = [shared / "data/plates" / f"synthperson_group{ending}" for ending in (".jpg", "_fg.jpg", "_alpha.png")]
    top, left, side = 128, 256, 384
    crop = (slice(None), slice(None), slice(top, top + side), slice(left, left + side))
    photo, truth, alpha = _read(files[0])[crop], _read(files[1])[crop], _read(files[2], cv2.IMREAD_GRAYSCALE)[crop]
    soft = ((alpha > 0) & (alpha < 1)).expand_as(photo)
    before, after = (np.mean((found - truth)[soft].numpy() ** 2) for found in (photo, estimate_foreground(photo, alpha)))
    # 28 times better when written; the whole pictures are in benchmarks/results/foreground.json.
    assert after < before / 15
