"""What a form asks for, without a service."""

from pathlib import Path

import pytest

from mattecli.serve.forms.asked import read_matte
from mattecli.serve.forms.uploads import Form
from mattecli.serve.problems import RequestError


def asked(pictures: Path, accept: str = "", **texts: str) -> tuple[tuple[str, ...], str, bool]:
    read = read_matte(Form(texts, {"image": pictures / "photo.png"}), accept, max_pixels=10_000)
    return read.kinds, read.suffix, read.links


@pytest.mark.parametrize(
    ("accept", "suffix", "links"),
    [
        ("", ".png", False),
        ("*/*", ".png", False),
        ("image/webp", ".webp", False),
        ("image/webp;q=0.5, image/png", ".png", False),
        ("image/avif,image/webp,image/jpeg;q=0.9,*/*;q=0.8", ".webp", False),
        ("image/jpeg, image/png", ".png", False),
        ("application/json", ".png", True),
        ("application/json, image/webp;q=0.2", ".webp", True),
        ("application/json;q=0.1, image/png", ".png", False),
        ("image/png;q=broken", ".png", False),
    ],
)
def test_the_accept_header_decides_the_format_of_the_response(pictures: Path, accept: str, suffix: str, links: bool) -> None:
    assert asked(pictures, accept) == (("cutout",), suffix, links)


def test_a_format_field_takes_precedence_over_the_accept_header(pictures: Path) -> None:
    assert asked(pictures, "application/json", format="webp") == (("cutout",), ".webp", False)


def test_a_backdrop_implies_a_composite(pictures: Path) -> None:
    assert asked(pictures, over="red")[0] == ("composite",)


def test_several_results_need_a_json_response(pictures: Path) -> None:
    assert asked(pictures, "application/json", results="alpha, cutout,alpha")[0] == ("alpha", "cutout")
    with pytest.raises(RequestError, match="Accept: application/json"):
        asked(pictures, results="alpha,cutout")


def test_model_options_are_read_line_by_line(pictures: Path) -> None:
    read = read_matte(Form({"options": "a=1\nb = x=y"}, {"image": pictures / "photo.png"}), "", max_pixels=10_000)
    assert read.options == {"a": "1", "b": "x=y"}


def test_json_strokes_are_recognised_by_their_first_character(pictures: Path, tmp_path: Path) -> None:
    strokes = tmp_path / "strokes"
    strokes.write_text(' {"foreground": [[1, 2]]}')
    read = read_matte(Form({}, {"image": pictures / "photo.png", "strokes": strokes}), "", max_pixels=10_000)
    assert read.guides["strokes"].suffix == ".json"
