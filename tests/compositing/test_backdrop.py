"""What a person may name as a backdrop, and a clip that moves behind a picture."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mattecli.compositing.backdrop import ClipBackdrop, PictureBackdrop, PlainBackdrop, open_backdrop, parse_blur
from mattecli.errors import MatteError, UsageError
from mattecli.io.images import write_image
from mattecli.requests.quantities import Length
from tests.clips import SIZE, index_of, make_clip
from tests.profiles import SRGB, display_p3


def _index(backdrop: ClipBackdrop, seconds: float) -> int:
    return index_of((backdrop.at(SIZE, seconds) * 255).astype(np.uint8))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Twelve numbered frames at 10 a second: 1.2 s."""
    return make_clip(tmp_path / "street.mp4", rate=Fraction(10))


def test_a_colour_a_picture_and_a_clip_are_distinguished(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("white").mkdir()
    write_image(np.full((4, 6, 3), 90, np.uint8), "beach.png")
    assert isinstance(open_backdrop("white"), PlainBackdrop), "a colour, although a folder has the name"
    assert isinstance(open_backdrop("beach.png"), PictureBackdrop)
    moving = open_backdrop(str(clip))
    assert isinstance(moving, ClipBackdrop)
    moving.close()


@pytest.mark.parametrize(
    ("over", "said"), [("beach.jpg", "no file beach.jpg"), ("sets/beach", "no file sets/beach"), ("beigeish", "not a colour")]
)
def test_a_missing_file_is_not_called_a_colour(over: str, said: str) -> None:
    with pytest.raises(MatteError, match=said):
        open_backdrop(over)


def test_blur_is_pixels_or_a_share_of_the_longer_side() -> None:
    assert parse_blur("12") == parse_blur("12px") == Length(12)
    assert parse_blur("1.5%").pixels((100, 400)) == 6
    for wrong in ("much", "-1", "nan", "%"):
        with pytest.raises(UsageError, match="pixels such as 12"):
            parse_blur(wrong)
    with pytest.raises(UsageError, match="cover, contain, stretch"):
        open_backdrop("white", mode="tile")


def test_transparent_pixels_of_a_backdrop_are_black(tmp_path: Path) -> None:
    picture = np.full((4, 4, 4), 200, np.uint8)
    picture[:2, :, 3], picture[2:, :, 3] = 0, 255
    write_image(picture, tmp_path / "logo.png")
    shown = open_backdrop(str(tmp_path / "logo.png")).at((4, 4))
    assert shown[:2].max() == 0 and shown[2:].min() == pytest.approx(200 / 255)


def test_a_backdrop_is_converted_to_the_profile_of_the_photo(tmp_path: Path) -> None:
    p3, red = display_p3(), np.full((4, 4, 3), (220, 30, 30), np.uint8)
    for name, profile in (("plain", None), ("tagged", SRGB), ("wide", p3)):
        write_image(red, tmp_path / f"{name}.png", icc=profile)

    def corner(over: str, icc: bytes | None) -> list[int]:
        return np.rint(open_backdrop(over).at((4, 4), icc=icc)[0, 0] * 255).astype(int).tolist()

    for srgb in ("220,30,30", str(tmp_path / "plain.png"), str(tmp_path / "tagged.png")):
        assert corner(srgb, None) == corner(srgb, SRGB) == [220, 30, 30]
        assert corner(srgb, p3) == [202, 54, 44]
    wide = str(tmp_path / "wide.png")
    assert corner(wide, p3) == [220, 30, 30]
    assert corner(wide, None)[0] > 235, "as red as sRGB can be"


def test_a_moving_backdrop_is_converted_to_the_profile_of_the_photo(clip: Path) -> None:
    backdrop = open_backdrop(str(clip))
    as_it_is = backdrop.at(SIZE)
    assert np.abs(backdrop.at(SIZE, icc=display_p3()) - as_it_is).max() > 0.05
    backdrop.close()


def test_backdrops_of_equal_picture_and_placing_have_equal_identities(tmp_path: Path) -> None:
    for name, level in (("a", 10), ("b", 11)):
        write_image(np.full((8, 8, 3), level, np.uint8), tmp_path / f"{name}.png")
    first, again, other = (repr(open_backdrop(str(tmp_path / f"{name}.png"))) for name in ("a", "a", "b"))
    assert first == again != other
    assert first != repr(open_backdrop(str(tmp_path / "a.png"), blur=Length(3)))


def test_a_backdrop_clip_is_sampled_by_time_and_loops(clip: Path) -> None:
    backdrop = open_backdrop(str(clip))
    assert isinstance(backdrop, ClipBackdrop)
    times = [0, 0.04, 0.1, 0.55, 1.19]
    assert [_index(backdrop, t) for t in times] == [0, 0, 1, 5, 11]
    assert backdrop.notes == ()
    assert [_index(backdrop, t) for t in (1.2, 1.31, 2.45, 3.59)] == [0, 1, 0, 11]
    assert "1.20 s" in backdrop.notes[0] and "begins again" in backdrop.notes[0]
    assert _index(backdrop, 0.2) == 2, "an earlier moment too"
    backdrop.close()


def test_a_backdrop_clip_started_late_shows_the_frame_of_that_time(clip: Path) -> None:
    backdrop = open_backdrop(str(clip))
    assert isinstance(backdrop, ClipBackdrop)
    assert _index(backdrop, 1.25) == 0
    backdrop.close()


def test_pictures_are_fitted_once_for_a_size(tmp_path: Path) -> None:
    write_image(np.full((8, 8, 3), 10, np.uint8), tmp_path / "a.png")
    backdrop = open_backdrop(str(tmp_path / "a.png"))
    assert backdrop.at((20, 30)) is backdrop.at((20, 30), 5.0)
    assert backdrop.at((10, 10)).shape == (10, 10, 3)
