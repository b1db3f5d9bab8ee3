"""Colours of `matte image`: decontamination, spill of a screen, and blending of composites."""

from pathlib import Path

import numpy as np
import pytest

from mattecli.io.images import write_image
from tests.profiles import damaged, display_p3
from tests.support import Run, read

GREEN, BLUE = np.array([70, 190, 80]), np.array([50, 80, 200])
WANTED = np.array([230, 140, 100])


def before_screen(folder: Path, colour: np.ndarray) -> np.ndarray:
    """studio.png: a disc before a screen that gets darker to the right, with spill on its edge; returns its alpha in 0..1."""
    rows, columns = np.mgrid[0:72, 0:96].astype(np.float32)
    distance = np.hypot(rows - 36, columns - 48)
    alpha = np.clip((24 - distance) / 4 + 0.5, 0, 1)
    screen = colour * (1.1 - 0.003 * columns)[..., None]
    spill = 0.2 * np.clip((distance - 18) / 6, 0, 1)[..., None] * (colour - colour.mean())
    photo = alpha[..., None] * (WANTED + spill) + (1 - alpha[..., None]) * screen + np.random.default_rng(3).normal(0, 1.5, (72, 96, 3))
    write_image(np.clip(photo, 0, 255).astype(np.uint8), folder / "studio.png")
    return alpha


@pytest.mark.parametrize(("screen", "colour"), [("green", GREEN), ("auto", GREEN), ("blue", BLUE)])
def test_a_screen_is_keyed_without_other_guides_and_leaves_no_spill(run: Run, scene: Path, screen: str, colour: np.ndarray) -> None:
    alpha = before_screen(scene, colour)
    done = run("image", "studio.png", "--screen", screen, "-o", "cut.png", "--offline")
    assert done.exit_code == 0, done.output
    cut = read(scene / "cut.png")
    assert np.abs(cut[..., 3] / 255.0 - alpha).mean() < 0.01
    seen = cut[(cut[..., 3] > 50) & (cut[..., 3] < 250)][:, :3].astype(int)
    channel = int(colour.argmax())
    others = np.delete(seen, channel, axis=1)
    assert (seen[:, channel] <= others.max(axis=1) + 3).all(), "no fringe"
    assert np.abs(seen - WANTED).mean() < 25
    np.testing.assert_array_equal(cut[30:42, 42:54, :3], read(scene / "studio.png")[30:42, 42:54])


def test_decontaminate_off_keeps_the_photos_own_colours(run: Run, scene: Path) -> None:
    assert run("image", "photo.png", "--trimap", "trimap.png", "--decontaminate", "off", "-o", "cut.png").exit_code == 0
    cut, photo = read(scene / "cut.png"), read(scene / "photo.png")
    seen = cut[..., 3] > 0
    np.testing.assert_array_equal(cut[seen][:, :3], photo[seen])
    assert (cut[~seen] == 0).all(), "nothing of what was removed is in the file"


def test_a_photo_with_transparency_keeps_the_colours_of_half_transparent_pixels(run: Run, scene: Path) -> None:
    photo, solid = read(scene / "photo.png"), read(scene / "trimap.png") == 255
    own = np.full(photo.shape[:2], 255, np.uint8)
    own[:, 48:] = 128
    write_image(np.dstack([photo, own]), scene / "half.png")
    for name, source, switch in (("on", "half", "on"), ("off", "half", "off"), ("whole", "photo", "on")):
        done = run("image", f"{source}.png", "--trimap", "trimap.png", "--decontaminate", switch, "-o", f"{name}.png")
        assert done.exit_code == 0, done.output
    cut, old, whole = (read(scene / f"{name}.png") for name in ("on", "off", "whole"))
    np.testing.assert_array_equal(old[old[..., 3] > 0][:, :3], photo[old[..., 3] > 0])
    np.testing.assert_array_equal(cut[..., :3][solid], photo[solid])
    assert (cut[solid & (own == 128), 3] == 128).all()
    soft = (whole[..., 3] > 60) & (whole[..., 3] < 250)
    assert np.abs(cut[..., :3].astype(int) - whole[..., :3])[soft].mean() < 4, "the edge is as without transparency"


