"""Shipped weights are installed from the start, are the defaults before any download, and are never deleted."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import mattecli.nets
from mattecli.core import registry, store
from mattecli.io.images import write_image
from tests.support import Run, read

NETWORK = """
import torch
from torch import nn

class Gain(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(1))

class FromTrimap(nn.Module):
    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor, trimap: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        return torch.where(trimap == 0.5, self.network.gain, trimap), None

class FromPlate(nn.Module):
    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor, background: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        return ((image - background).abs().mean(1, keepdim=True) * self.network.gain).clamp(0.0, 1.0), None

def build(plate: bool):
    return Gain()

def convert(state_dict):
    return state_dict

def wrap(network, plate: bool):
    return FromPlate(network) if plate else FromTrimap(network)
"""

TABLES = """
[defaults]
none = ["far-away"]
trimap = ["by-trimap", "closed-form"]
background = ["by-plate"]
refine = ["by-trimap", "closed-form"]

[models.closed-form]
summary = "no weights"
architecture = "closed_form"
options = {{ epsilon = 1e-8 }}
guides = ["trimap"]
licence = "none"
paper = "none"

[models.far-away]
summary = "not here"
architecture = "gain"
build = {{ plate = false }}
guides = []
licence = "none"
paper = "none"
files = [{{ name = "far.pt", by_hand = "it is far away" }}]

[models.by-trimap]
summary = "what is unknown has the alpha of its weights"
architecture = "gain"
build = {{ plate = false }}
guides = ["trimap"]
licence = "none"
paper = "none"
files = [{{ name = "half.pt", shipped = true, sha256 = "{half}", bytes = {size} }}]

