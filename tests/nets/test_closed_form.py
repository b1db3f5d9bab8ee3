"""Closed-form matting solves the paper's equations, recovers what it should and never stumbles over an odd trimap."""

import pytest
import torch
from torch import Tensor

from mattecli.nets import closed_form

pytestmark = [
    pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta"),
    pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled"),
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
]

TRIMAPS = {
    "unknown": [0.5],
    "foreground": [1.0],
    "background": [0.0],
    "all three": [0.0, 0.5, 1.0],
    "islands": [0.0] * 9 + [1.0] * 9 + [0.5],
    "foreground and unknown": [1.0, 0.5],
    "background and unknown": [0.0, 0.5],
}


def dense_laplacian(image: Tensor, epsilon: float) -> Tensor:
    """Equation 12 of the paper, window by window, for an image [3, H, W]."""
    height, width = image.shape[1:]
    result = torch.zeros(height * width, height * width, dtype=torch.float64)
    for row in range(height - 2):
        for column in range(width - 2):
            colours = image[:, row : row + 3, column : column + 3].reshape(3, 9).T.double()
            centred = colours - colours.mean(0)
            covariance = centred.T @ centred / 9 + epsilon / 9 * torch.eye(3, dtype=torch.float64)
            affinity = (1 + centred @ torch.linalg.inv(covariance) @ centred.T) / 9
            places = (torch.arange(row, row + 3)[:, None] * width + torch.arange(column, column + 3)).reshape(-1)
            result[places[:, None], places] += torch.eye(9, dtype=torch.float64) - affinity
    return result


def dense_solution(image: Tensor, trimap: Tensor, epsilon: float) -> Tensor:
    matrix = dense_laplacian(image, epsilon)
    alpha = trimap.reshape(-1).double()
    unknown = alpha == 0.5
    load = -matrix[unknown][:, ~unknown] @ alpha[~unknown]
    alpha[unknown] = torch.linalg.solve(matrix[unknown][:, unknown], load)
    return alpha.reshape(trimap.shape).clamp(0, 1)


def disc(height: int, width: int) -> tuple[Tensor, Tensor]:
    """A soft disc's alpha and a trimap of it, [H, W]."""
    rows, columns = torch.arange(height)[:, None] - height / 2, torch.arange(width) - width / 2
    alpha = ((height / 3 - (rows**2 + columns**2).sqrt()) / (height / 8) + 0.5).clamp(0, 1)
    trimap = torch.where((alpha > 0) & (alpha < 1), 0.5, alpha.round())
    return alpha, trimap


@pytest.mark.parametrize(("height", "width"), [(12, 15), (40, 30)], ids=["direct", "multigrid"])
def test_alpha_equals_the_solution_of_the_paper(height: int, width: int) -> None:
    image = torch.rand(3, height, width, generator=torch.Generator().manual_seed(1)).pow(3)
    trimap = torch.full((height, width), 0.5)
    trimap[:3], trimap[-3:] = 0.0, 1.0
    expected = dense_solution(image, trimap, 1e-4)
    alpha = closed_form.build()(image[None], trimap[None, None], 1e-4, 1e-7)[0, 0]
    assert torch.allclose(alpha.double(), expected, atol=2e-5)
    assert torch.equal(alpha[trimap != 0.5], trimap[trimap != 0.5])


def test_a_composite_of_smooth_colours_gives_its_alpha() -> None:
    alpha, trimap = disc(120, 160)
    along, down = torch.linspace(0, 1, 160).expand(120, 160), torch.linspace(0, 1, 120)[:, None].expand(120, 160)
    foreground = torch.stack([0.8 + 0.1 * along, 0.3 + 0.2 * down, 0.2 * along])
    background = torch.stack([0.1 * down, 0.4 + 0.1 * along, 0.9 - 0.2 * down])
    image = alpha * foreground + (1 - alpha) * background
    found, nothing = closed_form.wrap(closed_form.build())(image[None], trimap[None, None])
    assert nothing is None
    assert (found[0, 0] - alpha).abs().max() < 0.02


def test_a_batch_is_its_images_one_by_one() -> None:
    images = torch.rand(2, 3, 30, 40, generator=torch.Generator().manual_seed(2))
    trimaps = torch.stack([disc(30, 40)[1][None], disc(30, 40)[1][None].flip(2).roll(5, 1)])
    network = closed_form.build()
    assert torch.equal(network(images, trimaps)[1:], network(images[1:], trimaps[1:]))


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 3), (5, 64), (40, 40)])
@pytest.mark.parametrize("kind", TRIMAPS)
def test_any_size_and_any_trimap_gives_an_alpha(size: tuple[int, int], kind: str) -> None:
    generator = torch.Generator().manual_seed(3)
    values = torch.tensor(TRIMAPS[kind])
    trimap = values[torch.randint(len(values), size, generator=generator)]
    image = torch.rand(3, *size, generator=generator)
    alpha = closed_form.build()(image[None], trimap[None, None])[0, 0]
    assert alpha.shape == trimap.shape and bool(((alpha >= 0) & (alpha <= 1)).all())
    assert torch.equal(alpha[trimap != 0.5], trimap[trimap != 0.5])
    if kind == "foreground and unknown" and bool((trimap == 1).any()):
        assert bool((alpha > 0.99).all())


def test_constant_and_grey_images_run() -> None:
    trimap = disc(60, 60)[1]
    flat = torch.full((3, 60, 60), 0.3)
    grey = torch.rand(1, 60, 60, generator=torch.Generator().manual_seed(4)).expand(3, 60, 60)
    alphas = closed_form.build()(torch.stack([flat, grey]), trimap.expand(2, 1, 60, 60))
    assert bool(torch.isfinite(alphas).all())


def test_the_compiled_module_gives_equal_outputs() -> None:
    image = torch.rand(1, 3, 40, 50, generator=torch.Generator().manual_seed(5))
    trimap = disc(40, 50)[1][None, None]
    eager = closed_form.wrap(closed_form.build()).eval()
    with torch.inference_mode():
        compiled = torch.jit.freeze(torch.jit.script(eager))
        for _ in range(3):  # the executor may specialise from the second call on
            assert torch.allclose(compiled(image, trimap)[0], eager(image, trimap)[0], atol=1e-5)
