"""`--max-memory` through the real command line: the peak is announced, a picture is made to fit, or refused in one sentence."""

import json
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mattecli.core import export
from mattecli.core.contract import ExportInfo, Footprint
from mattecli.core.tuning import malloc
from mattecli.core.tuning.budget import resident_memory
from mattecli.io.images import write_image
from tests.support import Run, read


class Tiling(torch.nn.Module):
    """Alpha is 1 in tiles and 0.2 as a whole."""

    def forward(self, image: Tensor, tile: int = 0) -> tuple[Tensor, Tensor | None]:
        return torch.full_like(image[:, :1], 1.0 if tile > 0 else 0.2), None


def test_a_picture_that_would_not_fit_is_matted_in_tiles_and_said_so(run: Run, scene: Path) -> None:
    info = ExportInfo("toy", "toy", (), {"tile": 0}, False, None, "none", {}, memory=Footprint(0.0, 0.0, 2000.0))
    export.export(Tiling(), scene / "toy.pt", info)
    write_image(np.zeros((1000, 1000, 3), np.uint8), scene / "large.png")
    malloc.give_back()  # of earlier tests, else the command gives it back and has more left
    limit = resident_memory() + 1_400_000_000  # the whole would take 2 GB more, tiles of 768 take 1.2 GB
    done = run("image", "large.png", "-m", "toy.pt", "--max-memory", limit, "--as", "alpha", "-o", "alpha.png", "--json")
    assert done.exit_code == 0, done.output
    assert (read(scene / "alpha.png") == 255).all()
    fitting = re.search(r"\(tile=(\d+)\): it would need 2\.0 GB", json.loads(done.stdout)["notes"][0])
    assert fitting is not None and 512 <= int(fitting[1]) < 1000
    assert f"toy at 1000x1000 with tile={fitting[1]}: expected peak memory" in done.stderr


def test_the_expected_peak_is_announced_and_recorded(run: Run, scene: Path) -> None:
    done = run("image", "photo.png", "--trimap", "trimap.png", "--max-memory", "60G", "-o", "cut.png", "--json")
    assert done.exit_code == 0, done.output
    assert "fusion at 96x72: expected peak memory" in done.stderr
    assert json.loads(done.stdout)["expected_memory"] > resident_memory() / 2


def test_without_a_limit_nothing_is_announced(run: Run, scene: Path) -> None:
    assert "peak" not in run("image", "photo.png", "--trimap", "trimap.png", "-o", "cut.png").stderr


def test_a_picture_that_cannot_fit_is_refused_with_the_numbers(run: Run, scene: Path) -> None:
    done = run("image", "photo.png", "--trimap", "trimap.png", "--max-memory", "1M", "-o", "cut.png", "--quiet")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "fusion needs about" in done.stderr and "0 MB of the 1 MB are left" in done.stderr
    assert not (scene / "cut.png").exists()


def test_no_amount_of_memory_is_a_wrong_command(run: Run, scene: Path) -> None:
    done = run("image", "photo.png", "--trimap", "trimap.png", "--max-memory", "lots")
    assert done.exit_code == 2 and "such as 6G" in done.stderr


@pytest.mark.parametrize("option", ["--trimap", "--over"])
def test_guides_and_backdrops_are_read_within_it(run: Run, scene: Path, option: str) -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", 20000, 12000, 8, 2, 0, 0, 0)
    content = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\0\4IDAT" + bytes(8)
    (scene / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    trimap = () if option == "--trimap" else ("--trimap", "trimap.png")
    done = run("image", "photo.png", *trimap, option, "huge.png", "--max-memory", "1.5G", "-o", "cut.png")
    assert done.exit_code == 1, done.output
    assert "huge.png claims 20000x12000 pixels, which take 1920 MB to read, more than the 1500 MB allowed" in done.stderr
