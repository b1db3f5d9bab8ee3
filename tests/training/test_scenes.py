"""Scenes: what the network that finds subjects is taught from."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mattecli.errors import InputError
from training.networks import task_of
from training.photos import photos, sharpen
from training.pool import ExamplePool, as_arrays, stacked, unpacked
from training.scenes import Library, Subjects, draw_scene, library
from training.settings import Data, Mix, Run

NOTHING, SOMETHING = Subjects(empty=1.0), Subjects(empty=0.0, composites=1.0)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A discs' portrait gallery: six photographs with labels, a cut-out, a render, two backgrounds."""
    folder = tmp_path_factory.mktemp("sources")
    entries = []
    for number in range(6):
        label = disc(64, 20)
        photo = np.where(disc(256, 80)[..., None] > 128, [40, 60, 200], [180, 190, 90 + 10 * number])
        entries.append({"file": f"photos/{number}.png", "label": f"labels/{number}.png", "kind": "person", "agreement": 0.97})
        write(folder / "people" / "photos" / f"{number}.png", photo)
        write(folder / "people" / "labels" / f"{number}.png", np.dstack([label] * 3))
    (folder / "people" / "sources.json").write_text(json.dumps(entries))
    cutout = np.dstack((np.full((90, 90, 3), 30), disc(90, 40)))
    write(folder / "people" / "cutouts" / "c.png", cutout)
    write(folder / "foregrounds" / "f.png", cutout)
    render(folder / "people" / "renders" / "r", cutout, {"framing": "head"})
    render(folder / "rendered" / "person_000000", np.dstack((np.full((90, 90, 3), 220), disc(90, 40))), {"seed": 0})
    for name in ("a.png", "b.png"):
        write(folder / "backgrounds" / name, np.random.default_rng(1).integers(0, 255, (70, 90, 3)))
    lists = {"backgrounds": [{"file": f"backgrounds/{name}.png"} for name in "ab"], "foregrounds": [{"file": "foregrounds/f.png"}]}
    (folder / "sources.json").write_text(json.dumps(lists))
    sharpen(folder / "people", folder / "kept", lambda done, count: None)
    return folder


def disc(side: int, radius: int) -> np.ndarray:
    rows, columns = np.indices((side, side)) - side / 2 + 0.5
    return np.clip((radius - np.hypot(rows, columns)) * 64 + 128, 0, 255)


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels.astype(np.uint8))


def render(stem: Path, pixels: np.ndarray, record: dict[str, object]) -> None:
    """A rendered person's three files."""
    write(stem.with_suffix(".webp"), pixels[..., :3])
    write(stem.with_name(f"{stem.name}_alpha.png"), pixels[..., 3])
    stem.with_suffix(".json").write_text(json.dumps(record))


def gallery(sources: Path, settings: Subjects = SOMETHING) -> tuple[Library, Subjects]:
    settings = replace(settings, kept=str(sources / "kept"), rendered=str(sources / "rendered"), no_subject=("a.png", "b.png"))
    return library(settings, str(sources), 0, False), settings


def test_the_first_examples_of_a_run_are_as_small_as_it_says(sources: Path) -> None:
    subjects = replace(SOMETHING, kept=str(sources / "kept"), rendered=str(sources / "rendered"), no_subject=("a.png", "b.png"))
    data = Data(size=64, hold_out=2, early_size=32, early=0.5)
    run = Run("fdm", "unused", 4, {"entropy": 1.0}, batch=2, sources=str(sources), data=data, subjects=subjects)
    assert [ExamplePool(run)(index)["image"].shape[0] for index in (0, 3, 4)] == [32, 32, 64]
    assert ExamplePool(run, held_out=True)(0)["image"].shape[0] == 64


def test_the_parts_of_an_example_are_a_whole_subject_as_often_as_the_mix_says(sources: Path) -> None:
    subjects = replace(SOMETHING, kept=str(sources / "kept"), rendered=str(sources / "rendered"), no_subject=("a.png", "b.png"))
    data, mix = Data(size=64, pool=4, hold_out=0), Mix(size=32, subjects=1.0)
    run = Run("bgmv2", "unused", 4, {"alpha": 1.0}, batch=2, sources=str(sources), data=data, mix=mix, subjects=subjects)
    parts = [ExamplePool(run)(index) for index in range(4)]
    assert all(example["background"].shape == (64, 64, 3) and example["alpha"].max() == 65535 for example in parts)
    for example in parts:  # around a subject its own colours go on, so that a blurred edge has no black in it
        edge = cv2.dilate((example["alpha"] > 32768).astype(np.uint8), np.ones((3, 3))) > 0
        assert example["foreground"][edge].max(1).min() >= 25
    drawn = ExamplePool(replace(run, mix=Mix(size=32)))(0)
    assert not np.array_equal(drawn["alpha"], parts[0]["alpha"])


def test_a_label_becomes_a_matte_of_the_photo_s_own_edge(sources: Path) -> None:
    pixels = photos(sources / "people", sources / "kept")[0].read()
    assert pixels.shape == (256, 256, 4)
    assert np.abs(pixels[..., 3].astype(int) - disc(256, 80)).mean() < 2, "the label's own edge, four times coarser, is 4 levels off"


def test_photographs_that_were_not_sharpened_are_refused(sources: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="python -m training sharpen"):
        photos(sources / "people", tmp_path)


def test_a_scene_depends_on_its_seed_alone(sources: Path) -> None:
    pictures, settings = gallery(sources)
    first, again, other = (draw_scene(seed, size=64, pictures=pictures, settings=settings) for seed in (5, 5, 6))
    assert np.array_equal(first.image, again.image) and np.array_equal(first.alpha, again.alpha)
    assert not np.array_equal(first.image, other.image)


