"""Clips matted by a network that needs no guide and changes its mind."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mattecli.core import export
from mattecli.core.contract import ExportInfo
from mattecli.io.images import read_photo
from tests.clips import Picture, Size, make_clip
from tests.support import Run

SIZE = (72, 128)


class Undecided(torch.nn.Module):
    """Finds what is red in the left half; what is red in the right half only where the first pixel is bright, and not surely."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        red = (image[:, :1] - image[:, 2:]).clamp(0, 0.5) * 2
        right = torch.arange(image.shape[3]) >= image.shape[3] // 2
        return torch.where(right, red * 0.7 * (image[:, :1, :1, :1] > 0.5), red), None


def _still(index: int, size: Size) -> Picture:
    """Two red discs before a blue wall; the first pixel is bright for four frames of eight."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    discs = np.maximum(24 - np.hypot(rows - 36, columns - 34), 14 - np.hypot(rows - 36, columns - 100)).clip(0, 1)[..., None]
    wall = np.stack([30 + 10 * np.sin(columns / 3), 90 + rows / 2, 180 + 30 * np.cos(rows / 5)], axis=2)
    picture = np.rint(discs * (230, 60, 40) + (1 - discs) * wall).astype(np.uint8)
    picture[0, 0] = 255 * (index % 8 < 4)
    return picture


def test_a_part_that_the_network_is_unsure_of_does_not_come_and_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.chdir(tmp_path)
    export.export(Undecided(), tmp_path / "toy.pt", ExportInfo("toy", "toy", (), {}, False, None, "none", {}))
    make_clip(tmp_path / "clip.mkv", size=SIZE, frames=10, picture=_still, codec="ffv1", pixels="gbrp")
    for folder, smooth in (("steady", ()), ("alone", ("--no-smooth",))):
        result = run("video", "clip.mkv", "-m", "toy.pt", "--refine", "closed-form", *smooth, "--as", "alpha", "-o", f"{folder}/%d.png")
        assert result.exit_code == 0, result.stderr
    steady, alone = (
        np.stack([read_photo(f"{folder}/{index}.png").pixels[..., 0] for index in range(1, 11)]) for folder in ("steady", "alone")
    )
    assert np.ptp(alone[:, 36, 100].astype(int)) > 100, "frame by frame it comes and goes"
    assert steady[:, 36, 100].max() < 20 and steady[:, 36, 34].min() == 255
