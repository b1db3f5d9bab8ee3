"""A cut-out over a backdrop: as floats, as integers and as tensors, with one result."""

import numpy as np
import pytest
import torch

from mattecli.compositing.fit import plain
from mattecli.compositing.over import lay_levels_over, lay_over, lay_tensors_over, with_alpha
from mattecli.errors import MatteError
from mattecli.matting.levels import from_levels, to_levels


def test_the_plain_blend_mixes_encoded_values_and_the_linear_blend_mixes_light() -> None:
    white, black, half = plain(1, 1, (1, 1, 1)), plain(1, 1, (0, 0, 0)), np.full((1, 1), 0.5, np.float32)
    assert lay_over(white, half, black, linear=False)[0, 0, 0] == pytest.approx(0.5)
    # Half the light of white is 188 of 255 in sRGB.
    assert lay_over(white, half, black)[0, 0, 0] * 255 == pytest.approx(188, abs=0.6)


@pytest.mark.parametrize("linear", [True, False])
def test_solid_pixels_keep_their_colour_and_clear_ones_show_the_backdrop(linear: bool) -> None:
    random = np.random.default_rng(0)
    foreground, backdrop = random.random((2, 600, 5, 3), np.float32)
    alpha = np.zeros((600, 5), np.float32)
    alpha[300:] = 1
    laid = lay_over(foreground, alpha, backdrop, linear=linear)
    assert laid.dtype == np.float32
    np.testing.assert_allclose(laid[:300], backdrop[:300], atol=1e-5)
    np.testing.assert_allclose(laid[300:], foreground[300:], atol=1e-5)


def test_a_backdrop_of_another_size_is_refused_with_both_sizes() -> None:
    with pytest.raises(MatteError, match=r"4 x 3.*6 x 5"):
        lay_over(plain(3, 4, (0, 0, 0)), np.zeros((3, 4), np.float32), plain(5, 6, (0, 0, 0)))


def test_only_soft_pixels_are_mixed_and_the_others_are_copies_to_the_bit() -> None:
    random = np.random.default_rng(1)
    foreground, backdrop = random.random((2, 300, 7, 3), np.float32)
    alpha = random.choice(np.array([0, 0.5, 1], np.float32), (300, 7))
    laid = lay_over(foreground, alpha, backdrop)
    np.testing.assert_array_equal(laid[alpha == 1], foreground[alpha == 1])
    np.testing.assert_array_equal(laid[alpha == 0], backdrop[alpha == 0])
    between = (laid - foreground) * (laid - backdrop)
    assert (between[alpha == 0.5] <= 1e-6).all()


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
@pytest.mark.parametrize("linear", [True, False])
def test_integer_compositing_equals_float_and_keeps_opaque_pixels_exact(dtype: type, top: int, linear: bool) -> None:
    random = np.random.default_rng(3)
    photo, (soft, backdrop) = random.integers(0, top + 1, (300, 7, 3)).astype(dtype), random.random((2, 300, 7, 3), np.float32)
    alpha = random.choice(np.array([0, 0.3, 0.9999, 1], np.float32), (300, 7))
    solid = alpha > 0.9
    levels, planes = to_levels(backdrop, top), np.ascontiguousarray(soft.transpose(2, 0, 1))
    laid = lay_levels_over(photo, solid, planes, alpha, backdrop, levels, linear=linear)
    expected = to_levels(lay_over(np.where(solid[..., None], from_levels(photo), soft), alpha, backdrop, linear=linear), top)
    assert laid.dtype == dtype
    np.testing.assert_array_equal(laid, expected)
    np.testing.assert_array_equal(laid[alpha == 1], photo[alpha == 1])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_alpha_beside_colours_makes_straight_rgba(dtype: type) -> None:
    picture = np.random.default_rng(4).integers(0, np.iinfo(dtype).max, (5, 7, 4), dtype)
    np.testing.assert_array_equal(with_alpha(picture[..., :3].copy(), picture[..., 3]), picture)


def _tensor(plane: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.atleast_3d(plane)).permute(2, 0, 1)[None]


@pytest.mark.parametrize("linear", [True, False])
def test_tensors_composite_like_arrays(linear: bool) -> None:
    random = np.random.default_rng(0)
    front, behind = (random.random((40, 60, 3), np.float32) for _ in range(2))
    alpha = from_levels(random.integers(0, 256, (40, 60), np.uint8))
    alpha[:10], alpha[10:20] = 0, 1
    mixed = lay_tensors_over(_tensor(front), _tensor(alpha), _tensor(behind), linear=linear)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(mixed, lay_over(front, alpha, behind, linear=linear), atol=2e-6)
    np.testing.assert_array_equal(mixed[:20], np.concatenate([behind[:10], front[10:20]]))


def test_light_and_encoded_values_mix_differently() -> None:
    white, black, half = torch.ones(1, 3, 1, 1), torch.zeros(1, 3, 1, 1), torch.full((1, 1, 1, 1), 0.5)
    assert lay_tensors_over(white, half, black, linear=False).mean() == 0.5
    assert lay_tensors_over(white, half, black).mean().item() == pytest.approx(0.7354, abs=1e-4)  # IEC 61966-2-1