def test_a_scene_without_a_subject_says_so(sources: Path) -> None:
    pictures, settings = gallery(sources, NOTHING)
    scene = draw_scene(1, size=64, pictures=pictures, settings=settings)
    assert (scene.present, scene.person, scene.alpha.max()) == (0.0, 0.0, 0.0)


def test_composites_hold_their_subjects_and_no_picture_that_was_left_out(sources: Path) -> None:
    pictures, settings = gallery(sources)
    scenes = [draw_scene(seed, size=64, pictures=pictures, settings=settings) for seed in range(20)]
    assert all(scene.present == 1.0 and scene.alpha.max() > 0.9 and scene.alpha.min() == 0.0 for scene in scenes)
    assert {scene.person for scene in scenes} == {0.0, 1.0}
    spared, _ = gallery(sources, Subjects(leave_out=("f.png",)))
    assert "f.png" in {path.name for path, _, _ in pictures.cutouts} > {path.name for path, _, _ in spared.cutouts}


def test_where_people_are_the_only_subjects_others_belong_to_the_background(sources: Path) -> None:
    pictures, settings = gallery(sources, Subjects(empty=0.0, composites=1.0, crowd=0.0, people_alone=True))
    scenes = [draw_scene(seed, size=64, pictures=pictures, settings=settings) for seed in range(20)]
    assert {scene.person for scene in scenes} == {0.0, 1.0}
    assert all(scene.alpha.max() == 0.0 for scene in scenes if not scene.person)


def test_exact_cut_outs_are_rendered_bodies_as_often_as_asked(sources: Path) -> None:
    pictures, settings = gallery(sources, Subjects(empty=0.0, composites=1.0, bodies=1.0))
    assert [path.stem for path, _, _ in pictures.bodies] == ["person_000000"]
    for held_out in (True, False):  # of bodies the same are held out as of cut-outs
        part = library(settings, str(sources), 3, held_out)
        assert set(part.bodies) == set(part.cutouts) & set(pictures.bodies)
    bodies_alone = replace(pictures, cutouts=())  # a scene that took one of these would fail
    assert all(draw_scene(seed, size=48, pictures=bodies_alone, settings=settings).person for seed in range(12))


def test_dyed_cut_outs_keep_their_alpha_and_change_from_part_to_part(sources: Path) -> None:
    pictures, settings = gallery(sources, Subjects(empty=0.0, composites=1.0, crowd=0.0, dyed=1.0))
    dyed = [draw_scene(seed, size=64, pictures=pictures, settings=settings) for seed in range(8)]
    inside = [scene.image[scene.alpha > 0.95] for scene in dyed if (scene.alpha > 0.95).any()]
    assert inside and max(float(colours.std(0).max()) for colours in inside) > 0.08, "a disc of one colour has several now"


def test_framed_scenes_reach_a_little_beyond_their_people(sources: Path) -> None:
    pictures, settings = gallery(sources, Subjects(empty=0.0, composites=0.6, crowd=0.0, people_alone=True, framed=1.0))
    for seed in range(12):
        scene = draw_scene(seed, size=64, pictures=pictures, settings=settings)
        rows, columns = (np.flatnonzero((scene.alpha > 0.5).any(axis)) for axis in (1, 0))
        assert scene.person == 1.0 and all(len(places) > 64 / 1.6 for places in (rows, columns)), "the box is at least 1 / 1.5 of the side"


@pytest.mark.parametrize("name", ["fdm", "fdm-erd", "mmnet", "modnet", "shm-fast"])
def test_a_portrait_network_learns_with_every_weight(sources: Path, name: str) -> None:
    pictures, settings = gallery(sources)
    scenes = [draw_scene(seed, size=64, pictures=pictures, settings=settings) for seed in (1, 2)]
    batch = unpacked(stacked([as_arrays(scene) for scene in scenes]), torch.device("cpu"))
    task = task_of(name)
    torch.manual_seed(0)
    network = task.build({}).train()
    terms = task.terms(task.answer(network, batch), batch)
    assert set(terms) == set(task.terms_known)
    torch.stack(list(terms.values())).sum().backward()
    untaught = [name for name, weight in network.named_parameters() if weight.grad is None]
    never_called = "m_net.en_conv_bn_relu_5."  # by shm-fast's authors
    assert all(name.startswith(never_called) for name in untaught), untaught


def test_the_losses_fall_when_the_answer_is_right(sources: Path) -> None:
    pictures, settings = gallery(sources)
    scenes = [draw_scene(seed, size=64, pictures=pictures, settings=settings) for seed in (1, 2)]
    batch = unpacked(stacked([as_arrays(scene) for scene in scenes]), torch.device("cpu"))
    task = task_of("subject")
    logits = 20.0 * (batch["alpha"] - 0.5)
    facts = 20.0 * (torch.cat((batch["present"], batch["person"]), 1).flatten(1) - 0.5)
    right = {"alpha": logits.sigmoid(), "logits": logits.expand(-1, 7, -1, -1), "verdict": facts}
    wrong = {"alpha": 1 - right["alpha"], "logits": -right["logits"], "verdict": -facts}
    good, bad = task.terms(right, batch), task.terms(wrong, batch)
    assert set(good) == set(task.terms_known)
    assert all(good[name] < 0.3 * bad[name] for name in good)
    with torch.no_grad():
        assert task.answer(task.build({}).eval(), batch)["logits"].shape == (2, 7, 64, 64)
