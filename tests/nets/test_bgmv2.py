"""The refiner of Background Matting V2 works in pieces that leave no trace."""

import torch

from mattecli.nets.bgmv2 import Refiner
from mattecli.nets.parts.patches import cut_out, select_cells


def test_patches_in_chunks_and_bands_give_the_same_matte() -> None:
    torch.manual_seed(0)
    refiner = Refiner().eval()
    image, background = torch.rand(1, 3, 1028, 340), torch.rand(1, 3, 1028, 340)
    coarse, hidden = torch.rand(1, 4, 257, 85), torch.rand(1, 32, 257, 85)
    error = torch.full((1, 1, 257, 85), 0.5)
    with torch.inference_mode():
        patches, refined = refiner(image, background, coarse, error, hidden, "sampling", 1028 * 340, 0.0)
        bands, _ = refiner(image, background, coarse, error, hidden, "full", 0, 0.0)
    assert refined.sum() > 10000, "more patches than are refined at once"
    torch.testing.assert_close(patches, bands, atol=1e-5, rtol=0)


def test_patches_cropped_on_a_gpu_equal_those_sampled_on_a_cpu() -> None:
    torch.manual_seed(0)
    refiner = Refiner().eval()
    image, background, features = torch.rand(2, 3, 44, 60), torch.rand(2, 3, 44, 60), torch.rand(2, 36, 17, 23)
    cells, _ = select_cells(torch.rand(2, 1, 11, 15), "sampling", 11 * 15 * 16, 0.0)
    with torch.inference_mode():
        half, full = refiner.with_margins(image, background, features)
        from_whole = refiner.convolve(cut_out(half, cells, 2, 8), cut_out(full, cells, 4, 8))
        torch.testing.assert_close(from_whole, refiner.at_cells(image, background, features, cells), atol=1e-5, rtol=0)
