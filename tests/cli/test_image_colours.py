"""What `matte image` does with colours: the old background taken out, a screen's spill, and how a composite is blended."""

from pathlib import Path

import numpy as np
import pytest

from mattecli.io.images import write_image
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
def test_a_screen_is_guide_enough_and_leaves_none_of_its_colour(run: Run, scene: Path, screen: str, colour: np.ndarray) -> None:
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
    np.testing.assert_array_equal(read(scene / "cut.png")[..., :3], read(scene / "photo.png"))


def test_gamma_blends_levels_and_fit_and_blur_reach_the_backdrop(run: Run, scene: Path) -> None:
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
        (["--screen", "red"], 2, "choose green, blue or auto"),
        (["--screen", "green"], 1, "no green screen was found"),
        (["--screen", "green", "--bg", "plate.png"], 2, "drop one"),
        (["--trimap", "trimap.png", "--blur", "3"], 2, "give --over"),
        (["--trimap", "trimap.png", "--decontaminate", "off", "--as", "alpha"], 2, "does not go with --as alpha"),
        (["--trimap", "trimap.png", "--over", "none.jpg"], 1, "there is no file none.jpg"),
    ],
)
def test_what_does_not_go_together_is_said_in_one_line(run: Run, scene: Path, arguments: list[str], code: int, said: str) -> None:
    done = run("image", "photo.png", *arguments, "-o", "out.png", "--quiet")
    assert (done.exit_code, done.stderr.count("\n")) == (code, 1), done.output
    assert said in done.stderr
