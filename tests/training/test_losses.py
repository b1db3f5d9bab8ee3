"""The losses, on planes small enough to be worked out by hand."""

import math

import pytest
import torch
from torch import Tensor

from training import losses


def plane(*rows: list[float]) -> Tensor:
    return torch.tensor(rows)[None, None]


def test_an_alpha_loss_is_the_mean_absolute_error_over_the_unknown_region() -> None:
    predicted, true = plane([0.5, 0.25], [1.0, 0.0]), plane([0.0, 0.5], [0.0, 0.0])
    unknown = plane([1.0, 1.0], [0.0, 0.0])
    assert losses.absolute(predicted, true, unknown).item() == 0.375
    assert losses.charbonnier(predicted, true, unknown).item() == pytest.approx(0.375, abs=1e-6)
    assert losses.squared(predicted, true, unknown).item() == (0.25 + 0.0625) / 2
    assert losses.absolute(predicted, true).item() == 1.75 / 4


def test_a_charbonnier_loss_is_smooth_where_nothing_is_wrong() -> None:
    predicted = torch.zeros(1, 1, 2, 2, requires_grad=True)
    loss = losses.charbonnier(predicted, torch.zeros(1, 1, 2, 2))
    loss.backward()
    assert loss.item() == pytest.approx(losses.CHARBONNIER)
    assert torch.equal(predicted.grad, torch.zeros(1, 1, 2, 2))


def test_a_loss_over_no_pixel_is_nothing() -> None:
    one, zero = torch.ones(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    for loss in (losses.absolute, losses.charbonnier, losses.squared, losses.laplacian, losses.gradient, losses.edges):
        assert loss(one, zero, zero).item() == 0.0


def test_a_composition_loss_counts_an_error_by_the_contrast_behind_it() -> None:
    predicted, true = plane([0.75, 0.75]), plane([0.25, 0.25])
    foreground = torch.tensor([[1.0, 0.5], [1.0, 0.5], [0.4, 0.5]]).view(1, 3, 1, 2)
    background = torch.tensor([[0.0, 0.5], [0.5, 0.5], [0.2, 0.5]]).view(1, 3, 1, 2)
    expected = 0.5 * (1.0 + 0.5 + 0.2) / 6
    assert losses.composition(predicted, true, foreground, background).item() == pytest.approx(expected, abs=2e-6)


def test_a_pyramid_s_levels_restore_the_picture_and_weigh_by_powers_of_two() -> None:
    difference = torch.rand(2, 1, 21, 32, generator=torch.Generator().manual_seed(1))
    smaller = losses.halved(difference)
    finest = difference - losses.doubled(smaller, 21, 32)
    middle = smaller - losses.doubled(losses.halved(smaller), *smaller.shape[2:])
    expected = (finest.abs().sum() + 2 * middle.abs().sum()) / difference.numel()
    assert losses.laplacian(difference, torch.zeros_like(difference), levels=2).item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_pyramid_s_kernel_is_one_four_six_four_one() -> None:
    point = torch.zeros(1, 1, 9, 9)
    point[0, 0, 4, 4] = 256.0
    assert torch.equal(losses.halved(point)[0, 0, 2], torch.tensor([0.0, 6.0, 36.0, 6.0, 0.0]))
    sample = torch.zeros(1, 1, 5, 5)
    sample[0, 0, 2, 2] = 64.0
    row = losses.doubled(sample, 9, 9)[0, 0, 4]
    assert torch.equal(row, torch.tensor([0.0, 0.0, 6.0, 24.0, 36.0, 24.0, 6.0, 0.0, 0.0]))


@pytest.mark.parametrize("size", [(8, 8), (9, 12), (7, 5)])
def test_a_pyramid_of_a_constant_is_zero(size: tuple[int, int]) -> None:
    constant = torch.full((1, 2, *size), 0.5)
    assert losses.laplacian(constant, torch.zeros_like(constant)).item() == pytest.approx(0.0, abs=1e-6)


def test_a_gradient_loss_is_blind_to_a_shift_and_counts_slopes() -> None:
    true = plane([0.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    assert losses.gradient(true + 0.5, true).item() == 0.0
    ramp = plane([0.0, 0.25, 0.5], [0.0, 0.25, 0.5])
    assert losses.gradient(ramp, true).item() == pytest.approx(4 * 0.25 / 6)


def test_an_edge_loss_compares_sobel_magnitudes_of_slopes_per_pixel() -> None:
    ramp = (torch.arange(8.0) / 8).expand(1, 1, 8, 8)
    magnitude = losses.sobel(ramp)[0, 0, 4, 4].item()
    assert magnitude == pytest.approx(math.sqrt(0.125**2 + 1e-6))
    turned = ramp.transpose(2, 3)
    assert losses.edges(ramp, turned)[()].item() == pytest.approx(_mean_apart(ramp, turned))
    assert losses.edges(1 - ramp, ramp).item() == pytest.approx(0.0, abs=1e-6)  # a magnitude has no sign


def _mean_apart(one: Tensor, other: Tensor) -> float:
    return (losses.sobel(one) - losses.sobel(other)).abs().mean().item()
