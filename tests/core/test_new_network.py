"""A new network is one file and one table; then every command takes it."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import mattecli.nets
from mattecli.cli.app import app
from mattecli.core import registry
from mattecli.io.images import write_image
from tests.support import read

NETWORK = """
import torch
from torch import nn

class Toy(nn.Module):
    def __init__(self):
        super().__init__()
        self.weigh = nn.Conv2d(3, 1, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.weigh(image).sigmoid()

class CompleteToy(nn.Module):
    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor, gain: float = 1.0) -> tuple[torch.Tensor, torch.Tensor | None]:
        return (self.network(image) * gain).clamp(0.0, 1.0), None

def build():
    return Toy()

def convert(state_dict):
    return {key.removeprefix("net."): value for key, value in state_dict.items()}

def wrap(network):
    return CompleteToy(network)
"""

TABLE = """
[defaults]
none = ["toy"]
trimap = []
background = []
refine = []

[models.toy]
summary = "red things"
architecture = "toy"
guides = []
licence = "none"
paper = "none"
options = { gain = 1.0 }

[[models.toy.files]]
name = "toy.pth"
by_hand = "train it"
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """One file in nets/, one table in models.toml, and a checkpoint: redder than 0.5 is foreground."""
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "toy.py").write_text(textwrap.dedent(NETWORK))
    (tmp_path / "models.toml").write_text(TABLE)
    weights = {"net.weigh.weight": torch.tensor([200.0, 0, 0]).view(1, 3, 1, 1), "net.weigh.bias": torch.tensor([-100.0])}
    torch.save(weights, tmp_path / "my.pth")
    monkeypatch.setenv("MATTE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(mattecli.nets, "__path__", [*mattecli.nets.__path__, str(tmp_path / "nets")])
    monkeypatch.setattr(registry, "models_file", lambda: tmp_path / "models.toml")
    registry.registry.cache_clear()
    yield tmp_path
    registry.registry.cache_clear()


def test_a_tenth_network_is_one_file_and_one_table(toy: Path) -> None:
    photo = np.zeros((8, 12, 3), np.uint8)
    photo[:, :5, 0] = 255
    write_image(photo, toy / "photo.png")
    for command in (["models", "import", "toy", toy / "my.pth"], ["image", toy / "photo.png", "--as", "alpha", "-o", toy / "alpha.png"]):
        done = CliRunner().invoke(app, [str(word) for word in command])
        assert done.exit_code == 0, done.output
    np.testing.assert_array_equal(read(toy / "alpha.png"), photo[..., 0])
