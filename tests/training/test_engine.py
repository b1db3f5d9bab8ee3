"""Examples hold what they promise: exact composites, alphas that count covered area, trimaps that hide no soft pixel, known plates."""

import itertools
import json
from dataclasses import fields, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mattecli.errors import InputError
from training.engine import EngineSettings, Example, Sources, clips, draw, plates
from training.engine.canvas import Canvas
from training.engine.layers import Layer, filtered, lay_over, merge, settled, spread
from training.engine.photography import disc
from training.engine.settings import SHARES
from training.engine.trimaps import trimap

# A camera that changes nothing; blur, tone and shadows belong to the scene and stay.
CLEAN = EngineSettings(noise=(0, 0), jpeg=0, resample=0)
CUTOUT_COLOUR = (0.8, 0.3, 0.1)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """Two photographs of noise, a cut-out disc that is soft at the edge and black where transparent, and a soft alpha texture."""
    folder, rng = tmp_path_factory.mktemp("sources"), np.random.default_rng(0)
    (folder / "alpha_textures").mkdir()
    for name in ("one.png", "two.png"):
        cv2.imwrite(str(folder / name), cv2.resize(rng.integers(0, 256, (20, 30, 3), np.uint8), (300, 200), interpolation=cv2.INTER_CUBIC))
    rows, columns = np.indices((260, 260))
    alpha = np.clip((90 - np.hypot(rows - 130, columns - 130)) / 12 + 0.5, 0, 1)
    colours = np.where(alpha[..., None] > 0, np.array(CUTOUT_COLOUR)[::-1], 0)
    cutout = np.round(255 * np.dstack((colours, alpha))).astype(np.uint8)
    cv2.imwrite(str(folder / "disc.png"), cutout)
    cv2.imwrite(str(folder / "alpha_textures" / "glow.png"), cutout)
    lists = {"backgrounds": [{"file": "one.png"}, {"file": "two.png"}], "foregrounds": [{"file": "disc.png"}]}
    (folder / "sources.json").write_text(json.dumps(lists))
    return Sources.read(folder)


def a_layer(seed: int, size: int = 48) -> Layer:
    rng = np.random.default_rng(seed)
    alpha = np.clip(cv2.GaussianBlur(rng.random((size, size), np.float32), (0, 0), 3) * 12 - 5.5, 0, 1)
    return Layer(rng.random((size, size, 3), np.float32), alpha)


def same(one: Example, other: Example) -> bool:
    return all(np.array_equal(getattr(one, part.name), getattr(other, part.name)) for part in fields(Example))


@pytest.mark.parametrize("kind", SHARES)
def test_the_image_is_the_mixture_of_its_parts(kind: str, sources: Sources) -> None:
    for seed in range(3):
        example = draw(seed, size=97, sources=sources, settings=replace(CLEAN, shares={kind: 1.0}, similar=0.5, blur=0.5))
        share = example.alpha[..., None]
        np.testing.assert_allclose(example.image, share * example.foreground + (1 - share) * example.background, atol=1e-6)
        assert ((example.alpha > 0) & (example.alpha < 1)).any()
        assert example.kind == kind
        for plane in (example.image, example.alpha, example.foreground, example.background, example.trimap, example.plate):
            assert plane.dtype == np.float32 and plane.shape[:2] == (97, 97)
            assert plane.min() >= 0 and plane.max() <= 1


def test_a_seed_decides_every_byte_and_another_seed_other_ones(sources: Sources) -> None:
    settings = EngineSettings(jpeg=1, resample=1)
    first = draw(7, size=64, sources=sources, settings=settings)
    other = draw(8, size=64, sources=sources, settings=settings)
    assert same(first, draw(7, size=64, sources=sources, settings=settings))
    assert not np.array_equal(first.image, other.image) and not np.array_equal(first.alpha, other.alpha)


def test_another_trimap_setting_changes_the_trimap_alone(sources: Sources) -> None:
    narrow, wide = (draw(3, size=64, sources=sources, settings=EngineSettings(trimap=(reach, reach))) for reach in (0.01, 0.1))
    assert same(replace(narrow, trimap=wide.trimap), wide)
    assert (narrow.trimap == 0.5).sum() < (wide.trimap == 0.5).sum()


def test_without_pictures_everything_is_made_up() -> None:
    kinds = {kind: 1.0 for kind in SHARES}
    assert draw(0, size=64, sources=Sources(), settings=EngineSettings(shares=kinds)).image.std() > 0
    with pytest.raises(InputError, match="no pictures for cutout"):
        draw(0, size=64, sources=Sources(), settings=EngineSettings(shares={"cutout": 1.0}))


