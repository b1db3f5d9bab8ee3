"""Every network of models.toml keeps the contract: any size, any batch, its guides in order, its metadata in the file."""

import inspect
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mattecli.core import export
from mattecli.core.contract import METADATA_FILE, ExportInfo, read_info
from mattecli.core.registry import ModelSpec, registry
from mattecli.core.runtime import LoadedModel, load_model, pick_device
from mattecli.errors import ModelError

# The authors' own TorchScript files are code themselves; test_authors_script.py runs one.
TABLES = [spec for spec in registry().models.values() if spec.container == "checkpoint"]


def _code(spec: ModelSpec) -> tuple[object, ...]:
    """What decides which code a network runs: neither its weights nor its width or depth."""
    return spec.architecture, *(value for value in spec.build.values() if isinstance(value, bool) or value in ("pad", "resize"))


# Of the tables with the same code the first, with this project's weights where it has some: those networks are narrow.
MODELS = {_code(spec): spec.ours or spec for spec in reversed(TABLES)}.values()
SIZES = [(1, 1), (33, 70), (150, 3)]


@pytest.fixture(scope="module", params=MODELS, ids=lambda spec: spec.name)
def spec(request: pytest.FixtureRequest) -> ModelSpec:
    return request.param


@pytest.fixture(scope="module")
def file(spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model's exported file, with weights as its constructor leaves them."""
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


@pytest.mark.parametrize("spec", TABLES, ids=lambda spec: spec.name)
def test_a_table_has_the_options_of_its_code(spec: ModelSpec) -> None:
    module = export.network_module(spec)
    with torch.device("meta"):
        wrapped = module.wrap(module.build(**spec.build), **spec.build)
    arguments = list(inspect.signature(wrapped.forward).parameters.values())[1 + len(spec.guides) :]
    assert {argument.name: argument.default for argument in arguments} == spec.options


def test_an_export_holds_its_metadata(spec: ModelSpec, file: Path) -> None:
    info = read_info(file)
    assert (info.guides, info.options, info.foreground) == (spec.guides, dict(spec.options), spec.foreground)


FOOTPRINT = {"fixed": 1, "picture": 2, "seen": 3, "sees": "longest", "bound": "side"}
SOUND: dict[str, Any] = json.loads(ExportInfo("toy", "toy", ("trimap",), {"side": 64}, False, None, "MIT", {"torch": "2"}).to_json())


def _archive(path: Path, text: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"toy/extra/{METADATA_FILE}", text)
    return path


@pytest.mark.parametrize(
    "change",
    [
        {"name": 7},
        {"name": ""},
        {"name": "\x1b[2J"},
        {"name": "x" * 5000},
        {"guides": ["trimap", "trimap"]},
        {"guides": ["depth"]},
        {"guides": 1},
        {"options": {"side": [1]}},
        {"options": {"side": 1e300}},
        {"options": {"no name": 1}},
        {"options": [1]},
        {"lossy_options": {"edge": 1}},
        {"foreground": "yes"},
        {"versions": 3},
        {"licence": None},
        {"format": "1"},
        {"memory": {"fixed": 1}},
        {"memory": FOOTPRINT | {"seen": -1}},
        {"memory": FOOTPRINT | {"seen": "much"}},
        {"memory": FOOTPRINT | {"sees": "nothing"}},
        {"memory": FOOTPRINT | {"bound": "edge"}},
        {"more": 1},
    ],
)
def test_invalid_metadata_is_one_sentence(tmp_path: Path, change: dict[str, Any]) -> None:
    assert read_info(_archive(tmp_path / "toy.pt", json.dumps(SOUND | {"memory": FOOTPRINT}).encode())).name == "toy"
    with pytest.raises(ModelError, match="metadata cannot be read") as error:
        read_info(_archive(tmp_path / "toy.pt", json.dumps(SOUND | change).encode()))
    assert str(error.value).isprintable() and len(str(error.value)) < 400


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"7", b"\xff", b"[" * 100_000, b'{"name": ' + b"1" * 5000 + b"}", b" " * 50_000_000])
def test_unreadable_metadata_is_one_sentence(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(ModelError):
        read_info(_archive(tmp_path / "toy.pt", text))


def test_a_missing_file_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is no file"):
        read_info(tmp_path)
