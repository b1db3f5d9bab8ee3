"""Before a plate, fusion is given the plate, mends the trimap near what is unknown, and is closed-form farther away."""

import pytest
import torch
from torch import Tensor, nn

from mattecli.core import store
from mattecli.core.export import build_wrapped
from mattecli.core.registry import registry
from mattecli.nets import closed_form, fusion_plate
from mattecli.nets.fusion import CUES
from tests.nets.test_fusion import lively

pytestmark = [
    pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta"),
    pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled"),
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
]


def before_stripes(height: int, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Red with a soft edge before stripes that no known colour tells: image, trimap, plate and true alpha."""
    alpha = torch.linspace(-1.0, 2.0, width).clamp(0.0, 1.0).expand(1, 1, height, width)
    trimap = torch.where((alpha > 0.0) & (alpha < 1.0), 0.5, alpha)
    red, stripes = torch.tensor([0.8, 0.1, 0.2])[:, None, None], 0.5 + 0.4 * torch.sin(torch.arange(width) * 0.9)
    plate = stripes.expand(1, 3, height, width).contiguous()
    return plate + alpha * (red - plate), trimap, plate, alpha


def test_the_projection_onto_the_plate_finds_alpha() -> None:
    image, trimap, plate, alpha = before_stripes(32, 96)
    seen = fusion_plate.features(image, trimap, alpha, plate)
    assert seen.shape == (1, fusion_plate.PLATE_CUES, 32, 96)
    by_spread, by_plate = (seen[:, place : place + 1] / 2.0 + 0.5 for place in (5, CUES + 6))
    unknown = trimap == 0.5
    assert (by_plate - alpha)[unknown].abs().mean() < 0.01 < 0.05 < (by_spread - alpha)[unknown].abs().mean()


def test_differences_are_scaled_by_those_of_known_background() -> None:
    image, trimap, plate, alpha = before_stripes(32, 96)
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    quiet, loud = (fusion_plate.features(image + level * noise, trimap, alpha, plate)[:, -1:] for level in (0.0, 0.05))
    assert quiet[trimap == 0].max() < -0.9 and loud[trimap == 0].mean() < 0.0, "noise does not differ"
    assert loud[trimap == 1].mean() < quiet[trimap == 1].mean(), "and makes a difference tell less"


def test_untrained_weights_reproduce_closed_form() -> None:
    image, trimap, plate, _ = before_stripes(50, 70)
    alpha, nothing = fusion_plate.wrap(fusion_plate.build())(image, trimap, plate, 1e-6)
    assert nothing is None
    assert torch.equal(alpha, closed_form.build()(image, trimap, 1e-6))


@pytest.mark.parametrize(("said", "level"), [(0.25, 0.0), (-0.25, 1.0)], ids=["subject called background", "background called subject"])
def test_an_error_of_the_trimap_is_corrected_where_the_plate_shows_it_near_unknown_pixels(said: float, level: float) -> None:
    network = fusion_plate.build()
    nn.init.constant_(network.head.bias, said)
    image, _, plate, alpha = before_stripes(200, 240)
    trimap = alpha.round()
    place = 40 if level == 0.0 else 180
    trimap[..., 20, place] = 0.5
    mistaken = torch.zeros_like(trimap, dtype=torch.bool)
    for row in (40, 150):  # the second is farther away than the network may reach
        mistaken[..., row : row + 12, place - 6 : place + 6] = True
    image = torch.where(mistaken, 1.0 - plate.round() if level == 0.0 else plate, image)
    found, _ = fusion_plate.wrap(network)(image, trimap, plate)
    changed = (found - trimap).abs()
    assert (changed[..., 43:49, place - 3 : place + 3] > 0.24).all(), "what is plainly wrong is mended"
    assert (changed[..., 100:, :] == 0.0).all(), "farther away nothing is"
    around = (slice(None), slice(None), slice(24, 36), slice(place - 20, place + 20))
    assert (changed[around] < 0.01).all(), "nor is what the plate agrees with"


def test_tiles_give_the_matte_of_the_whole_picture() -> None:
    planes = [plane.double() for plane in before_stripes(20, 1100)[:3]]
    network = lively(fusion_plate.build()).double()
    with torch.inference_mode():
        whole, squares = (fusion_plate.CompleteFusionPlate(network, tile)(*planes)[0] for tile in (1120, 576))
    assert (whole - closed_form.build()(planes[0], planes[1], 1e-8)).std() > 0.005, "the weights make a matte that could differ"
    torch.testing.assert_close(squares, whole, atol=1e-6, rtol=0)


def test_the_compiled_module_gives_equal_outputs() -> None:
    image, trimap, plate, _ = before_stripes(37, 61)
    eager = fusion_plate.wrap(lively(fusion_plate.build()))
    with torch.inference_mode():
        compiled = torch.jit.freeze(torch.jit.script(eager.eval()))
        for _ in range(3):  # the executor may specialise from the second call on
            torch.testing.assert_close(compiled(image, trimap, plate)[0], eager(image, trimap, plate)[0], atol=1e-5, rtol=0)


def test_the_shipped_weights_give_the_mattes_they_gave_when_they_were_shipped() -> None:
    rows, columns = torch.meshgrid(torch.arange(96.0), torch.arange(128.0), indexing="ij")
    alpha = ((columns - 60 - 8 * torch.sin(rows / 6)) / 6 + 0.5).clamp(0, 1)
    plate = torch.stack([0.45 + 0.25 * torch.sin(columns / 5 + shift) * torch.cos(rows / 4 - shift) for shift in (0.0, 0.7, 1.4)])
    front = torch.stack([level + 0.1 * torch.sin(rows / 7 + columns / 9) for level in (0.75, 0.5, 0.3)])
    image = (alpha * front + (1 - alpha) * plate)[None]
    trimap = torch.where(columns < 40, 0.0, torch.where(columns > 80, 1.0, 0.5))[None, None]
    spec = registry().find("fusion-plate")
    matte, _ = build_wrapped(spec, [store.verified(spec, file) for file in spec.files])(image, trimap, plate[None])
    stored = [
        [0.000, 0.000, 0.000, 0.000, 0.644, 1.000, 1.000, 1.000],
        [0.000, 0.000, 0.000, 0.000, 0.000, 1.000, 1.000, 1.000],
        [0.000, 0.000, 0.000, 0.000, 0.179, 1.000, 1.000, 1.000],
    ]
    torch.testing.assert_close(matte[0, 0, 16::32, 40:88:6], torch.tensor(stored), atol=2e-3, rtol=0.0)
    coarse = closed_form.build()(image, trimap, 1e-8)
    assert (matte - alpha).abs().mean() < 0.25 * (coarse - alpha).abs().mean()