def test_colours_under_alpha_0_of_a_cutout_do_not_return_when_it_is_matted_again(run: Run, scene: Path) -> None:
    alpha = read(scene / "true.png")
    hidden = np.where(alpha[..., None] > 0, WANTED, (0, 255, 0)).astype(np.uint8)
    write_image(np.dstack([hidden, alpha]), scene / "cut.png")
    assert run("image", "cut.png", "--trimap", "trimap.png", "-o", "again.png").exit_code == 0
    again = read(scene / "again.png")
    assert np.abs(again[..., :3] - WANTED)[again[..., 3] > 0].max() <= 1


def test_a_backdrop_is_converted_to_the_profile_of_the_photo(run: Run, scene: Path) -> None:
    for name, icc in (("wide", display_p3()), ("damaged", damaged())):
        write_image(read(scene / "photo.png"), scene / f"{name}.png", icc=icc)
        done = run("image", f"{name}.png", "--trimap", "trimap.png", "--over", "220,30,30", "-o", f"{name}_over.png")
        assert done.exit_code == 0, done.output
        assert ("its colour profile is damaged" in done.stderr) == (name == "damaged")
    assert read(scene / "wide_over.png")[0, 0].tolist() == [202, 54, 44], "what 220, 30, 30 of sRGB is in Display P3"
    assert read(scene / "damaged_over.png")[0, 0].tolist() == [220, 30, 30]


def test_gamma_blends_encoded_values_and_fit_and_blur_apply_to_the_backdrop(run: Run, scene: Path) -> None:
    ramp = np.repeat(np.linspace(0, 255, 96)[None, :, None], 20, axis=0).repeat(3, axis=2)
    write_image(ramp.astype(np.uint8), scene / "ramp.png")
    for name, flags in (
        ("light", []),
        ("old", ["--gamma"]),
        ("bars", ["--fit", "contain"]),
        ("soft", ["--fit", "stretch", "--blur", "20%"]),
    ):
        done = run("image", "photo.png", "--trimap", "trimap.png", "--over", "ramp.png", "-o", f"{name}.png", *flags)
        assert done.exit_code == 0, done.output
    soft = np.abs(read(scene / "light.png").astype(int) - read(scene / "old.png")).max(axis=2) > 3
    assert soft.any() and soft.mean() < 0.2, "only where the matte is soft"
    assert read(scene / "bars.png")[0].max() == 0
    assert np.ptp(read(scene / "soft.png")[0, :, 0].astype(int)) < 200


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--screen", "reddish"], 2, "choose green, blue, auto, white"),
        (["--screen", "green"], 1, "no green screen was found"),
        (["--screen", "green", "--bg", "plate.png"], 2, "drop one"),
        (["--trimap", "trimap.png", "--blur", "3"], 2, "give --over"),
        (["--trimap", "trimap.png", "--decontaminate", "off", "--as", "alpha"], 2, "does not go with --as alpha"),
        (["--trimap", "trimap.png", "--over", "none.jpg"], 1, "there is no file none.jpg"),
    ],
)
def test_contradicting_options_are_refused_in_one_line(run: Run, scene: Path, arguments: list[str], code: int, said: str) -> None:
    done = run("image", "photo.png", *arguments, "-o", "out.png", "--quiet")
    assert (done.exit_code, done.stderr.count("\n")) == (code, 1), done.output
    assert said in done.stderr


@pytest.mark.parametrize(("screen", "colour"), [("white", (245, 245, 243)), ("#0c0c0e", (12, 12, 14))])
def test_screens_of_any_colour_are_keyed(run: Run, scene: Path, screen: str, colour: tuple[int, int, int]) -> None:
    alpha = before_screen(scene, np.array(colour))
    done = run("image", "studio.png", "--screen", screen, "-o", "cut.png", "--offline")
    assert done.exit_code == 0, done.output
    cut = read(scene / "cut.png")
    assert np.abs(cut[..., 3] / 255.0 - alpha).mean() < 0.015
    soft = (cut[..., 3] > 60) & (cut[..., 3] < 250)
    # Before black a darker soft pixel is a thinner one as well as a darker colour.
    assert np.abs(cut[soft][:, :3].astype(int) - WANTED).mean() < (25 if screen == "white" else 50), "no fringe"
    wrong = run("image", "studio.png", "--screen", "whitish", "-o", "cut.png", "--offline")
    assert wrong.exit_code == 2 and "choose green, blue, auto, white, black or #rrggbb" in " ".join(wrong.stderr.split())