def test_a_strand_has_the_alpha_of_the_area_it_covers() -> None:
    """Against every sample of 16 x 16 a pixel that lies nearer to the curve than half its width."""
    rng, size = np.random.default_rng(1), 24
    for width in (0.3, 0.7, 1.5, 4.0):
        angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.1, 16))
        curve = np.cumsum(np.stack((np.cos(angles), np.sin(angles)), axis=1), axis=0)
        curve += size / 2 - curve.mean(axis=0)
        widths = np.linspace(width, width / 2, 16)
        canvas = Canvas(size)
        canvas.ribbons(curve[None], widths[None], np.ones((1, 3)))
        alpha, expected = canvas.layer(np.ones((size, size, 3), np.float32)).alpha, covered_area(curve, widths, size)
        assert alpha.sum() == pytest.approx(expected.sum(), rel=0.06)
        assert np.abs(alpha - expected).max() < 0.15
        assert np.abs(alpha - expected)[expected > 0].mean() < 0.05


def covered_area(curve: NDArray[np.float64], widths: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    fine = 16
    across = (np.arange(size * fine) + 0.5) / fine
    places = np.stack(np.meshgrid(across, across), axis=-1)
    covered = np.zeros(places.shape[:2], bool)
    for index, (start, end) in enumerate(itertools.pairwise(curve)):
        along = ((places - start) @ (end - start)) / ((end - start) @ (end - start))
        share = np.clip(along, 0, 1)
        apart = np.linalg.norm(places - start - share[..., None] * (end - start), axis=-1)
        covered |= apart <= (widths[index] + (widths[index + 1] - widths[index]) * share) / 2
    # Joints are round, ends are cut straight.
    covered &= ((places - curve[0]) @ (curve[1] - curve[0]) >= 0) & ((places - curve[-1]) @ (curve[-1] - curve[-2]) <= 0)
    return covered.reshape(size, fine, size, fine).mean(axis=(1, 3))


def test_what_is_painted_later_hides_what_lies_behind() -> None:
    canvas = Canvas(8)
    line = np.array([[[-2.0, 4.0], [10.0, 4.0]]])
    canvas.ribbons(line, np.full((1, 2), 4.0), np.ones((1, 1)))
    canvas.ribbons(line, np.full((1, 2), 2.0), np.full((1, 1), 0.5))
    layer = canvas.layer(np.full((8, 8, 3), 0.6, np.float32))
    np.testing.assert_allclose(layer.alpha[:, 4], [0, 0, 1, 1, 1, 1, 0, 0], atol=0.07)
    np.testing.assert_allclose(layer.colours[2:6, 4, 0], [0.6, 0.3, 0.3, 0.6], atol=0.05)


def test_two_layers_merged_look_like_one_over_the_other() -> None:
    front, back, background = a_layer(0), a_layer(1), a_layer(2).colours
    np.testing.assert_allclose(lay_over(merge(front, back), background), lay_over(front, lay_over(back, background)), atol=0.01)


def test_blurring_a_layer_blurs_its_composite() -> None:
    layer, grey, kernel = a_layer(3), np.full((48, 48, 3), 0.4, np.float32), disc(2.5)
    expected = cv2.filter2D(lay_over(layer, grey), -1, kernel, borderType=cv2.BORDER_REPLICATE)
    np.testing.assert_allclose(lay_over(filtered(layer, kernel), grey), expected, atol=0.01)


def test_colours_go_on_where_there_is_no_alpha(sources: Sources) -> None:
    settings = replace(CLEAN, shares={"cutout": 1.0}, similar=0, blur=0, two=0, tone=0)
    example = draw(1, size=80, sources=sources, settings=settings)
    assert example.alpha.min() == 0 and example.alpha.max() == 1
    np.testing.assert_allclose(example.foreground, np.broadcast_to(CUTOUT_COLOUR, example.foreground.shape), atol=0.03)


def test_colours_spread_from_what_is_near() -> None:
    weight = np.zeros((32, 32), np.float32)
    weight[:, 0] = weight[:, -1] = 1
    colours = np.repeat(np.linspace(0, 1, 32, dtype=np.float32)[None, :, None], 32, axis=0).repeat(3, axis=2)
    filled = spread(colours, weight)
    assert filled[:, :4].max() < 0.25 and filled[:, -4:].min() > 0.75


@pytest.mark.parametrize("seed", range(12))
def test_the_unknown_region_holds_every_soft_pixel(seed: int) -> None:
    alpha = settled(a_layer(seed, 80)).alpha
    soft = (alpha > 0) & (alpha < 1)
    levels = trimap(np.random.default_rng(seed), alpha, reach=(1, 12))
    assert set(np.unique(levels)) <= {0, 0.5, 1}
    assert (levels[soft] == 0.5).all()
    assert (alpha[levels == 1] == 1).all() and (alpha[levels == 0] == 0).all()


def test_the_unknown_region_reaches_as_far_as_asked() -> None:
    alpha = np.zeros((120, 120), np.float32)
    alpha[:, 60:] = 1
    unknown = [trimap(np.random.default_rng(seed), alpha, reach=(12, 12)) == 0.5 for seed in range(20)]
    assert np.all([levels[:, 59:61].all() for levels in unknown])
    assert not np.any([levels[:, :36].any() or levels[:, 84:].any() for levels in unknown])
    # Half of them reach less far on one side.
    assert 8 < np.mean(unknown) * 120 / 2 < 12


def test_mistakes_in_a_trimap_are_as_many_as_asked() -> None:
    alpha = settled(a_layer(5, 160)).alpha
    soft = (alpha > 0) & (alpha < 1)
    levels = trimap(np.random.default_rng(0), alpha, reach=(2, 4), mistakes=0.05)
    assert (levels[soft] != 0.5).mean() == pytest.approx(0.05, abs=0.01)


def test_a_plate_shifted_by_whole_pixels_is_the_background_moved() -> None:
    wide = np.random.default_rng(0).random((40, 40, 3), np.float32)
    np.testing.assert_allclose(plates.moved(wide, 6, (2, -3)), wide[9:37, 4:32], atol=1e-5)


def test_a_still_plate_is_the_background_but_for_the_shadow(sources: Sources) -> None:
    still = replace(CLEAN, plate_still=1, shadow=0)
    example = draw(2, size=64, sources=sources, settings=still)
    np.testing.assert_allclose(example.plate, example.background, atol=1e-6)
    moved = draw(2, size=64, sources=sources, settings=replace(still, plate_still=0))
    assert np.abs(moved.plate - moved.background).mean() > 0.01
    shaded = draw(2, size=64, sources=sources, settings=replace(still, shadow=1))
    assert (shaded.background <= shaded.plate + 1e-6).all() and (shaded.background < shaded.plate - 0.02).any()


@pytest.mark.parametrize("name", clips.ENCODERS)
def test_a_clip_s_frame_loses_what_its_codec_takes(name: str) -> None:
    rng = np.random.default_rng(0)
    behind = cv2.resize(rng.random((9, 12, 3), np.float32), (91, 65), interpolation=cv2.INTER_LINEAR)
    moving = a_layer(3, 96).alpha[:65, :91, None]
    frames = [np.where(np.arange(91)[:, None] > 60, behind, np.roll(moving, shift, 1) * [0.9, 0.4, 0.2]) for shift in (0, 3, 6)]
    encoder = clips.ENCODERS[name]
    fine, coarse = (clips.last_of(frames, clips.Codec(name, loss)) for loss in (encoder.least, encoder.most))
    assert fine.dtype == np.float32 and fine.shape == (65, 91, 3)
    good, bad = (np.abs(shown - frames[-1])[:, :48].mean() for shown in (fine, coarse))
    assert good < 0.02 < bad < 0.15


def test_a_frame_of_a_clip_has_the_alpha_of_what_an_open_shutter_sees(sources: Sources) -> None:
    settings = replace(CLEAN, shares={"solid": 1.0}, two=0.0, blur=0.0, shadow=0.0)
    photo, frame = (draw(5, size=96, sources=sources, settings=replace(settings, clip=clip)) for clip in (0.0, 1.0))
    assert same(frame, draw(5, size=96, sources=sources, settings=replace(settings, clip=1.0)))
    soft, smeared = (((example.alpha > 0) & (example.alpha < 1)).mean() for example in (photo, frame))
    assert smeared > soft
    share = frame.alpha[..., None]
    assert np.abs(frame.image - share * frame.foreground - (1 - share) * frame.background).mean() < 0.05
    assert np.array_equal(frame.background, photo.background)


def test_settings_and_folders_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no kind of foreground 'hare'"):
        EngineSettings(shares={"hare": 1.0})
    with pytest.raises(InputError, match="does not list"):
        Sources.read(tmp_path)
    (tmp_path / "sources.json").write_text('{"backgrounds": [{"file": "gone.jpg"}], "foregrounds": []}')
    with pytest.raises(InputError, match=r"gone\.jpg, which is missing"):
        Sources.read(tmp_path)
