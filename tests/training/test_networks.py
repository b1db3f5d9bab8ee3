"""What the networks answer before they have learned anything, and the guides that their tasks make."""

import torch

from mattecli.nets.parts.ops import levels_with_prior
from training.networks import guide_trimap, task_of


@torch.no_grad()
def test_deep_image_matting_answers_its_prior_at_first() -> None:
    torch.manual_seed(1)
    network = task_of("dim").build({"skips": True, "refines": True, "kernel": 1, "fit": "pad", "width": 0.25, "prior": True}).eval()
    trimap, prior = torch.full((1, 1, 64, 64), 0.5), torch.rand(1, 1, 64, 64)
    for matte in network(torch.cat((torch.randn(1, 3, 64, 64), levels_with_prior(trimap, prior)), 1)):
        assert float((matte - prior).abs().max()) < 0.08


def test_background_matting_is_guided_by_the_difference_from_the_plate() -> None:
    plate = torch.full((8, 3, 64, 64), 0.2)
    alpha = torch.zeros(8, 1, 64, 64)
    alpha[..., 20:50, 24:44] = 1.0
    image = plate + alpha * (0.9 - plate)
    trimaps = guide_trimap({"image": image, "plate": plate, "alpha": alpha})
    assert trimaps.shape == alpha.shape and set(trimaps.unique().tolist()) == {0.0, 0.5, 1.0}
    assert bool((trimaps[alpha == 1.0] >= 0.5).all()) and float(trimaps[:, :, 33:37, 33:35].min()) == 1.0
    same = guide_trimap({"image": plate, "plate": plate, "alpha": alpha})
    assert bool((same == 0.5).any()), "where nothing differs the trimap is that of a mask"
