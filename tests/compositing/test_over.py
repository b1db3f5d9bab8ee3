"""What a GPU does to tensors is what the processor does to arrays; here both are the processor."""

import numpy as np
import pytest
import torch

from mattecli.compositing.layers import lay_over
from mattecli.compositing.over import mixed_over
from mattecli.matting.levels import from_levels, interleave, to_levels
from mattecli.pipelines.render import levels_of


def _tensor(plane: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.atleast_3d(plane)).permute(2, 0, 1)[None]


@pytest.mark.parametrize("linear", [True, False])
def test_tensors_are_laid_over_each_other_as_arrays_are(linear: bool) -> None:
    random = np.random.default_rng(0)
    front, behind = (random.random((40, 60, 3), np.float32) for _ in range(2))
    alpha = from_levels(random.integers(0, 256, (40, 60), np.uint8))
    alpha[:10], alpha[10:20] = 0, 1
    mixed = mixed_over(_tensor(front), _tensor(alpha), _tensor(behind), linear=linear)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(mixed, lay_over(front, alpha, behind, linear=linear), atol=2e-6)
    np.testing.assert_array_equal(mixed[:20], np.concatenate([behind[:10], front[10:20]]))


def test_light_and_encoded_values_mix_differently() -> None:
    white, black, half = torch.ones(1, 3, 1, 1), torch.zeros(1, 3, 1, 1), torch.full((1, 1, 1, 1), 0.5)
    assert mixed_over(white, half, black, linear=False).mean() == 0.5
    assert mixed_over(white, half, black).mean().item() == pytest.approx(0.7354, abs=1e-4)  # IEC 61966-2-1


@pytest.mark.parametrize(("top", "off"), [(255, 0), (65535, 1)])  # OpenCV multiplies in float64: what lies next to a half may differ
def test_tensors_become_the_integers_that_arrays_become(top: int, off: int) -> None:
    planes = [torch.rand(9, 31, generator=torch.Generator().manual_seed(seed)) * 1.2 - 0.1 for seed in range(4)]
    levels = levels_of(planes, top).numpy().view(np.uint8 if top == 255 else np.uint16)
    expected = interleave([to_levels(plane.numpy(), top) for plane in planes])
    assert levels.shape == expected.shape and np.abs(levels.astype(int) - expected.astype(int)).max() <= off
