"""The trimap of a coarse matte follows its hair, which no even band around a rough outline does."""

import cv2
import numpy as np
import pytest
import torch

from mattecli.core.registry import registry
from mattecli.core.runtime import LoadedModel, open_model, pick_device, to_array
from mattecli.matting.trimap import trimap_from_mask
from mattecli.pipelines import refine
from mattecli.pipelines.refine import refined_trimap
from mattecli.pipelines.tensors import Matted, guide_tensor

CENTRE, RADIUS, REACH = np.array([120.0, 100.0]), 40, 9


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return opened("fusion")


def opened(name: str) -> LoadedModel:
    return open_model(registry().models[name], device=pick_device("cpu"))


def spiky(times: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A dark disc with spikes before a light wall, `times` 240 x 200 pixels, and its alpha."""
    alpha = np.zeros((200 * 4, 240 * 4), np.float32)
    cv2.circle(alpha, tuple(int(4 * place) for place in CENTRE), RADIUS * 4, 1.0, cv2.FILLED)
    for turn in np.linspace(0, 2 * np.pi, 40, endpoint=False):
        tip = CENTRE + (RADIUS + REACH) * np.array([np.cos(turn), np.sin(turn)])
        cv2.line(alpha, tuple(int(4 * place) for place in CENTRE), tuple(int(4 * place) for place in tip), 1.0, 10)
    alpha = cv2.resize(alpha, (240 * times, 200 * times), interpolation=cv2.INTER_AREA)
    return alpha[..., None] * np.float32([0.2, 0.1, 0.1]) + (1 - alpha[..., None]) * np.float32([0.8, 0.8, 0.7]), alpha


def as_image(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]


@pytest.mark.parametrize("times", [1, 3])  # the small copy is the picture itself, and a part of it
def test_the_band_follows_spikes_out_of_a_rough_outline(model: LoadedModel, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refine, "SIDE", 300)
    picture, alpha = spiky(times)
    disc = cv2.morphologyEx(alpha, cv2.MORPH_OPEN, np.ones((15 * times, 15 * times)))
    rough = trimap_from_mask(disc > 0.5, band=4.0 * times)
    better = refined_trimap(rough, as_image(picture), model, {})
    hair = (alpha > 0.1) & (alpha < 0.9)
    assert (rough[hair] == 0).mean() > 0.3, "the rough band must not reach the tips already"
    assert (better[hair] == 0).mean() < 0.5 * (rough[hair] == 0).mean()
    assert (better == 128).mean() < 0.5 and better[0].max() == 0
    found = model(as_image(picture), {"trimap": guide_tensor("trimap", better, model)})[0]
    assert np.abs(to_array(found) - alpha).mean() < 0.02


def coarse_matte(times: int) -> tuple[Matted, np.ndarray]:
    """A matte without the spikes, in the corner of a larger picture, and the true alpha."""
    picture, alpha = spiky(times)
    room = [(0, 80 * times), (0, 200 * times)]
    picture, alpha = np.pad(picture, [*room, (0, 0)], mode="edge"), np.pad(alpha, room)
    disc = cv2.GaussianBlur(cv2.morphologyEx(alpha, cv2.MORPH_OPEN, np.ones((15 * times, 15 * times))), (0, 0), 2.0 * times)
    image = as_image(picture)
    return Matted(image, image, torch.from_numpy(disc)[None, None], None, None), alpha


@pytest.mark.parametrize("times", [1, 3])  # at its own size, and in a smaller copy
@pytest.mark.parametrize("side", [None, refine.FAST_SIDE])
def test_spikes_come_back_at_both_qualities(model: LoadedModel, side: int | None, times: int) -> None:
    matted, alpha = coarse_matte(times)
    refined = refine.refine(matted, model, {}, side=side)
    error, before = (np.abs(to_array(one.alpha) - alpha).mean() for one in (refined, matted))
    assert error < 0.35 * before
    known = refined.trimap != 0.5
    assert torch.equal(refined.alpha[known], refined.trimap[known])


def test_pixels_far_from_unknown_ones_hardly_change_the_result(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    matted, _ = coarse_matte(1)
    seen = refine.refine(matted, model, {})
    monkeypatch.setattr(refine, "MARGIN", 1 << 20)
    whole = refine.refine(matted, model, {})
    assert not torch.equal(seen.alpha, whole.alpha) and float((seen.alpha - whole.alpha).abs().max()) < 0.05


def test_a_solver_without_weights_keeps_the_first_band() -> None:
    picture, alpha = spiky()
    rough = trimap_from_mask(alpha > 0.5, band=9.0)
    assert refined_trimap(rough, as_image(picture), opened("closed-form"), {}) is rough


def test_a_trimap_without_foreground_or_background_is_unchanged(model: LoadedModel) -> None:
    image = as_image(spiky()[0])
    for level in (0, 255):
        trimap = np.full((200, 240), level, np.uint8)
        assert refined_trimap(trimap, image, model, {}) is trimap
