"""Fusion spreads known colours, adds what it has learned to the closed-form matte, and takes large pictures in squares without seams."""

import pytest
import torch
from torch import Tensor, nn

from mattecli.core import store
from mattecli.core.export import build_wrapped
from mattecli.core.registry import registry
from mattecli.nets import closed_form, fusion
from mattecli.nets.parts.spread import spread

pytestmark = [
    pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta"),
    pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled"),
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
]


def edge(height: int, width: int, *, batch: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Red over green, with a soft edge: image, trimap and true alpha; noise makes the closed-form matte err."""
    alpha = torch.linspace(-1.0, 2.0, width).clamp(0.0, 1.0).expand(batch, 1, height, width)
    trimap = torch.where((alpha > 0.0) & (alpha < 1.0), 0.5, alpha)
    red, green = torch.tensor([0.8, 0.1, 0.2])[:, None, None], torch.tensor([0.1, 0.6, 0.3])[:, None, None]
    noise = 0.05 * torch.randn(batch, 3, height, width, generator=torch.Generator().manual_seed(0))
    return (green + alpha * (red - green) + noise).clamp(0.0, 1.0), trimap, alpha


def lively(network: fusion.Fusion) -> fusion.Fusion:
    """The network with weights of which every layer's matter, though it has learned nothing."""
    torch.manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    nn.init.normal_(network.head.weight, std=0.003)
    return network.eval()


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (31, 50), (64, 64)])
def test_known_pixels_stay_and_influence_every_unknown_one(size: tuple[int, int]) -> None:
    colours = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1))
    known = torch.zeros(2, 1, *size)
    known[0, 0, -1, -1] = 1.0
    filled, near = spread(colours, known)
    torch.testing.assert_close(filled[0], colours[0, :, -1:, -1:].expand(3, *size))
    assert near[0, 0, -1, -1] == 1.0 and near[0].min() > 0.0
    assert filled[1].abs().max() == 0.0 and near[1].max() == 0.0, "where nothing is known nothing is claimed"


def test_spread_colours_come_from_what_is_near() -> None:
    known = torch.zeros(1, 1, 40, 128)
    known[..., :10], known[..., -10:] = 1.0, 1.0
    colours = torch.linspace(0.0, 1.0, 128).round().expand(1, 1, 40, 128)
    filled, near = spread(colours, known)
    assert filled[..., 10:40].max() < 0.3 and filled[..., 88:118].min() > 0.7
    assert near[0, 0, 20, 64] < near[0, 0, 20, 20] < near[0, 0, 20, 5] == 1.0


def test_the_projection_finds_alpha_between_two_colours() -> None:
    image, trimap, alpha = edge(32, 96)
    seen = fusion.features(image, trimap, alpha)
    assert seen.shape == (1, fusion.CUES, 32, 96)
    assert (seen[:, 5:6] / 2.0 + 0.5 - alpha).abs().mean() < 0.06, "noise apart"


def test_untrained_weights_reproduce_closed_form() -> None:
    image, trimap, _ = edge(50, 70)
    alpha, nothing = fusion.wrap(fusion.build())(image, trimap, 1e-6)
    assert nothing is None
    assert torch.equal(alpha, closed_form.build()(image, trimap, 1e-6))


def test_a_few_steps_correct_what_closed_form_gets_wrong() -> None:
    torch.manual_seed(0)
    image, trimap, true = edge(64, 64, batch=2)
    coarse, unknown = fusion.coarse_matte(image, trimap), trimap == 0.5
    network, seen = fusion.build(), fusion.features(image, trimap, coarse)
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(12):
        optimiser.zero_grad()
        (coarse + network(seen) - true)[unknown].abs().mean().backward()
        optimiser.step()
    with torch.no_grad():
        found = fusion.wrap(network)(image, trimap)[0]
    before, after = ((matte - true)[unknown].abs().mean() for matte in (coarse, found))
    assert after < 0.8 * before
    assert torch.equal(found[~unknown], trimap[~unknown])


def test_tiles_give_the_matte_of_the_whole_picture() -> None:
    image, trimap, _ = edge(20, 1100)
    network = lively(fusion.build()).double()
    with torch.inference_mode():
        whole, squares = (fusion.CompleteFusion(network, tile)(image.double(), trimap.double())[0] for tile in (1120, 576))
    assert (whole - fusion.coarse_matte(image, trimap)).std() > 0.01, "the weights make a matte that could differ"
    torch.testing.assert_close(squares, whole, atol=1e-6, rtol=0)


def test_the_compiled_module_gives_equal_outputs() -> None:
    image, trimap, _ = edge(37, 61)
    eager = fusion.wrap(lively(fusion.build()))
    with torch.inference_mode():
        compiled = torch.jit.freeze(torch.jit.script(eager.eval()))
        for _ in range(3):  # the executor may specialise from the second call on
            torch.testing.assert_close(compiled(image, trimap)[0], eager(image, trimap)[0], atol=1e-5, rtol=0)


def test_the_shipped_weights_give_the_mattes_they_gave_when_they_were_shipped() -> None:
    rows, columns = torch.meshgrid(torch.arange(48.0), torch.arange(64.0), indexing="ij")
    alpha = ((columns - 24 - 6 * torch.sin(rows / 3)) / 12 + 0.5).clamp(0, 1)
    front, behind = torch.tensor([0.8, 0.5, 0.2]), torch.tensor([0.2, 0.4, 0.6])
    image = (alpha * front[:, None, None] + (1 - alpha) * behind[:, None, None])[None] + 0.02 * torch.sin(rows * columns)
    trimap = torch.where(alpha == 0, 0.0, torch.where(columns > 44, 1.0, 0.5))[None, None]
    spec = registry().find("fusion")
    matte, _ = build_wrapped(spec, [store.verified(spec, file) for file in spec.files])(image.clamp(0, 1), trimap)
    stored = [
        [0.000, 0.000, 0.231, 0.576, 0.943, 1.000, 1.000, 1.000],
        [0.000, 0.000, 0.000, 0.275, 0.648, 1.000, 1.000, 1.000],
        [0.000, 0.000, 0.082, 0.468, 0.837, 1.000, 1.000, 1.000],
    ]
    torch.testing.assert_close(matte[0, 0, 8::16, 16:48:4], torch.tensor(stored), atol=2e-3, rtol=0.0)
