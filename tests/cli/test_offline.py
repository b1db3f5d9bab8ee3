"""Commands on a machine without network and without pulled models."""

import json
import socket
from pathlib import Path
from typing import NoReturn

import pytest

from mattecli.core.registry import registry
from mattecli.io.images import write_image
from tests.clips import make_clip
from tests.support import Run, read

SHIPPED = [name for name, spec in registry().models.items() if spec.shipped or spec.ours is not None]
GUIDES = {"background": ("--bg", "plate.png"), "trimap": ("--trimap", "trimap.png")}  # from a plate a trimap is made, too


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that is empty at first. Without a network nothing comes into it but exports of what is shipped."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache without pulled models, and no socket that connects."""

    def refuse(*arguments: object) -> NoReturn:
        raise OSError("sockets are forbidden")

    monkeypatch.setenv("MATTE_HOME", str(home))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_matte_a_photo_offline(run: Run, scene: Path, name: str) -> None:
    spec = registry().models[name]
    given = next((words for guide, words in GUIDES.items() if guide in spec.guides), ())
    done = run("image", "photo.png", "--model", name, *given, "--as", "alpha", "-o", "alpha.png", "--json")
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert record["model"] == name and record["weights"].startswith("ours-")
    assert len(record["weights_sha256"]) == 64
    assert read(scene / "alpha.png").shape == (72, 96)
    ours = spec.ours or spec
    assert ours.caution in done.stderr
    assert record["finder"] == (ours.finder or None) and (record["box"] is None) == (not ours.finder)
    assert ("subject finds the subject" in done.stderr) == bool(ours.finder)
    assert (f"weights: {record['weights']} (the authors' are not installed)" in done.stderr) == (spec.ours is not None)


def test_the_authors_weights_are_used_only_when_asked_for_by_name(run: Run, scene: Path) -> None:
    done = run("image", "photo.png", "--model", "fdm", "--weights", "authors", "-o", "cut.png", "--offline")
    assert done.exit_code == 1 and "no weights were published" in done.stderr
    assert not (scene / "cut.png").exists()


@pytest.mark.parametrize(
    ("words", "advice"), [(("fdm", "--weights", "theirs"), "choose ours or authors"), (("fdm-erd@ours",), "give fdm-erd@authors")]
)
@pytest.mark.usefixtures("scene")
def test_an_unknown_weight_set_is_refused_before_anything_loads(run: Run, words: tuple[str, ...], advice: str) -> None:
    done = run("image", "photo.png", "--model", *words, "-o", "cut.png")
    assert done.exit_code in (1, 2) and advice in done.stderr


@pytest.mark.usefixtures("scene")
def test_weights_without_a_model_are_refused(run: Run) -> None:
    done = run("image", "photo.png", "--weights", "ours", "-o", "cut.png")
    assert done.exit_code == 2 and "give its name with --model" in done.stderr


@pytest.mark.parametrize(
    ("asked", "instead"),
    [(("modnet",), "subject"), (("dim", "--trimap", "trimap.png"), "fusion"), (("bgmv2", "--bg", "plate.png"), "fusion-plate")],
)
@pytest.mark.usefixtures("scene")
def test_the_error_for_a_missing_model_names_an_installed_one_with_the_same_guides(run: Run, asked: tuple[str, ...], instead: str) -> None:
    done = run("image", "photo.png", "--model", f"{asked[0]}@authors", *asked[1:], "-o", "cut.png", "--offline")
    assert done.exit_code == 1 and f"or use --model {instead}, which is here" in done.stderr


@pytest.mark.usefixtures("scene")
def test_a_failed_download_says_what_to_do_and_which_model_is_here(run: Run) -> None:
    done = run("image", "photo.png", "--trimap", "trimap.png", "--model", "dim", "--weights", "authors", "-o", "cut.png")
    assert done.exit_code == 1 and "could not be fetched; check the network" in done.stderr
    assert "or use --model fusion, which is here" in done.stderr.split("(tried")[0]


def test_a_clip_with_a_plate_is_matted_by_bgmv2(run: Run, scene: Path) -> None:
    photo = read(scene / "photo.png")
    make_clip(scene / "clip.mp4", size=(72, 96), frames=3, picture=lambda index, size: photo)
    write_image(read(scene / "plate.png"), scene / "plate.jpg")
    done = run("video", "clip.mp4", "--model", "bgmv2", "--bg", "plate.jpg", "--as", "alpha", "-o", scene / "mattes" / "%03d.png", "--json")
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert record["model"] == "bgmv2" and f"weights: {record['weights']} (" in done.stderr
    assert len(record["weights_sha256"]) == 64 and record["status"] == "ok"
    mattes = [read(file) > 127 for file in sorted((scene / "mattes").glob("[0-9]*.png"))]
    assert len(mattes) == 3
    assert all((matte == (read(scene / "true.png") > 127)).mean() > 0.9 for matte in mattes)


@pytest.mark.usefixtures("scene")
def test_a_plate_alone_selects_the_better_shipped_network(run: Run) -> None:
    done = run("image", "photo.png", "--bg", "plate.png", "-o", "cut.png", "--json")
    assert json.loads(done.stdout)["model"] == "fusion-plate", done.output
