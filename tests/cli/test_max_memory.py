"""`--max-memory` through the real command line: the peak is announced, a picture is made to fit, or refused in one sentence."""

import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from mattecli.core import export
from mattecli.core.contract import ExportInfo, Footprint
from mattecli.core.tuning.budget import resident_memory
from mattecli.io.images import write_image
from tests.support import Run, read

# In a process of its own, since what other tests leave in memory would count as free. The small picture loads what the large one needs.
BESIDE_A_SMALL_ONE = """
import json
from typer.testing import CliRunner
from mattecli.cli.app import app
from mattecli.core.tuning.budget import resident_memory

def run(picture, *words):
    return CliRunner().invoke(app, ["image", picture, "-m", "toy.pt", "--as", "alpha", "--json", *words])

run("photo.png", "-o", "small.png")
limit = resident_memory() + 1_400_000_000  # the whole would take 2 GB more, tiles of 768 take 1.2 GB
done = run("large.png", "-o", "alpha.png", "--max-memory", str(limit))
print(json.dumps([done.exit_code, done.stdout, done.stderr]))
"""


class Tiling(torch.nn.Module):
    """Alpha is 1 in tiles and 0.2 as a whole."""

    def forward(self, image: Tensor, tile: int = 0) -> tuple[Tensor, Tensor | None]:
        return torch.full_like(image[:, :1], 1.0 if tile > 0 else 0.2), None


def test_a_picture_beyond_the_limit_is_matted_in_tiles_with_a_note(scene: Path) -> None:
    info = ExportInfo("toy", "toy", (), {"tile": 0}, False, None, "none", {}, memory=Footprint(0.0, 0.0, 2000.0))
    export.export(Tiling(), scene / "toy.pt", info)
    write_image(np.zeros((1000, 1000, 3), np.uint8), scene / "large.png")
    told = subprocess.run([sys.executable, "-c", BESIDE_A_SMALL_ONE], cwd=scene, capture_output=True, text=True, check=True)
    code, said, notes = json.loads(told.stdout)
    assert code == 0, notes
    assert (read(scene / "alpha.png") == 255).all()
    assert "(tile=768): it would need 2.0 GB" in json.loads(said)["notes"][0]
    assert "toy at 1000x1000 with tile=768: expected peak memory" in notes


def test_the_expected_peak_is_announced_and_recorded(run: Run, scene: Path) -> None:
    done = run("image", "photo.png", "--trimap", "trimap.png", "--max-memory", "60G", "-o", "cut.png", "--json")
    assert done.exit_code == 0, done.output
    assert "fusion at 96x72: expected peak memory" in done.stderr
    assert json.loads(done.stdout)["expected_memory"] > resident_memory() / 2


def test_without_a_limit_nothing_is_announced(run: Run, scene: Path) -> None:
    assert "peak" not in run("image", "photo.png", "--trimap", "trimap.png", "-o", "cut.png").stderr


def test_a_picture_that_cannot_fit_is_refused_with_needed_and_free_memory(run: Run, scene: Path) -> None:
    done = run("image", "photo.png", "--trimap", "trimap.png", "--max-memory", "1M", "-o", "cut.png", "--quiet")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "fusion needs about" in done.stderr and "0 MB of the 1 MB are left" in done.stderr
    assert not (scene / "cut.png").exists()


def test_an_unreadable_amount_of_memory_is_a_usage_error(run: Run, scene: Path) -> None:
    done = run("image", "photo.png", "--trimap", "trimap.png", "--max-memory", "lots")
    assert done.exit_code == 2 and "such as 6G" in done.stderr


@pytest.mark.parametrize("option", ["--trimap", "--over"])
def test_guides_and_backdrops_are_read_within_the_limit(run: Run, scene: Path, option: str) -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", 20000, 12000, 8, 2, 0, 0, 0)
    content = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\0\4IDAT" + bytes(30_000)
    (scene / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    trimap = () if option == "--trimap" else ("--trimap", "trimap.png")
    done = run("image", "photo.png", *trimap, option, "huge.png", "--max-memory", "4G", "-o", "cut.png")
    assert done.exit_code == 1, done.output
    assert "huge.png claims 20000x12000 pixels, which take 6720 MB to read, more than the " in done.stderr


def test_a_photo_that_cannot_fit_is_refused_before_its_pixels_are_read(run: Run, scene: Path) -> None:
    Image.new("P", (4000, 4000)).save(scene / "large.gif")
    done = run("image", "large.gif", "--max-memory", "1M", "-o", "cut.png")
    assert done.exit_code == 1 and "needs about 2.9 GB or more for a 4000x4000 picture" in done.stderr, done.output
    (scene / "large.gif").write_bytes((scene / "large.gif").read_bytes()[:2000])  # which cannot be decoded
    assert "4000x4000 picture" in run("image", "large.gif", "--max-memory", "1M", "-o", "cut.png").stderr
