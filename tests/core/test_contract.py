"""Every model of models.toml keeps the contract: any size, any batch, its guides in order, its metadata in the file."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from mattecli.core import export
from mattecli.core.contract import read_info
from mattecli.core.registry import ModelSpec, registry
from mattecli.core.runtime import Matter, load_matter, pick_device

MODELS = list(registry().models)
SIZES = [(1, 1), (7, 9), (33, 70), (150, 3)]


@pytest.fixture(scope="module", params=MODELS)
def matter(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Matter:
    """The model with weights as its constructor leaves them, through its exported file."""
    return _exported(registry().models[request.param], tmp_path_factory.mktemp("exports"))


def _exported(spec: ModelSpec, folder: Path) -> Matter:
    torch.manual_seed(0)
    module = export.network_module(spec)
    wrapped = module.wrap(module.build(**spec.build), **spec.build)
    export.export(wrapped, folder / f"{spec.name}.pt", export.info_for(spec, None))
    return load_matter(folder / f"{spec.name}.pt", device=pick_device("cpu"))


def _guides(matter: Matter, image: Tensor) -> dict[str, Tensor]:
    batch, _, height, width = image.shape
    ramp = torch.linspace(0, 1, width).round(decimals=1).mul(2).round().div(2).expand(batch, 1, height, width)
    return {"trimap": ramp, "background": image.flip(3), "mask": (ramp > 0.5).float()}


@pytest.mark.parametrize("size", SIZES)
def test_any_size_gives_an_alpha_of_that_size_within_bounds(matter: Matter, size: tuple[int, int]) -> None:
    image = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1))
    guides = _guides(matter, image)
    alpha, foreground = matter(image, guides)
    assert alpha.shape == (2, 1, *size) and alpha.dtype == torch.float32
    assert alpha.isfinite().all() and alpha.min() >= 0 and alpha.max() <= 1
    assert (foreground is not None) == matter.info.foreground
    alone, _ = matter(image[1:], {name: guide[1:] for name, guide in guides.items()})
    torch.testing.assert_close(alpha[1:], alone, atol=1e-4, rtol=0)


def test_the_file_says_what_it_is(matter: Matter, tmp_path: Path) -> None:
    spec = registry().models[matter.info.name]
    assert (matter.info.guides, matter.info.options) == (spec.guides, dict(spec.options))
    written = tmp_path / "info.pt"
    export.export(export.network_module(spec).wrap(export.network_module(spec).build(**spec.build), **spec.build), written, matter.info)
    assert read_info(written) == matter.info