[models.by-plate]
summary = "what differs from the plate"
architecture = "gain"
build = {{ plate = true }}
guides = ["background"]
licence = "none"
paper = "none"
files = [{{ name = "five.pt", shipped = true, sha256 = "{five}", bytes = {size} }}]
"""


def _weights(path: Path, gain: float) -> str:
    torch.save({"gain": torch.tensor([gain]).half()}, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package that ships two models' weights, which lie in weights/, and an empty cache."""
    for folder in ("nets", "weights"):
        (tmp_path / folder).mkdir()
    (tmp_path / "nets" / "gain.py").write_text(NETWORK)
    digests = {name: _weights(tmp_path / "weights" / f"{name}.pt", gain) for name, gain in (("half", 0.5), ("five", 5.0))}
    size = (tmp_path / "weights" / "half.pt").stat().st_size
    (tmp_path / "models.toml").write_text(TABLES.format(size=size, **digests))
    monkeypatch.setenv("MATTE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(mattecli.nets, "__path__", [*mattecli.nets.__path__, str(tmp_path / "nets")])
    monkeypatch.setattr(registry, "models_file", lambda: tmp_path / "models.toml")
    monkeypatch.setattr(store, "weights_folder", lambda: tmp_path / "weights")
    registry.registry.cache_clear()
    yield tmp_path
    registry.registry.cache_clear()


def test_shipped_weights_need_no_pull_and_stay_when_the_cache_is_cleared(run: Run, package: Path, scene: Path) -> None:
    listed = {record["name"]: record for record in map(json.loads, run("models", "list", "--json").stdout.splitlines())}
    assert listed["by-trimap"]["installed"] and not listed["far-away"]["installed"]
    (row,) = [line for line in run("models", "list").stdout.splitlines() if line.startswith("by-trimap")]
    assert row.split()[1] == "yes" and row.split()[-2:] == ["shipped", "none"]
    file = package / "weights" / "half.pt"
    pulled = run("models", "pull", "by-trimap", "--offline")
    assert pulled.stdout.strip() == str(file) and "comes with mattecli" in pulled.stderr
    assert f"comes with mattecli: {file}" in run("models", "info", "by-trimap").stdout
    assert run("models", "path", "by-trimap").stdout.strip() == str(file)
    assert f"{file}: ok" in run("models", "verify").stdout.splitlines()
    assert run("image", "photo.png", "--trimap", "trimap.png", "-o", "cut.png").exit_code == 0
    removed = run("models", "rm", "by-trimap")
    assert [Path(line).parent.name for line in removed.stdout.splitlines()] == ["exports"], "what was made of it is deleted"
    assert f"{file} came with mattecli and stays" in removed.stderr and file.is_file()


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("guide", "model"),
    [
        (("--trimap", "trimap.png"), "by-trimap"),
        (("--mask", "true.png"), "by-trimap"),
        (("--bg", "plate.png"), "by-plate"),
        (("--strokes", "strokes.png"), "by-trimap"),
    ],
)
def test_a_shipped_model_is_the_default_before_anything_is_pulled(run: Run, scene: Path, guide: tuple[str, ...], model: str) -> None:
    done = run("image", "photo.png", *guide, "--offline", "--as", "alpha", "-o", "alpha.png", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["model"] == model
    if model == "by-trimap":
        assert (read(scene / "alpha.png") == 128).any(), "the weights of the file were used"


@pytest.mark.usefixtures("package")
def test_a_clip_with_a_plate_takes_the_shipped_plate_model(run: Run, scene: Path) -> None:
    photo = read(scene / "photo.png")
    (scene / "clip").mkdir()
    for index in range(2):
        write_image(photo, scene / "clip" / f"{index:03}.png")
    done = run("video", "clip", "--bg", "plate.png", "--as", "alpha", "-o", scene / "mattes" / "%03d.png", "--offline", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["model"] == "by-plate"
    agree = (read(scene / "mattes" / "001.png") > 127) == (read(scene / "true.png") > 127)
    assert agree.mean() > 0.95


def _findings(run: Run) -> dict[str, dict[str, object]]:
    return {record["name"]: record for record in map(json.loads, run("doctor", "--json").stdout.splitlines())}


def test_shipped_weights_that_were_altered_are_never_used(run: Run, package: Path, scene: Path) -> None:
    assert run("image", "photo.png", "--trimap", "trimap.png", "-o", "cut.png").exit_code == 0
    (package / "weights" / "half.pt").write_bytes(b"not these")
    done = run("image", "photo.png", "--trimap", "trimap.png", "-o", "other.png")
    assert done.exit_code == 1 and "sha256" in done.stderr and "comes with mattecli, so install that again" in done.stderr, done.output
    assert not (scene / "other.png").exists()
    findings = _findings(run)
    assert not findings["by-trimap"]["ok"] and "install that again" in findings["by-trimap"]["advice"]
    assert findings["by-plate"]["state"] == "it comes with mattecli, sha256 right"
    assert findings["closed-form"]["state"] == "built in, needs no weights"


@pytest.mark.usefixtures("scene")
def test_without_the_shipped_file_the_next_default_is_used(run: Run, package: Path) -> None:
    (package / "weights" / "half.pt").unlink()
    assert "install that again" in _findings(run)["by-trimap"]["advice"], "there is nothing to pull"
    done = run("image", "photo.png", "--trimap", "trimap.png", "-o", "cut.png", "--json")
    assert json.loads(done.stdout)["model"] == "closed-form", done.output
    refined = run("image", "photo.png", "--bg", "plate.png", "--model", "by-plate", "--refine", "-o", "cut.png", "--overwrite", "--json")
    assert json.loads(refined.stdout)["refine"] == "closed-form", refined.output
    named = run("image", "photo.png", "--trimap", "trimap.png", "--model", "by-trimap", "-o", "cut.png", "--overwrite")
    assert named.exit_code == 1 and "half.pt is missing; it comes with mattecli" in named.stderr


def test_import_does_not_replace_shipped_weights_and_export_takes_other_weights(run: Run, package: Path, scene: Path) -> None:
    _weights(package / "mine.pth", 0.25)
    done = run("models", "import", "by-trimap", package / "mine.pth")
    assert done.exit_code == 1 and "matte models export by-trimap --checkpoint" in done.stderr
    assert run("models", "verify", "by-trimap").exit_code == 0
    assert run("models", "export", "by-trimap", "--checkpoint", package / "mine.pth", "-o", package / "mine.pt").exit_code == 0
    done = run("image", "photo.png", "--trimap", "trimap.png", "--model", package / "mine.pt", "--as", "alpha", "-o", "alpha.png")
    assert done.exit_code == 0 and (read(scene / "alpha.png") == 64).any(), done.output
