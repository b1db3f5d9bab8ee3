"""What a matte shows is told in a sentence, and what can hardly be right is doubted."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import mattecli
from mattecli.core.finder.subject_box import Box, Framed, haze
from mattecli.pipelines.found import Seen, doubts, found, unlikely
from mattecli.pipelines.tensors import Matted

YES, NO, PERSON = torch.tensor([[0.97, 0.1]]), torch.tensor([[0.2, 0.1]]), torch.tensor([[0.99, 0.9]])


def disc(share: float, level: float = 1.0) -> torch.Tensor:
    """A matte of which a share has this alpha."""
    alpha = torch.zeros(1, 1, 40, 50)
    alpha.view(-1)[: int(share * 2000)] = level
    return alpha


@pytest.mark.parametrize(
    ("share", "verdict", "sentence"),
    [
        (0.31, PERSON, "found a person (90 % sure), covers 31 % of the picture"),
        (0.31, YES, "found a subject (97 % sure), covers 31 % of the picture"),
        (0.002, None, "found something that covers 0.2 % of the picture"),
    ],
)
def test_the_found_subject_is_described_in_a_sentence(share: float, verdict: torch.Tensor | None, sentence: str) -> None:
    assert str(found(disc(share), verdict)) == sentence


@pytest.mark.parametrize(
    ("alpha", "verdict", "doubt"),
    [
        (disc(0.0), None, "nothing was found"),
        (disc(0.5, 0.05), None, "nothing was found"),
        (disc(0.5, 0.4), None, "nothing is more than half visible"),
        (disc(0.0005), None, "all but empty"),
        (disc(1.0), None, "covers the whole picture"),
        (disc(0.3), NO, "unlikely that there is a subject"),
    ],
)
def test_an_implausible_matte_is_doubted(alpha: torch.Tensor, verdict: torch.Tensor | None, doubt: str) -> None:
    (sentence,) = doubts(alpha, verdict)
    assert doubt in sentence and "give a trimap" in sentence
    assert "check the guide" in doubts(alpha, verdict, guided=True)[0]


def test_portrait_networks_that_find_nothing_advise_the_general_one() -> None:
    assert "the model subject" in doubts(disc(0.0))[0]
    assert "the model subject" not in doubts(disc(0.0), NO)[0]


def test_a_plausible_matte_is_not_doubted() -> None:
    assert doubts(disc(0.3)) == doubts(disc(0.3), YES) == ()


def _matted(alpha: torch.Tensor, *notes: str) -> Matted:
    image = torch.zeros(1, 3, 40, 50)
    return Matted(image=image, seen=image, alpha=alpha, foreground=None, plate=None, notes=notes)


@pytest.mark.parametrize(
    ("person", "kept", "doubted"), [(0.3, 0.4, True), (0.3, 0.7, False), (0.7, 0.4, False)], ids=["a tiger", "a coat", "a person"]
)
def test_only_a_doubtful_person_of_whom_much_is_left_out_is_doubted(person: float, kept: float, doubted: bool) -> None:
    framed = Framed(Box(0, 0, 40, 50), kept, 0.05)
    matted = replace(_matted(disc(0.3)), framed=framed, verdict=torch.tensor([[0.98, person]]))
    assert bool(unlikely(matted)) == doubted
    seen = Seen(guided=False)
    seen.look_at(matted)
    assert bool(seen.doubt) == doubted and unlikely(_matted(disc(0.3))) == ()


@pytest.mark.parametrize(("level", "doubted"), [(0.95, False), (0.55, True)])
def test_a_matte_that_is_undecided_all_over_is_doubted(level: float, doubted: bool) -> None:
    matted = replace(_matted(disc(0.3)), verdict=YES, haze=haze(disc(0.3, level)))
    assert [("undecided all over" in text) for text in unlikely(matted)] == [True] * doubted


def test_a_clip_s_coverage_is_the_mean_over_its_frames_and_doubts_are_counted() -> None:
    seen = Seen(guided=False)
    for matted in (_matted(disc(0.5)), _matted(disc(0.25), "the light was out"), _matted(disc(0.0), "the light was out")):
        seen.look_at(matted)
    assert seen.coverage == 0.25 and seen.doubt[0] == "in 2 frames the light was out"
    assert seen.doubt[1].startswith("in 1 frame nothing was found")


def test_a_clip_without_frames_covers_nothing() -> None:
    assert Seen(guided=True).coverage == 0.0 and Seen(guided=True).doubt == ()


def test_a_picture_of_nothing_is_doubted_and_one_of_a_person_is_not(shared: Path) -> None:
    model = mattecli.load("subject", device="cpu")
    cloth, person = (model(shared / "data" / name, refine="none") for name in ("plates/cup_cloth_plate.jpg", "portraits/people_112.jpg"))
    assert cloth.doubt and "undecided all over" in cloth.notes[-1]
    assert not person.doubt
