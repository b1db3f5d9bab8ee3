"""A model with a finder is given the part of a picture in which that finds the subject, as a square, and nothing where it finds none."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

import mattecli
from mattecli.core import export
from mattecli.core.contract import ExportInfo
from mattecli.core.finder.subject_box import Box, subject_box
from mattecli.errors import ModelError, OutOfMemoryError
from mattecli.io.images import write_image

SIDE = 64


class Measures(nn.Module):
    """Its alpha is the hundredth part of the longer side of what it is given, everywhere."""

    def forward(self, image: Tensor, side: int = 64) -> tuple[Tensor, Tensor | None]:
        return torch.full_like(image[:, :1], max(image.shape[2], image.shape[3]) / 100.0), None


class UpperThird(nn.Module):
    """Its alpha is 1 in the upper third of what it is given, and 0.5 in the right half below that."""

    def forward(self, image: Tensor, side: int = 64) -> tuple[Tensor, Tensor | None]:
        alpha = torch.zeros_like(image[:, :1])
        alpha[:, :, :, image.shape[3] // 2 :] = 0.5
        alpha[:, :, : image.shape[2] // 3] = 1.0
        return alpha, None


def measuring(folder: Path, finder: str) -> str:
    info = ExportInfo("measuring", "toy", (), {"side": SIDE}, False, None, "none", {}, finder=finder)
    export.export(Measures(), folder / "toy.pt", info)
    return str(folder / "toy.pt")


def disc(size: tuple[int, int], centre: tuple[int, int], radius: int) -> np.ndarray:
    """A picture (height, width) of an orange disc before a wall; centre: (x, y)."""
    picture = np.full((*size, 3), (60, 90, 170), np.uint8)
    return cv2.circle(picture, centre, radius, (230, 140, 40), cv2.FILLED, cv2.LINE_AA)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> mattecli.Model:
    return mattecli.load(measuring(tmp_path_factory.mktemp("model"), "subject"), device="cpu")


def test_the_network_is_given_a_square_of_the_part_around_the_subject_alone(model: mattecli.Model) -> None:
    matte = model(disc((60, 160), (120, 30), 20), refine="none")  # 100..140 by 10..50, and a tenth of 40 around it
    box = matte.found.box
    assert box is not None and np.abs(np.subtract(box, (6, 96, 48, 48))).max() <= 4, box
    rows, columns = np.nonzero(matte.alpha)
    spans = np.subtract((rows.min(), rows.max(), columns.min(), columns.max()), (10, 50, 100, 140))
    assert np.abs(spans).max() <= 4, "the matte is not near the disc alone"
    assert np.allclose(np.median(matte.alpha[matte.alpha > 0]), SIDE / 100), "the network was given another size"
    assert np.allclose(model(disc((60, 160), (120, 30), 20), refine="none", options={"side": 32}).alpha.max(), 0.32)


def test_a_square_larger_than_the_memory_is_refused_before_it_is_made(model: mattecli.Model) -> None:
    with pytest.raises(OutOfMemoryError, match="with side=1000000 needs 12000"):
        model(disc((60, 160), (120, 30), 20), refine="none", options={"side": 1_000_000})


def test_what_is_known_of_the_part_is_told(model: mattecli.Model) -> None:
    matte = model(disc((60, 160), (120, 30), 20), refine="none")
    record, box = matte.record(), matte.found.box
    assert box is not None and record["finder"] == matte.finder == "subject"
    assert record["box"] == [box.left, box.top, box.width, box.height]
    assert record["confidence"] > 0.5 and record["person"] is not None
    assert f"within {box.width}x{box.height} pixels at {box.left},{box.top}, covers" in str(matte.found)


def test_leaving_out_what_is_hardly_a_person_is_doubted(shared: Path, tmp_path: Path) -> None:
    info = ExportInfo("upper", "toy", (), {"side": SIDE}, False, None, "none", {}, finder="subject")
    export.export(UpperThird(), tmp_path / "upper.pt", info)
    model = mattecli.load(str(tmp_path / "upper.pt"), device="cpu")
    cat, person = (model(shared / "data/portraits" / name, refine="none") for name in ("animal_cat.jpg", "people_112.jpg"))
    assert cat.doubt and "much of what was found is left out, so it may be no person; use the model subject" in cat.notes[-1]
    assert not person.doubt and person.notes == ()
    lower = person.alpha[len(person.alpha) * 2 // 3 :]
    assert np.isclose(lower.max(), 0.25), "the network was not given the picture and its mirror image"


def test_each_picture_of_a_batch_has_its_own_part(model: mattecli.Model) -> None:
    pictures = [disc((60, 160), (x, 30), 20) for x in (30, 120)]
    pictures.insert(1, np.full((60, 160, 3), 128, np.uint8))  # where nothing is found
    left, nothing, right = model.batch(pictures)
    assert left.found.box is not None and right.found.box is not None
    assert left.found.box.left + 90 == pytest.approx(right.found.box.left, abs=4)
    assert nothing.found.box is None and nothing.alpha.max() == 0 and nothing.doubt
    assert "nothing was found" in nothing.notes[-1] and "the model subject" not in nothing.notes[-1]


def test_a_model_without_a_finder_is_given_all(tmp_path: Path) -> None:
    matte = mattecli.load(measuring(tmp_path, ""), device="cpu")(disc((60, 90), (60, 30), 20), refine="none")
    assert np.allclose(matte.alpha, 0.9)
    assert matte.finder is matte.record()["finder"] is matte.record()["box"] is matte.found.box is None


def test_frames_of_a_clip_are_cut_the_same_way(model: mattecli.Model, tmp_path: Path) -> None:
    for number, x in enumerate((40, 80, 120)):
        write_image(disc((60, 160), (x, 30), 20), tmp_path / f"{number}.png")
    alpha = mattecli.OutputOptions("alpha")
    mattecli.matte_video(tmp_path / "%d.png", tmp_path / "mattes" / "%d.png", model=model, output=alpha, smooth=False)
    for number, x in enumerate((40, 80, 120)):
        columns = np.flatnonzero(cv2.imread(str(tmp_path / "mattes" / f"{number}.png"), cv2.IMREAD_GRAYSCALE).any(0))
        assert (columns.min(), columns.max()) == (pytest.approx(x - 24, abs=4), pytest.approx(x + 24, abs=4))


@pytest.mark.parametrize("finder", ["fdm", "nobody", "../other.pt"])
def test_an_export_whose_finder_finds_nothing_is_refused(tmp_path: Path, finder: str) -> None:
    with pytest.raises(ModelError, match=f"{finder!r}, which is no model here that does that"):
        mattecli.load(measuring(tmp_path, finder), device="cpu")


def test_the_box_holds_all_parts_and_ends_at_the_picture() -> None:
    alpha = torch.zeros(50, 100)
    assert subject_box(alpha) is None
    alpha[20:40, 10:20], alpha[0:10, 60:90] = 1.0, 0.6  # two people
    alpha[45:, :] = 0.4
    assert subject_box(alpha) == Box(0, 2, 44, 96)
    assert subject_box(torch.ones(50, 100)) == Box(0, 0, 50, 100)
