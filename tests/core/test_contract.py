"""Every model of models.toml keeps the contract: any size, any batch, its guides in order, its metadata in the file."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from mattecli.core import export
from mattecli.core.contract import read_info
from mattecli.core.registry import ModelSpec, registry
from mattecli.core.runtime import LoadedModel, load_model, pick_device

# Tables that differ in their weights only run the same code, so one of them is enough. The authors' own TorchScript files are code
# themselves; test_authors_script.py runs one.
OURS = [spec for spec in registry().models.values() if spec.container == "checkpoint"]
MODELS = {(spec.architecture, tuple(spec.build.items())): spec for spec in OURS}.values()
SIZES = [(1, 1), (33, 70), (150, 3)]


@pytest.fixture(scope="module", params=MODELS, ids=lambda spec: spec.name)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model's exported file, with weights as its constructor leaves them."""
    spec: ModelSpec = request.param
    torch.manual_seed(0)
    module = export.network_module(spec)
    path = tmp_path_factory.mktemp("exports") / f"{spec.name}.pt"
    export.export(module.wrap(module.build(**spec.build), **spec.build), path, export.info_for(spec, None))
    return path


@pytest.fixture(scope="module")
def model(file: Path) -> LoadedModel:
    return load_model(file, device=pick_device("cpu"))


def _guides(model: LoadedModel, image: Tensor) -> dict[str, Tensor]:
    batch, _, height, width = image.shape
    ramp = torch.linspace(0, 1, width).round(decimals=1).mul(2).round().div(2).expand(batch, 1, height, width)
    return {"trimap": ramp, "background": image.flip(3), "mask": (ramp > 0.5).float()}


@pytest.mark.parametrize("size", SIZES)
def test_any_size_gives_an_alpha_of_that_size_within_bounds(model: LoadedModel, size: tuple[int, int]) -> None:
    image = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1))
    guides = _guides(model, image)
    small = {"side": 64} if "side" in model.info.options else {}  # quick; the size of the result does not depend on it
    alpha, foreground = model(image, guides, small)
    assert alpha.shape == (2, 1, *size) and alpha.dtype == torch.float32
    assert alpha.isfinite().all() and alpha.min() >= 0 and alpha.max() <= 1
    assert (foreground is not None) == model.info.foreground
    alone, _ = model(image[1:], {name: guide[1:] for name, guide in guides.items()}, small)
    torch.testing.assert_close(alpha[1:], alone, atol=1e-4, rtol=0)


def test_the_file_says_what_it_is(file: Path) -> None:
    info = read_info(file)
    spec = registry().models[file.stem]
    assert (info.guides, info.options, info.foreground) == (spec.guides, dict(spec.options), spec.foreground)
