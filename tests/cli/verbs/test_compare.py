"""`matte compare`: one sheet with every model whose guides are given; the others are named."""

import json
from pathlib import Path

from mattecli.compositing.contact_sheet import COLUMNS
from tests.support import Run, read


def test_the_sheet_shows_the_photo_and_every_model_whose_guides_are_given(run: Run, scene: Path) -> None:
    done = run("compare", "photo.png", "--models", "closed-form,bgmv2", "--trimap", "trimap.png", "-o", "sheet.png")
    assert done.exit_code == 0, done.output
    assert done.stdout == "sheet.png\n"
    assert "left out: bgmv2 needs a clean plate" in done.stderr
    sheet = read(scene / "sheet.png")
    assert sheet.shape[1] == 2 * 480
    corner = sheet[5, 480 + 5].tolist()
    assert corner == [255, 0, 255], "the second tile's background is the loud colour"


def test_before_anything_is_pulled_the_sheet_shows_the_shipped_model(run: Run, scene: Path) -> None:
    done = run("compare", "photo.png", "-o", "sheet.png", "--json")
    assert done.exit_code == 0, done.output
    *models, sheet = done.stdout.splitlines()
    assert any(json.loads(line)["model"].startswith("subject") for line in models)
    assert sheet == "sheet.png" and read(scene / sheet).shape[1] == min(1 + len(models), COLUMNS) * 480
