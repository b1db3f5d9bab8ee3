"""Networks that begin from the closed-form matte compute what they compute without that, from guides that carry it."""

import pytest
import torch
from torch import Tensor, nn

from mattecli.nets import bgm, dim, sim
from mattecli.nets.closed_form import ClosedForm
from mattecli.nets.parts.ops import levels_with_prior, with_known

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Sparse:UserWarning"),
]


@pytest.fixture
def picture() -> Tensor:
    """Two colours with a soft edge between, [1, 3, 64, 64]."""
    torch.manual_seed(3)
    ramp = (torch.arange(64.0) / 8 - 3.5).clamp(0, 1)[None, None, None].expand(1, 3, 64, 64)
    return (ramp * torch.tensor([0.9, 0.5, 0.2])[:, None, None] + 0.05 * torch.rand(1, 3, 64, 64)).clamp(0, 1)


@pytest.fixture
def trimap() -> Tensor:
    levels = torch.zeros(1, 1, 64, 64)
    levels[..., 20:44], levels[..., 44:] = 0.5, 1.0
    return levels


def scripted(network: nn.Module) -> torch.jit.ScriptModule:
    return torch.jit.script(network.eval())


@torch.no_grad()
def test_deep_image_matting_gets_the_closed_form_matte_in_its_trimap(picture: Tensor, trimap: Tensor) -> None:
    build = {"skips": True, "refines": True, "kernel": 1, "fit": "pad", "width": 0.125}
    network = dim.build(**build).eval()
    levels = levels_with_prior(trimap, scripted(ClosedForm())(picture, trimap, 1e-6))
    assert set(levels[trimap != 0.5].tolist()) == {0.0, 1.0} and 0.25 <= levels[trimap == 0.5].min() < 0.4
    found, colours = scripted(dim.wrap(network, **build, prior=True))(picture, trimap, epsilon=1e-6)
    expected = dim.wrap(network, **build).matte(picture, levels, trimap == 0.5, 0, 0)
    assert colours is None and torch.allclose(found, with_known(expected, trimap), atol=1e-6)


@torch.no_grad()
def test_semantic_image_matting_gets_it_as_shares_of_both_regions(picture: Tensor, trimap: Tensor) -> None:
    network = sim.build(width=0.125).eval()
    matte = scripted(ClosedForm())(picture, trimap, 1e-6)
    shares = sim.regions_with_prior(levels_with_prior(trimap, matte), torch.cat((trimap <= 0.0, trimap >= 1.0), 1))
    assert torch.allclose(shares[:, 1:][trimap == 0.5], 0.5 * matte[trimap == 0.5], atol=1e-6)
    assert torch.allclose(shares.sum(1, keepdim=True), torch.where(trimap == 0.5, 0.5, 1.0), atol=1e-6)
    found, colours = scripted(sim.wrap(network, width=0.125, prior=True))(picture, trimap, epsilon=1e-6)
    _, without = scripted(sim.wrap(network, width=0.125))(picture, trimap)
    assert colours.shape == picture.shape and torch.equal(found[trimap != 0.5], trimap[trimap != 0.5])
    assert not torch.equal(colours, without), "the network gets the shares"


@torch.no_grad()
def test_background_matting_changes_it_coarsely(picture: Tensor, trimap: Tensor) -> None:
    torch.manual_seed(4)
    matting = bgm.wrap(bgm.build(width=0.125).eval(), width=0.125, prior=True)
    plate = torch.zeros_like(picture)
    found, colours = scripted(matting)(picture, trimap, plate, side=64, epsilon=1e-6)
    prior = with_known(scripted(ClosedForm())(picture, trimap, 1e-6), trimap)
    top, left, height, width = bgm.box_of((prior > 0.0).float()[0, 0])
    crop = (slice(None), slice(None), slice(top, top + height), slice(left, left + width))
    square, behind = (bgm.resize_linear_8bit(colours[crop], 64, 64) for colours in (picture, plate))
    segmentation = bgm.resize_linear(prior[crop], 64, 64)
    alpha, _ = matting.answer(square, behind, segmentation)
    coarse = (alpha - segmentation).unfold(2, 8, 8).unfold(3, 8, 8).mean((4, 5))
    change = coarse.sign() * (coarse.abs() - 0.2).clamp(min=0.0)
    assert float((coarse - change).abs().max()) > 0.19
    expected = prior.clone()
    expected[crop] += bgm.resize_linear(change, height, width)
    inside = torch.zeros_like(trimap, dtype=torch.bool)
    inside[crop] = trimap[crop] == 0.5  # at the edge the last line of the box is repeated
    assert colours.shape == picture.shape and torch.equal(found[trimap != 0.5], trimap[trimap != 0.5])
    assert torch.allclose(found[inside], expected.clamp(0.0, 1.0)[inside], atol=1e-5)
    assert float((found - prior)[inside].abs().max()) > 0.01


@torch.no_grad()
def test_a_large_picture_gets_the_prior_of_a_smaller_one(picture: Tensor, trimap: Tensor) -> None:
    matting = bgm.wrap(bgm.build(width=0.125).eval(), width=0.125, prior=True)
    whole, reduced = (matting(picture, trimap, picture, side=64, max_side=longest, epsilon=1e-6)[0] for longest in (64, 32))
    assert whole.shape == reduced.shape and 0.0 < float((whole - reduced).abs().mean()) < 0.05


@torch.no_grad()
def test_all_background_is_no_matte(picture: Tensor) -> None:
    matting = bgm.wrap(bgm.build(width=0.125).eval(), width=0.125, prior=True)
    alpha, foreground = matting(picture, torch.zeros(1, 1, 64, 64), picture, 64)
    assert float(alpha.max()) == float(foreground.max()) == 0.0
