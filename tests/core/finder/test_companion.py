"""Whom a finder leaves out beside a person it finds is added where a judge knows someone there, and only if a second look finds one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

import mattecli
from mattecli.core import export
from mattecli.core.contract import ExportInfo
from mattecli.core.finder.companion import HEIGHT, Judge, with_companions
from mattecli.core.runtime import LoadedModel, load_model, pick_device
from mattecli.core.tuning.memory_guard import run_within

MAN, WOMAN = (slice(20, 120), slice(100, 130)), (slice(24, 120), slice(50, 78))


class TakesTheLightest(nn.Module):
    """Its alpha is 1 at the pixels that are nearly as light as the lightest, unless that is dark."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
        light = image.mean(1, keepdim=True)
        most = light.amax((2, 3), keepdim=True)
        return ((light > most - 0.1) & (most > 0.3)).to(image.dtype), None, torch.full((image.shape[0], 2), 0.9)


@dataclass
class Street:
    """A picture [1, 3, H, W] of two people, one lighter than the other, and the finder."""

    image: Tensor
    finder: LoadedModel

    def matte(self, judge: Judge) -> Tensor:
        looked = run_within(self.finder, self.image, {}, {})
        return with_companions(looked, self.finder, self.image, {}, judge).alpha[0, 0]


@pytest.fixture
def street(tmp_path: Path) -> Street:
    export.export(TakesTheLightest(), tmp_path / "toy.pt", ExportInfo("toy", "toy", (), {}, False, None, "none", {}, verdict=True))
    image = torch.full((1, 3, 140, 200), 0.1)
    image[..., MAN[0], MAN[1]], image[..., WOMAN[0], WOMAN[1]] = 0.9, 0.5
    return Street(image, load_model(tmp_path / "toy.pt", device=pick_device("cpu")))


def window(place: tuple[slice, slice]) -> Callable[..., tuple[int, int, int, int]]:
    """A judge that knows someone in a place of the street, with an eighth of the window above and below; it is given the man's."""

    def judge(picture: np.ndarray, man: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        assert picture.dtype == np.uint8 and abs(man[2] - HEIGHT) <= 1, "the man has another size"
        scale = HEIGHT / 100
        rows, columns = place
        height = (rows.stop - rows.start) / 0.75
        top, left = rows.start - height / 8 - MAN[0].start, (columns.start + columns.stop) / 2 - height / 4 - MAN[1].start
        places = man[0] + scale * top, man[1] + scale * left, scale * height, scale * height / 2
        return tuple(round(length) for length in places)  # type: ignore[return-value]

    return judge


def test_who_is_known_beside_the_found_one_is_added(street: Street) -> None:
    alone, both = street.matte(lambda picture, man: None), street.matte(window(WOMAN))
    assert alone[MAN].min() == 1 and alone[WOMAN].max() == 0
    assert both[MAN].min() == 1 and both[WOMAN].min() == 1 and both.sum() == alone.sum() + both[WOMAN].numel()


def test_where_a_second_look_finds_nobody_the_matte_is_unchanged(street: Street) -> None:
    street.image[..., WOMAN[0], WOMAN[1]] = 0.1
    assert torch.equal(street.matte(window(WOMAN)), street.matte(lambda picture, man: None))


@pytest.mark.parametrize("place", [(slice(20, 50), slice(60, 130)), (slice(20, 120), slice(5, 195))], ids=["not upright", "no room"])
def test_beside_what_is_no_standing_person_with_room_nobody_is_looked_for(street: Street, place: tuple[slice, slice]) -> None:
    def judge(picture: np.ndarray, man: tuple[int, int, int, int]) -> None:
        raise AssertionError("the judge was asked")

    street.image[:] = 0.1
    street.image[..., place[0], place[1]] = 0.9
    street.matte(judge)


def test_of_two_who_walk_together_both_are_taken_and_a_clip_s_frames_are_looked_at_once(shared: Path, tmp_path: Path) -> None:
    photo, model = shared / "data/portraits/people_236.jpg", mattecli.load("subject", device="cpu")
    mask = cv2.imread(str(shared / "data/portraits/people_236_mask.png"), cv2.IMREAD_GRAYSCALE) > 127
    alpha = mattecli.OutputOptions("alpha")
    both = np.asarray(model(photo, refine="none").alpha) > 0.5
    assert (both & mask).sum() / (both | mask).sum() > 0.85
    (tmp_path / "1.jpg").write_bytes(photo.read_bytes())
    mattecli.matte_video(tmp_path / "%d.jpg", tmp_path / "out" / "%d.png", model=model, output=alpha, refine="none", smooth=False)
    one = cv2.imread(str(tmp_path / "out" / "1.png"), cv2.IMREAD_GRAYSCALE) > 127
    assert (one & mask).sum() / (one | mask).sum() < 0.6
