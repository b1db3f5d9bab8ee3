"""A small matte at full size."""

import numpy as np
import torch
import torch.nn.functional as F

from mattecli.matting.guided_filter import upsample_guided


def test_an_edge_that_the_small_copy_blurs_is_sharp_again() -> None:
    alpha = torch.zeros(1, 1, 96, 120)
    alpha[:, :, 20:70, 31:83] = 1
    noise = torch.from_numpy(np.random.default_rng(2).normal(0, 0.01, (1, 3, 96, 120))).float()
    image = alpha * torch.tensor([0.8, 0.3, 0.2])[None, :, None, None] + (1 - alpha) * torch.tensor([0.2, 0.4, 0.6])[None, :, None, None]
    image = (image + noise).clamp(0, 1)
    small, small_alpha = (F.interpolate(planes, (24, 30), mode="area") for planes in (image, alpha))
    found = upsample_guided(small_alpha, small, image)
    blurred = F.interpolate(small_alpha, (96, 120), mode="bilinear")
    assert float((found - alpha).abs().mean()) < 0.25 * float((blurred - alpha).abs().mean())


def test_a_picture_of_one_colour_keeps_its_matte() -> None:
    alpha = torch.linspace(0, 1, 20)[None, None, None].expand(1, 1, 16, 20)
    found = upsample_guided(alpha, torch.full((1, 3, 16, 20), 0.5), torch.full((1, 3, 32, 40), 0.5))
    assert float((found - F.interpolate(alpha, (32, 40), mode="bilinear")).abs().max()) < 0.12
